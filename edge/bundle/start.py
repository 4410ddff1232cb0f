"""One start of a bundle: which bytes run, whether they may, and whether the start came to a mask."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rigsight.base.errors import RigsightError
from rigsight.base.files import CANNOT_WRITE
from rigsight.edge import codes
from rigsight.edge.bundle.install import begin_start
from rigsight.edge.bundle.keys import PublicKey, load_public_key
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.starts import Attempt
from rigsight.edge.bundle.store import Store
from rigsight.edge.engines import codes as engine_codes

if TYPE_CHECKING:
    from rigsight.edge.frames import Prediction

Note = Callable[[str], None]
Counted = tuple[Store, str, Attempt]

INSTALLED = "installed:"
UNTRUSTED = (codes.BUNDLE_UNSIGNED.code, codes.SIGNATURE_WRONG.code)
# Errors of bundles and engines for which no bundle is to blame: a flag, or what the machine lacks.
NOT_THE_BUNDLES = (
    codes.VARIANT_MISSING.code,
    codes.SIGNING_MISSING.code,
    engine_codes.TENSORRT_MISSING.code,
    engine_codes.CUDA_MISSING.code,
    engine_codes.PROVIDER_MISSING.code,
)


class Start:
    """A bundle that is about to run. Make it with :func:`start_bundle`, leave it as a context manager.

    Attributes:
        bundle: what runs.
        notes: what the user should hear, such as a rollback.
    """

    def __init__(self, bundle: Bundle, counted: Counted | None = None, note: Note = lambda _: None) -> None:
        self.bundle = bundle
        self.notes: list[str] = []
        self._counted, self._note = counted, note

    def say(self, text: str) -> None:
        """Add to the notes, and tell at once whoever listens."""
        self.notes.append(text)
        self._note(text)

    def masked(self) -> None:
        """The bundle gave a mask: it started. Only the first call does anything; nothing is raised."""
        counted, self._counted = self._counted, None
        if counted is None:
            return
        store, name, attempt = counted
        folder = self.bundle.path.name
        try:
            with store.changing(name) as change:
                attempt.settle()
                store.starts(name).forgive(folder)
                slots = store.slots(name)
                if slots.masked(folder) != slots:
                    change(slots.masked(folder))
        except RigsightError as error:  # a full disk must not end a run that works
            self.say(f"the start is not settled: {error.line()}")

    def close(self, error: BaseException | None = None) -> None:
        """The run is over. Without a mask the start counts as failed, unless it ended for another reason.

        Other reasons are an end in order (an empty source, Ctrl-C) and errors that are not about the bundle:
        a camera without its cable must not bring an old bundle back.
        """
        counted, self._counted = self._counted, None
        if counted is None:
            return
        if error is None or isinstance(error, KeyboardInterrupt) or _is_elsewhere(error):
            with contextlib.suppress(RigsightError):
                counted[2].settle()
        else:
            counted[2].fail()

    def __enter__(self) -> Start:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(error)


def _is_elsewhere(error: BaseException) -> bool:
    """Whether an error is about cameras, files or flags and not about the bundle."""
    if not isinstance(error, RigsightError):
        return False
    return error.code in NOT_THE_BUNDLES or not error.code.startswith(("BND-", "ENG-"))


class StartedSink:
    """Tells a start of its first mask."""

    def __init__(self, start: Start) -> None:
        self._start = start

    def write(self, prediction: Prediction) -> None:
        """A mask was made."""
        self._start.masked()

    def close(self) -> None:
        """Nothing: the start outlives its sinks."""


def open_named(bundle: str | Path) -> Bundle:
    """A folder, a zip or ``installed:NAME``, the active bundle of the store, to look at: no start is counted.

    Raises:
        RigsightError: as :func:`open_bundle`; BND-026 where nothing is installed or active.
    """
    if not str(bundle).startswith(INSTALLED):
        return open_bundle(bundle)
    store, name = Store(), str(bundle)[len(INSTALLED) :]
    return store.open(name, store.current(name))


def start_bundle(
    bundle: str | Path,
    trust: str | Path | None = None,
    store: str | Path | None = None,
    *,
    allow_downgrade: bool = False,
    note: Note = lambda _: None,
) -> Start:
    """Open what is to run: a folder, a zip, or ``installed:NAME``, the active bundle of the store.

    With ``trust`` (a public key file) only what is signed with it runs, and of a folder or zip no release
    older than the newest that was installed or ran with a trusted key. A start of an installed bundle is
    counted before anything of it is loaded; after three that gave no mask the previous bundle runs. ``note``
    hears at once what the start's notes say.

    Raises:
        RigsightError: as :func:`open_bundle`; BND-022 for the key, BND-025 for an older release, BND-026
            where nothing is installed or active, BND-027; IO-001 where a trusted release cannot be
            remembered.
    """
    key = None if trust is None else load_public_key(trust)
    if str(bundle).startswith(INSTALLED):
        return _start_installed(Store(store), str(bundle)[len(INSTALLED) :], key, note)
    opened = open_bundle(bundle, key)
    if key is not None:
        kept = Store(store)
        kept.check_release(opened, allow_downgrade)
        kept.see(opened)
    return Start(opened, note=note)


def _start_installed(store: Store, name: str, key: PublicKey | None, tell: Note) -> Start:
    counted: Counted | None = None
    try:
        current, attempt, note = begin_start(store, name)
        counted = (store, name, attempt)
    except RigsightError as error:
        if error.code != CANNOT_WRITE.code:
            raise
        # A disk that is full or read-only does not keep a robot from starting; its way back is gone, though.
        current, note = store.current(name), f"the start is not counted: {error.line()}"
    try:
        start = Start(store.open(name, current, key), counted, tell)
    except RigsightError as error:
        wrong_key = key not in (None, current.key) and error.code in UNTRUSTED
        if counted is not None and (wrong_key or _is_elsewhere(error)):
            counted[2].settle()
        elif counted is not None:
            counted[2].fail()
        raise
    if note is not None:
        start.say(note)
    return start
