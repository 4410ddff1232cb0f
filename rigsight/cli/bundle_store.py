"""``rigsight bundle install``, ``activate``, ``rollback`` and ``installed``: where bundles run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

INSTALL_EXAMPLE = "Example: rigsight bundle install crack.zip --trust fleet.pub.pem"
ACTIVATE_EXAMPLE = "Example: rigsight bundle activate crack"
ROLLBACK_EXAMPLE = "Example: rigsight bundle rollback crack"
INSTALLED_EXAMPLE = "Example: rigsight bundle installed --json"

Name = Annotated[str, typer.Argument(metavar="NAME", help="The bundle's name, as 'installed' lists it.")]
StoreFolder = Annotated[
    Path | None,
    typer.Option("--store", help="Of the installed bundles; $RIGSIGHT_STORE, else your data folder."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def install(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder or zip.")],
    trust: Annotated[
        Path | None, typer.Option(metavar="KEY", help="Public key; the bundle must be signed with it.")
    ] = None,
    allow_downgrade: Annotated[
        bool, typer.Option("--allow-downgrade", help="Take an older release than one seen here.")
    ] = False,
    store: StoreFolder = None,
) -> None:
    """Verify a bundle and copy it into the store, where it waits to be activated.

    Once a bundle was installed with --trust, its successors must be signed with that key too; only another
    --trust changes it.
    """
    from rigsight.edge.bundle.install import install as install_
    from rigsight.edge.bundle.keys import load_public_key
    from rigsight.edge.bundle.store import Store

    opened = Store(store)
    key = None if trust is None else load_public_key(trust)
    name, slot = install_(opened, path, key, allow_downgrade=allow_downgrade)
    if opened.slots(name).current == slot:
        print(f"{slot.id}: is active already")
    else:
        print(f"{slot.id}: installed; 'rigsight bundle activate {name}' puts it to work")


def activate(name: Name, store: StoreFolder = None) -> None:
    """Put the installed bundle to work, once its golden inputs gave here what they gave where it was made.

    Until then, and where they do not, the bundle of before stays active.
    """
    from rigsight.edge.bundle.install import activate as activate_
    from rigsight.edge.bundle.store import Store

    slot = activate_(Store(store), name)
    print(f"{slot.id}: active; run it with --bundle installed:{name}")


def rollback(name: Name, store: StoreFolder = None) -> None:
    """Go back to the bundle that was active before."""
    from rigsight.edge.bundle.install import rollback as rollback_
    from rigsight.edge.bundle.store import Store

    slot = rollback_(Store(store), name)
    print(f"{slot.id}: active again")


def installed(store: StoreFolder = None, as_json: AsJson = False) -> None:
    """List the installed bundles: what is active, what a rollback brings back, what waits."""
    from rigsight.edge.bundle.store import Store

    opened = Store(store)
    found = {name: opened.slots(name) for name in opened.names()}
    if as_json:
        data = {name: slots.model_dump() for name, slots in found.items()}
        for name, slots in found.items():
            data[name]["failed_starts"] = opened.failed_starts(name)
            for title in ("current", "previous", "staged"):
                if (slot := getattr(slots, title)) is not None:
                    data[name][title]["path"] = str(opened.path(name, slot))
        print(json.dumps(data, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("bundle", "slot", "gave a mask", "signed with"):
        table.add_column(heading, overflow="fold")
    for slots in found.values():
        for title, slot in (
            ("active", slots.current),
            ("previous", slots.previous),
            ("waiting", slots.staged),
        ):
            if slot is not None:
                key = "–" if slot.key is None else slot.key.fingerprint
                table.add_row(slot.id, title, "yes" if slot.worked else "not yet", key)
    Console(highlight=False).print(table if table.rows else f"nothing is installed in {opened.folder}")
    for name, slots in found.items():
        count = opened.failed_starts(name)
        failed = f"; {count} failed start{'s' if count > 1 else ''} of the active one" if count else ""
        print(f"{name}: newest release seen {slots.newest}{failed}")
