"""The slots of one installed bundle, and the steps between them. Plain values; nothing here touches a disk.

``staged`` waits to be activated, ``current`` runs, ``previous`` is what a rollback brings back::

    install    a bundle                    -> staged
    activate   staged -> current, current  -> previous
    rollback   previous -> current, current -> staged (where none waits)
    start      after MAX_FAILED_STARTS without a mask (see ``starts``) a rollback first
    first mask current has worked here
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rigsight.base.schema import StrictModel
from rigsight.edge.bundle.keys import PublicKey

MAX_FAILED_STARTS = 3


class Slot(StrictModel):
    """One bundle in the store."""

    folder: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", description="below the bundle's 'slots'")
    id: str
    release: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of bundle.yaml")
    trust: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="public key that it must be signed with"
    )
    worked: bool = Field(default=False, description="it has given a mask on this device")

    @property
    def key(self) -> PublicKey | None:
        """The key that the bundle was installed with, and must be signed with ever after."""
        return None if self.trust is None else PublicKey(bytes.fromhex(self.trust))


class Slots(StrictModel):
    """The whole of state.yaml: what is in which slot, and what may come next."""

    version: Literal[1] = 1
    newest: int = Field(default=0, ge=0, description="newest release installed or run with a trusted key")
    current: Slot | None = None
    previous: Slot | None = None
    staged: Slot | None = None

    def slots(self) -> list[Slot]:
        """Those that hold something: current, previous, staged."""
        return [slot for slot in (self.current, self.previous, self.staged) if slot is not None]

    def seen(self, release: int) -> Slots:
        """The release counts as seen; ``newest`` never goes down.

        >>> Slots().seen(3).seen(2).newest
        3
        """
        return self.model_copy(update={"newest": max(self.newest, release)})

    def with_staged(self, slot: Slot) -> Slots:
        """A bundle was installed; what waited before goes."""
        return self.seen(slot.release).model_copy(update={"staged": slot})

    def activated(self, current_is_whole: bool) -> Slots:
        """``staged`` becomes ``current``.

        What ran before becomes ``previous``, unless it is damaged, or never gave a mask and there is an older
        one: the way back should lead to something that worked.
        """
        old, previous = self.current, self.previous
        if old is not None and current_is_whole and (old.worked or previous is None):
            previous = old
        return self.model_copy(update={"current": self.staged, "previous": previous, "staged": None})

    def rolled_back(self) -> Slots:
        """``previous`` becomes ``current``; what ran waits in ``staged``, unless something else does."""
        return self.model_copy(
            update={
                "current": self.previous,
                "previous": None,
                "staged": self.staged or self.current,
            }
        )

    def masked(self, folder: str) -> Slots:
        """The bundle in ``folder`` gave a mask: it works here."""
        if self.current is None or self.current.folder != folder:
            return self
        worked = self.current.model_copy(update={"worked": True})
        return self.model_copy(update={"current": worked})
