"""Where a live capture has its pictures from: cameras, files, or the simulator with its operator."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rigsight.calibration.boards import Board
    from rigsight.calibration.guidance.capture import GuidedCapture


class Feed(ABC):
    """Pairs of pictures in time, and who looks at the guidance."""

    @abstractmethod
    def pairs(self) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Pictures by camera, and their stamp."""

    @abstractmethod
    def follow(self, capture: GuidedCapture) -> None:
        """After every step: show the guidance to whoever holds the board."""

    @abstractmethod
    def close(self) -> None:
        """Let go of devices."""


class SimulatedFeed(Feed):
    """The simulated rig and its operator."""

    def __init__(self, source: str, board: Board) -> None:
        from rigsight.edge.simulation.operator import OperatorSource
        from rigsight.edge.sources.sim import SimSource
        from rigsight.edge.sources.uri import parse_uri

        self._operator = OperatorSource(SimSource.from_uri(parse_uri(source, ["sim"])).simulated, board)

    def pairs(self) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Without end, in simulated time."""
        yield from self._operator.pairs()

    def follow(self, capture: GuidedCapture) -> None:
        """Show the operator the outline of the next pose."""
        from rigsight.calibration.guidance.poses import outline

        if capture.proposal is not None and capture.rig is not None:
            self._operator.follow(outline(capture.rig, 0, capture.board, capture.proposal.pose))

    def close(self) -> None:
        """Nothing is held."""


class SourceFeed(Feed):
    """Cameras or files. In live pace pictures are shown when they are due, and late ones are left out."""

    def __init__(self, source: str) -> None:
        """Raises CAL-050 where a camera is missing, and SRC-… of the source."""
        from rigsight.edge import codes
        from rigsight.edge.pairing import Pairer
        from rigsight.edge.sources.base import ROLES, open_source

        self._source = open_source(source)
        missing = [role for role in ROLES if role not in self._source.cameras]
        if missing:
            self._source.close()
            raise codes.LIVE_CAMERAS(f"there is no {missing[0]} camera", where=source)
        self._pairer = Pairer(self._source)

    def pairs(self) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Sets of frames in which no camera is missing; the pictures hold until the next one is asked for."""
        from rigsight.edge.pairing import frame_sets

        began: tuple[float, int] | None = None
        for frames in frame_sets(self._source, self._pairer):
            try:
                if frames.missing:
                    continue
                if self._source.live:
                    began = began or (time.monotonic(), frames.captured_ns)
                    due = began[0] + (frames.captured_ns - began[1]) / 1e9 - time.monotonic()
                    if due < -0.1:
                        continue
                    time.sleep(max(due, 0.0))
                yield {role: frame.data for role, frame in frames.frames.items()}, frames.captured_ns
            finally:
                frames.release()

    def follow(self, capture: GuidedCapture) -> None:
        """People look for themselves."""

    def close(self) -> None:
        """Close the source."""
        self._source.close()
