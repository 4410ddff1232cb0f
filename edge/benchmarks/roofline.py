"""The least time that a Jetson could take for a graph: an estimate from its data sheet, not a measurement.

Roofline: work and transfers overlap perfectly, and the slower one counts. Every real engine takes longer.
"""

from __future__ import annotations

from dataclasses import dataclass

# Multiply-accumulates of one third-generation tensor core of Orin a clock, dense. NVIDIA's figure for the
# AGX Orin's GPU, 170 sparse (85 dense) INT8 TOPS of 64 cores at 1.3 GHz, is 512 a core.
INT8_MACS_PER_CLOCK = 512
WIDTHS = {"fp16": 2, "int8": 1}


@dataclass(frozen=True)
class Board:
    """One module: tensor cores, highest GPU clock (Hz), memory bandwidth (bytes a second)."""

    name: str
    tensor_cores: int
    clock_hz: float
    bandwidth: float

    def macs_per_second(self, precision: str) -> float:
        """Dense multiply-accumulates a second; FP16 has half of INT8's.

        >>> round(2 * BOARDS[-1].macs_per_second("int8") / 1e12)
        85
        """
        return self.tensor_cores * self.clock_hz * INT8_MACS_PER_CLOCK / WIDTHS[precision]


# NVIDIA, Jetson Orin series data sheets: module, tensor cores, clock, memory.
BOARDS = (
    Board("Orin Nano 8 GB", 32, 0.625e9, 68e9),
    Board("Orin Nano 8 GB Super", 32, 1.020e9, 102e9),
    Board("Orin NX 16 GB", 32, 0.918e9, 102.4e9),
    Board("AGX Orin 64 GB", 64, 1.3e9, 204.8e9),
)


def least_ms(board: Board, precision: str, macs: float, numbers: float) -> float:
    """Milliseconds below which one inference cannot be: ``numbers`` read and written, weights included.

    >>> nx = BOARDS[2]
    >>> f"{least_ms(nx, 'fp16', 15e9, 0):.2f} ms"
    '1.99 ms'
    """
    work = macs / board.macs_per_second(precision)
    transfers = numbers * WIDTHS[precision] / board.bandwidth
    return 1e3 * max(work, transfers)
