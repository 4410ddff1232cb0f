"""What a camera offers, and which of it is taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rigsight.edge.cameras import codes

# Best first, where several give the same rate: no loss before loss.
PREFERRED = {
    "rgb": ("YUYV", "UYVY", "NV12", "RGB3", "BGR3", "MJPG", "JPEG", "YU12", "GREY"),
    "thermal": (
        "Y16", "Y16_BE", "Y14", "Y12", "Y10", "GREY", "YUYV", "UYVY", "NV12", "YU12", "RGB3", "BGR3", "MJPG",
        "JPEG",
    ),
}  # fmt: skip
RATE_TOLERANCE = 0.01
USUAL_HZ = 30.0


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels, and the frames a second at this size, highest first; none where the driver does not say."""

    width: int
    height: int
    rates: tuple[float, ...] = ()

    def rate_near(self, wanted: float) -> float | None:
        """The offered rate that is ``wanted``, which counts as offered where nothing is said."""
        if not self.rates:
            return wanted
        near = min(self.rates, key=lambda rate: abs(rate - wanted))
        return near if abs(near - wanted) <= RATE_TOLERANCE * wanted else None

    def words(self) -> str:
        """Such as ``640x512 at 60, 30 Hz``."""
        rates = ", ".join(f"{rate:g}" for rate in self.rates)
        return f"{self.width}x{self.height}" + (f" at {rates} Hz" if rates else "")


@dataclass(frozen=True, slots=True)
class Span:
    """Sizes from ``low`` to ``high`` in steps of ``step`` (width, height)."""

    low: tuple[int, int]
    high: tuple[int, int]
    step: tuple[int, int]

    def holds(self, size: tuple[int, int]) -> bool:
        """Whether a size is among them."""
        return all(
            low <= value <= high and (value - low) % max(1, step) == 0
            for value, low, high, step in zip(size, self.low, self.high, self.step, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """One pixel format. ``sizes`` is empty where the driver gives a ``span`` or says nothing."""

    format: str
    words: str = ""
    sizes: tuple[Size, ...] = ()
    span: Span | None = None

    def size(self, wanted: tuple[int, int]) -> Size | None:
        """The offered size that is ``wanted``."""
        for size in self.sizes:
            if (size.width, size.height) == wanted:
                return size
        unsaid = not self.sizes and (self.span is None or self.span.holds(wanted))
        return Size(*wanted) if unsaid else None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a URI asks for; None where it leaves the choice."""

    format: str | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What is set. ``fps`` None leaves the rate to the camera."""

    format: str
    width: int
    height: int
    fps: float | None


def choose(
    offers: Sequence[Offer], wish: Wish, role: str, own_size: tuple[int, int] | None, where: str
) -> Choice:
    """The format that comes nearest to the asked rate (30 Hz), and of those the one that loses least.

    Without a size the camera's ``own_size`` is kept where the format has it, else the largest is taken.

    Raises:
        RigsightError: CAM-005 naming what is offered.
    """
    known = PREFERRED[role]
    names = [offer.format for offer in offers]
    if wish.format is not None and wish.format not in names:
        raise codes.CAMERA_FORMAT(f"{wish.format} is not among {_listed(names)}", where=where)
    if wish.format is not None and wish.format not in known:
        raise codes.CAMERA_FORMAT(
            f"{wish.format} is not read for {role}", where=where, fix=f"Read are {', '.join(known)}."
        )
    usable = [offer for offer in offers if offer.format in known and wish.format in (None, offer.format)]
    if not usable:
        raise codes.CAMERA_FORMAT(
            f"it offers {_listed(names)} for {role}, of which none is read here",
            where=where,
            fix=f"Read are {', '.join(known)}.",
        )
    sized = [(offer, size) for offer in usable if (size := _size(offer, wish.size, own_size)) is not None]
    if not sized:
        assert wish.size is not None
        offered = "; ".join(f"{offer.format}: {_sizes(offer)}" for offer in usable)
        raise codes.CAMERA_FORMAT(f"{wish.size[0]}x{wish.size[1]} is not among {offered}", where=where)
    aim = wish.fps or USUAL_HZ

    def merit(found: tuple[Offer, Size]) -> tuple[float, int]:
        offer, size = found
        best = max(size.rates, default=aim)
        return aim if best >= aim * (1 - RATE_TOLERANCE) else best, -known.index(offer.format)

    if wish.fps is not None:
        fitting = [found for found in sized if found[1].rate_near(wish.fps) is not None]
        if not fitting:
            offered = "; ".join(f"{offer.format}: {size.words()}" for offer, size in sized)
            raise codes.CAMERA_FORMAT(f"{wish.fps:g} Hz is not among {offered}", where=where)
        sized = fitting
    offer, size = max(sized, key=merit)
    rate = size.rate_near(wish.fps) if wish.fps is not None else None
    return Choice(offer.format, size.width, size.height, rate)


def _size(offer: Offer, wanted: tuple[int, int] | None, own: tuple[int, int] | None) -> Size | None:
    if wanted is not None:
        return offer.size(wanted)
    if own is not None and (kept := offer.size(own)) is not None:
        return kept
    if offer.sizes:
        return max(offer.sizes, key=lambda size: size.width * size.height)
    return Size(*offer.span.high) if offer.span is not None else None


def _sizes(offer: Offer) -> str:
    if offer.span is not None:
        (w0, h0), (w1, h1) = offer.span.low, offer.span.high
        return f"{w0}x{h0} to {w1}x{h1}"
    return ", ".join(f"{size.width}x{size.height}" for size in offer.sizes) or "sizes that it does not name"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
