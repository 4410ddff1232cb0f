"""Triggered cameras are paired by their counts: exact where stamps are late by more than half a period."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping

from rigsight.edge.frames import Frame, FrameSet
from rigsight.edge.pairing import NO_PARTNER, PairedCamera, Pairer
from rigsight.edge.profile import Pairing
from rigsight.edge.sources.base import Source

VOTES, ENOUGH = 16, 12
DOUBTS = 5


class SequencePairer(Pairer):
    """As :class:`Pairer`, for cameras that one pulse triggers.

    The counts of both differ by a constant, which pairs by time vote for: twelve of the last sixteen must
    agree. From then on frames belong together whose counts do, whatever their stamps say. Where five sets in
    a row have no partner, or one whose stamp lies further off than ``max_skew_ms`` and half a period (a
    camera was opened again, or missed a pulse without counting it), the constant is learned anew.

    Attributes:
        difference: the other camera's count minus the reference's, None while it is being learned.
    """

    def __init__(
        self,
        source: Source,
        settings: Pairing | None = None,
        time_offset_s: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(source, settings, time_offset_s)
        self.difference: int | None = None
        self._votes: deque[int] = deque(maxlen=VOTES)
        self._doubts = 0

    def push(self, frame: Frame) -> Iterator[FrameSet]:
        """See :meth:`Pairer.push`; every set that comes out is also a vote, or a doubt."""
        for made in super().push(frame):
            self._learn(made)
            yield made

    def _partner(
        self, reference: PairedCamera, other: PairedCamera, first: Frame
    ) -> tuple[Frame | None, bool]:
        if self.difference is None:
            return super()._partner(reference, other, first)
        wanted = first.sequence + self.difference
        while other.waiting and other.waiting[0].sequence < wanted:
            self._drop(other.waiting.popleft(), NO_PARTNER)
        if other.waiting:
            found = other.waiting[0]
            return (found, True) if found.sequence == wanted else (None, True)
        stamp = reference.stamp(first)
        return None, self._waited(stamp) or self._is_silent(other, stamp)

    def _learn(self, made: FrameSet) -> None:
        if self._other is None or self._reference not in made.frames:
            return
        together = self._other in made.frames
        if self.difference is None:
            if together:
                self._vote(made.frames[self._other].sequence - made.frames[self._reference].sequence)
            return
        allowed = self.max_skew_ns + self._cameras[self._reference].period_ns // 2
        doubtful = (
            abs(made.skew_ns[self._other]) > allowed
            if together
            else made.missing.get(self._other) == NO_PARTNER
        )
        self._doubts = self._doubts + 1 if doubtful else 0
        if self._doubts >= DOUBTS:
            self.difference = None
            self._votes.clear()

    def _vote(self, difference: int) -> None:
        self._votes.append(difference)
        best, votes = Counter(self._votes).most_common(1)[0]
        if votes >= ENOUGH:
            self.difference, self._doubts = best, 0


def make_pairer(
    source: Source, settings: Pairing, time_offset_s: Mapping[str, float] | None = None
) -> Pairer:
    """The pairer that the settings ask for."""
    kind = SequencePairer if settings.by == "sequence" else Pairer
    return kind(source, settings, time_offset_s)
