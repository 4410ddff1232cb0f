"""Slots of shared memory between a capture process and the pipeline.

The process that captures owns the slots: it writes only into one that nobody holds, and learns by message
that one came back. So no frame is ever torn, and a reader that keeps frames costs drops at the camera, never
a wait. The memory has no name: it goes when the last process that maps it ends, however it ends.
"""

from __future__ import annotations

import mmap
import os
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from rigsight.edge.frames import Image

_PAGE = mmap.PAGESIZE


class SlotWriter:
    """The capturing side: ``slots`` buffers of ``size`` bytes; ``descriptor`` goes to the other process."""

    def __init__(self, slots: int, size: int, generation: int) -> None:
        """Raises OSError where there is no memory for it."""
        self.slots, self.generation = slots, generation
        self.size = -(-size // _PAGE) * _PAGE
        self.descriptor = os.memfd_create("rigsight-frames", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, self.slots * self.size)
        self._memory = mmap.mmap(self.descriptor, self.slots * self.size)
        self._free = list(range(slots))

    def take(self, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[int, Image] | None:
        """A slot and the writable picture in it; None when all are held.

        The slot that came back last is taken first: pages that were never needed are never touched.

        Raises:
            ValueError: the picture is larger than a slot.
        """
        size = prod(shape) * np.dtype(dtype).itemsize
        if size > self.size:
            raise ValueError(f"a picture of {size} bytes is larger than a slot of {self.size}")
        if not self._free:
            return None
        slot = self._free.pop()
        view = np.frombuffer(self._memory, np.uint8, size, slot * self.size)
        return slot, view.view(dtype).reshape(shape)

    def give_back(self, slot: int) -> None:
        """The slot may be written again."""
        if slot not in self._free and 0 <= slot < self.slots:
            self._free.append(slot)

    def close(self) -> None:
        """Let go of the descriptor; the memory stays where the other process maps it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class SlotReader:
    """The reading side, which cannot write."""

    def __init__(self, descriptor: int, generation: int) -> None:
        """Maps and closes ``descriptor``. Raises OSError or ValueError where it is no such memory."""
        self.generation = generation
        try:
            length = os.fstat(descriptor).st_size
            self._memory = mmap.mmap(descriptor, length, prot=mmap.PROT_READ)
        finally:
            os.close(descriptor)

    def picture(self, offset: int, shape: tuple[int, ...], dtype: DTypeLike) -> Image:
        """The read-only picture at ``offset``. Raises ValueError where it does not fit."""
        return np.frombuffer(self._memory, np.dtype(dtype), prod(shape), offset).reshape(shape)
