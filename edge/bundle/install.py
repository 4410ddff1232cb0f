"""Install, activate, roll back: the steps that a user asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rigsight.base.errors import RigsightError
from rigsight.edge import codes
from rigsight.edge.bundle.keys import PublicKey
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.slots import MAX_FAILED_STARTS, Slot
from rigsight.edge.bundle.starts import Attempt
from rigsight.edge.bundle.store import Store

Check = Callable[[Bundle], object]


def golden_check(bundle: Bundle) -> object:
    """Run the golden vectors on the engine that will run here. Raises RigsightError BND-…, ENG-…"""
    from rigsight.edge.bundle.golden import check_golden
    from rigsight.edge.engines.select import open_engine

    return check_golden(bundle, open_engine(bundle, choice="auto"))


def install(
    store: Store, path: str | Path, trust: PublicKey | None = None, *, allow_downgrade: bool = False
) -> tuple[str, Slot]:
    """Verify a bundle and copy it into the store, where it waits to be activated.

    Without ``trust`` the key of the installed bundle of that name counts, if it has one: who once asked for
    signatures is not given an unsigned successor. A bundle that is there already is not copied again.

    Returns:
        Its name, and the slot that it now has: ``staged``, or ``current`` where it runs already.

    Raises:
        RigsightError: as :func:`open_bundle`; BND-025 for an older release, BND-027, IO-001.
    """
    bundle = open_bundle(path, trust)
    name = bundle.spec.name
    bundle = _acceptable(store, bundle, allow_downgrade)
    with store.changing(name) as change:
        bundle = _acceptable(store, bundle, allow_downgrade)  # again: another process may have been faster
        slots = store.slots(name)
        there = next((slot for slot in slots.slots() if _is(store, name, slot, bundle)), None)
        slot = Slot(
            folder=there.folder if there is not None else store.add(name, bundle),
            id=bundle.id,
            release=bundle.spec.release,
            sha256=bundle.sha256,
            trust=None if bundle.trust is None else bundle.trust.raw.hex(),
            worked=there is not None and there.worked,
        )
        if there is not None and there == slots.current:
            change(slots.model_copy(update={"current": slot}))
        else:
            change(slots.with_staged(slot))
    return name, slot


def activate(store: Store, name: str, check: Check = golden_check) -> Slot:
    """Make the waiting bundle the current one, once its golden vectors have passed on this device.

    The store is free for others while they run.

    Raises:
        RigsightError: BND-026 where nothing waits, BND-007 where the vectors fail, BND-00x for a damaged
            bundle, IO-001; the current bundle stays then.
    """
    staged = store.known(name).staged
    if staged is None:
        raise codes.NOT_INSTALLED(
            f"no bundle '{name}' waits to be activated",
            where=store.folder,
            fix="Install one with 'rigsight bundle install'.",
        )
    check(store.open(name, staged))
    with store.changing(name) as change:
        slots = store.slots(name)
        if slots.staged != staged:
            raise codes.NOT_INSTALLED(
                f"another bundle '{name}' was installed meanwhile", where=store.folder, fix="Activate again."
            )
        store.starts(name).forgive(staged.folder)
        change(slots.activated(current_is_whole=_is_whole(store, name, slots.current)))
    return staged


def rollback(store: Store, name: str) -> Slot:
    """Go back to the previous bundle at once; its golden vectors passed when it was activated.

    Raises:
        RigsightError: BND-026 where there is nothing to go back to, BND-00x where that is damaged, IO-001.
    """
    store.known(name)
    with store.changing(name) as change:
        slots = store.slots(name)
        if slots.previous is None:
            raise codes.NOT_INSTALLED(
                f"'{name}' has no previous bundle to go back to",
                where=store.folder,
                fix="Install another release; an older one needs --allow-downgrade.",
            )
        store.open(name, slots.previous)
        store.starts(name).forgive(slots.previous.folder)
        change(slots.rolled_back())
        return slots.previous


def begin_start(store: Store, name: str) -> tuple[Slot, Attempt, str | None]:
    """Write down that the current bundle is about to start, and roll back first where it failed too often.

    Returns:
        What is to start, its attempt, and a sentence where it was, or could not be, rolled back.

    Raises:
        RigsightError: BND-026 where nothing is active, BND-027, IO-001.
    """
    store.current(name)
    with store.changing(name) as change:
        current, note = store.current(name), None
        failed = store.starts(name).failed(current.folder)
        if failed >= MAX_FAILED_STARTS:
            slots, said = store.slots(name), f"{current.id} failed to start {failed} times"
            if slots.previous is not None and _is_whole(store, name, slots.previous):
                note = f"{said}: rolled back to {slots.previous.id}"
                store.starts(name).forgive(slots.previous.folder)
                change(slots.rolled_back())
                current = slots.previous
            else:
                note = f"{said}, and there is no way back"
        return current, store.starts(name).begin(current.folder), note


def _acceptable(store: Store, bundle: Bundle, allow_downgrade: bool) -> Bundle:
    """The bundle, opened with the installed one's key where it was opened with none. Raises as install."""
    store.check_release(bundle, allow_downgrade)
    keys = [slot.key for slot in store.slots(bundle.spec.name).slots() if slot.key is not None]
    if bundle.trust is not None or not keys:
        return bundle
    again = open_bundle(bundle.path, keys[0])
    if again.sha256 != bundle.sha256:
        raise codes.BUNDLE_ALTERED("it changed while it was read", where=bundle.path)
    return again


def _is(store: Store, name: str, slot: Slot, bundle: Bundle) -> bool:
    """Whether a slot holds this very bundle, whole, and signed where that is asked for."""
    if slot.sha256 != bundle.sha256:
        return False
    try:
        store.open(name, slot, bundle.trust)
    except RigsightError:
        return False
    return True


def _is_whole(store: Store, name: str, slot: Slot | None) -> bool:
    if slot is None:
        return False
    try:
        store.open(name, slot)
    except RigsightError:
        return False
    return True
