"""The faults themselves: each begins, and returns when its cause has ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rigsight.edge.benchmarks.faults.rig import CardRig

Cause = Callable[["CardRig", str, np.random.Generator], int]
GOAL_S, GOAL_OF_A_PROCESS_S = 1.0, 2.0


@dataclass(frozen=True)
class Fault:
    """One kind. ``begin`` injects it into a camera and returns when its cause ended, monotonic nanoseconds;
    recovery is to take at most ``goal_s`` from then."""

    name: str
    begin: Cause
    goal_s: float = GOAL_S
    cameras: tuple[str, ...] = ("rgb", "thermal")


def _command(words: dict[str, object], lasts_s: float) -> Cause:
    def begin(rig: CardRig, role: str, chance: np.random.Generator) -> int:
        rig.camera(role).command({**words, "seconds": lasts_s})
        time.sleep(lasts_s)
        return monotonic_ns()

    return begin


def _unplug(rig: CardRig, role: str, chance: np.random.Generator) -> int:
    plug = rig.plug(role)
    plug.touch()
    time.sleep(float(chance.uniform(0.3, 2.5)))
    plug.unlink()
    return monotonic_ns()


def _signal(number: int) -> Cause:
    def begin(rig: CardRig, role: str, chance: np.random.Generator) -> int:
        pid = rig.pid(role)
        if pid is not None:
            os.kill(pid, number)
        return monotonic_ns()

    return begin


def _hang(rig: CardRig, role: str, chance: np.random.Generator) -> int:
    rig.camera(role).command({"do": "hang"})
    return monotonic_ns()


def _few(do: str) -> Cause:
    def begin(rig: CardRig, role: str, chance: np.random.Generator) -> int:
        frames = int(chance.integers(1, 6))
        rig.camera(role).command({"do": do, "frames": frames})
        time.sleep(frames / rig.fps + 0.05)
        return monotonic_ns()

    return begin


def _slow_sink(rig: CardRig, role: str, chance: np.random.Generator) -> int:
    rig.watcher.slow_s = 0.4
    rig.watcher.slow_until_ns = monotonic_ns() + 1_500_000_000
    time.sleep(1.5)
    return monotonic_ns()


def _garbage(rig: CardRig, role: str, chance: np.random.Generator) -> int:
    rig.serial.garbage(chance, 0.5)
    return monotonic_ns()


FAULTS = (
    Fault("cable out and in again", _unplug),
    Fault("frozen picture", _command({"do": "freeze"}, 0.6)),
    Fault("corrupt frames", _few("corrupt")),
    Fault("short frames", _few("short")),
    Fault("10x jitter", _command({"do": "jitter"}, 1.0)),
    Fault("clock jumps ahead", _command({"do": "clock", "jump_s": 7.0}, 0.7)),
    Fault("clock jumps back", _command({"do": "clock", "jump_s": -60.0}, 0.7)),
    Fault("no frames", _command({"do": "silence"}, 1.2)),
    Fault("slow sink", _slow_sink, cameras=("sink",)),
    Fault("serial garbage", _garbage, cameras=("range finder",)),
    Fault("process killed", _signal(signal.SIGKILL), GOAL_OF_A_PROCESS_S),
    Fault("process hung", _hang, GOAL_OF_A_PROCESS_S),
    Fault("process stopped", _signal(signal.SIGSTOP), GOAL_OF_A_PROCESS_S),
)
