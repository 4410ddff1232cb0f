"""The store of installed bundles: a folder of the user's own, in which no crash leaves anything half done.

``NAME/state.yaml`` says what is in which slot and is replaced in one rename; ``NAME/slots/`` holds the
bundles, each written whole under a name that is not in use; ``NAME/starts/`` what has not come to a mask. So
a kill between any two steps leaves either the old state or the new one, and both name whole bundles; what
neither names is swept away by the next change.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from rigsight.base.files import atomic_folder, cannot_write, make_folder
from rigsight.base.schema import load_model
from rigsight.edge import codes
from rigsight.edge.bundle.durable import sync_folder, sync_tree, write_durably
from rigsight.edge.bundle.keys import PublicKey
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.slots import Slot, Slots
from rigsight.edge.bundle.starts import Starts, lock
from rigsight.edge.bundle.storage import SIGNATURE_FILE, SPEC_FILE

STATE_FILE = "state.yaml"
LOCK_FILE = "lock"
ENVIRONMENT = "RIGSIGHT_STORE"


def default_store() -> Path:
    """``$RIGSIGHT_STORE``, else ``rigsight/bundles`` in the XDG data folder (``~/.local/share``)."""
    given = os.environ.get(ENVIRONMENT)
    if given:
        return Path(given)
    data = os.environ.get("XDG_DATA_HOME", "")
    # A relative XDG_DATA_HOME is to be ignored: XDG Base Directory Specification 0.8.
    base = Path(data) if os.path.isabs(data) else Path(os.path.expanduser("~/.local/share"))
    return base / "rigsight" / "bundles"


class Store:
    """Installed bundles by name, each with its slots (see ``slots``)."""

    def __init__(self, folder: str | Path | None = None) -> None:
        """``folder`` is made when something is first installed; None means :func:`default_store`."""
        self.folder = Path(folder) if folder is not None else default_store()

    def names(self) -> list[str]:
        """What has a state here. Raises RigsightError BND-027."""
        try:
            return sorted(path.parent.name for path in self.folder.glob(f"*/{STATE_FILE}"))
        except OSError as error:
            raise codes.STORE_UNREADABLE(
                error.strerror or str(error), where=self.folder, fix="Check the disk."
            ) from error

    def slots(self, name: str) -> Slots:
        """The state of one name, empty where nothing was ever installed. Raises RigsightError BND-027."""
        path = self.folder / name / STATE_FILE
        return load_model(path, Slots, codes.STORE_UNREADABLE) if path.exists() else Slots()

    def path(self, name: str, slot: Slot) -> Path:
        """The folder of the bundle in a slot."""
        return self.folder / name / "slots" / slot.folder

    def starts(self, name: str) -> Starts:
        """The starts of a name that have not come to a mask."""
        return Starts(self.folder / name / "starts")

    def failed_starts(self, name: str) -> int:
        """How often what is active ended without a mask, since its last mask."""
        current = self.slots(name).current
        return 0 if current is None else self.starts(name).failed(current.folder)

    def open(self, name: str, slot: Slot, trust: PublicKey | None = None) -> Bundle:
        """Open and verify what is in a slot, with ``trust`` or the key that it was installed with.

        Raises:
            RigsightError: as :func:`open_bundle`; BND-003 where the slot holds another bundle than it says.
        """
        bundle = open_bundle(self.path(name, slot), trust or slot.key)
        if bundle.sha256 != slot.sha256:
            raise codes.BUNDLE_ALTERED("it is not the bundle that was installed", where=bundle.path)
        return bundle

    def current(self, name: str) -> Slot:
        """What is active. Raises RigsightError BND-026 where nothing is."""
        slots = self.known(name)
        if slots.current is None:
            raise codes.NOT_INSTALLED(
                f"'{name}' has no active bundle",
                where=self.folder,
                fix=f"Run 'rigsight bundle activate {name}'."
                if slots.staged
                else "Install one with 'rigsight bundle install'.",
            )
        return slots.current

    def known(self, name: str) -> Slots:
        """The state of a name that must have been installed. Raises RigsightError BND-026."""
        slots = self.slots(name) if name in self.names() else Slots()
        if not slots.slots():
            have = ", ".join(self.names())
            raise codes.NOT_INSTALLED(
                f"no bundle '{name}' is installed", where=self.folder, fix=f"Installed: {have or 'nothing'}."
            )
        return slots

    def check_release(self, bundle: Bundle, allow_downgrade: bool = False) -> None:
        """Refuse a release older than the newest that was seen. Raises RigsightError BND-025."""
        name, release = bundle.spec.name, bundle.spec.release
        newest = self.slots(name).newest
        if release < newest and not allow_downgrade:
            raise codes.OLDER_RELEASE(
                f"release {release} of '{name}' is older than release {newest}, which this machine has seen",
                where=bundle.path,
            )

    def see(self, bundle: Bundle) -> None:
        """Remember a release that runs with a trusted key. Raises RigsightError IO-001."""
        name, release = bundle.spec.name, bundle.spec.release
        if self.slots(name).newest < release:
            with self.changing(name) as change:
                change(self.slots(name).seen(release))

    @contextlib.contextmanager
    def changing(self, name: str) -> Iterator[Callable[[Slots], None]]:
        """Hold the lock of a name; yields what writes its new state and then sweeps.

        Raises:
            RigsightError: IO-001.
        """
        folder = make_folder(self.folder / name)
        with _locked(folder / LOCK_FILE):
            yield lambda slots: self._write(name, slots)

    def add(self, name: str, bundle: Bundle) -> str:
        """Copy a bundle's verified bytes into a new folder among the slots, and return the folder's name.

        To be called while the name is :meth:`changing`. Raises RigsightError IO-001, BND-003.
        """
        slots = make_folder(self.folder / name / "slots")
        number, folder = 1, bundle.id
        while (slots / folder).exists():
            number += 1
            folder = f"{bundle.id}-{number}"
        with atomic_folder(slots / folder) as target:
            (target / SPEC_FILE).write_bytes(bundle.description())
            if bundle.signed:
                (target / SIGNATURE_FILE).write_bytes(bundle.storage.read(SIGNATURE_FILE))
            for path in bundle.spec.files:
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(bundle.read(path))
            sync_tree(target)
        sync_folder(slots)
        open_bundle(slots / folder, bundle.trust)
        return folder

    def _write(self, name: str, slots: Slots) -> None:
        folder = self.folder / name
        write_durably(folder / STATE_FILE, slots.to_yaml().encode())
        sync_folder(self.folder)
        with contextlib.suppress(OSError):  # what is left over goes with the next change
            self._sweep(folder, {slot.folder for slot in slots.slots()})

    def _sweep(self, folder: Path, keep: set[str]) -> None:
        for path in (folder / "slots").glob("*"):
            if path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)
        for path in folder.glob(".part-*"):
            path.unlink()
        Starts(folder / "starts").keep_only(keep)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; a killed one lets go."""
    with contextlib.ExitStack() as stack:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            stack.callback(os.close, handle)
        except OSError as error:
            raise cannot_write(error, path) from error
        lock(handle)
        yield
