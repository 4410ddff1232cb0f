"""Installing, activating, rolling back: the slots, the keys, the releases, and every refusal."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.install import activate, begin_start, install, rollback
from rigsight.edge.bundle.slots import MAX_FAILED_STARTS, Slots
from rigsight.edge.bundle.start import start_bundle
from rigsight.edge.bundle.starts import MAX_REMEMBERED
from rigsight.edge.bundle.store import Store, default_store

_spec = importlib.util.spec_from_file_location("small_bundles", Path(__file__).with_name("small_bundles.py"))
assert _spec
assert _spec.loader
small_bundles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(small_bundles)
keys, release = small_bundles.keys, small_bundles.release


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Releases 1, 2 and 3 of the same bundle, unsigned; 2 is a zip."""
    folder = tmp_path_factory.mktemp("releases")
    return {n: release(folder / (f"r{n}.zip" if n == 2 else f"r{n}"), n) for n in (1, 2, 3)}


def passes(bundle: object) -> None:
    """In place of the golden vectors, which have a test of their own."""


def put(store: Store, bundle: Path, works: bool = True) -> None:
    """Install, activate, and have it give a mask."""
    install(store, bundle)
    activate(store, "tiny", passes)
    if works:
        with start_bundle("installed:tiny", store=store.folder) as start:
            start.masked()


def where(store: Store) -> tuple[int | None, int | None, int | None]:
    """Releases in current, previous and staged."""
    slots = store.slots("tiny")
    current, previous, staged = (
        None if slot is None else slot.release for slot in (slots.current, slots.previous, slots.staged)
    )
    folders = {slot.folder for slot in slots.slots()}
    assert {path.name for path in (store.folder / "tiny" / "slots").iterdir()} == folders
    for slot in slots.slots():
        assert store.open("tiny", slot).spec.release == slot.release
    return current, previous, staged


def fails(step: object, pattern: str, exit_code: int = 2) -> None:
    assert callable(step)
    with pytest.raises(RigsightError, match=pattern) as caught:
        step()
    assert "\n" not in caught.value.line()
    assert caught.value.exit_code == exit_code


def test_the_round_through_the_slots(store: Store, three: dict[int, Path]) -> None:
    name, slot = install(store, three[1])
    assert (name, slot.release, slot.trust) == ("tiny", 1, None)
    assert where(store) == (None, None, 1)
    assert activate(store, "tiny").release == 1  # by its real golden vectors
    assert where(store) == (1, None, None)
    with start_bundle("installed:tiny", store=store.folder) as start:
        start.masked()
    install(store, three[2])
    assert where(store) == (1, None, 2)
    install(store, three[3])
    assert where(store) == (1, None, 3)
    activate(store, "tiny", passes)
    assert where(store) == (3, 1, None)
    assert rollback(store, "tiny").release == 1
    assert where(store) == (1, None, 3)
    activate(store, "tiny", passes)
    assert where(store) == (3, 1, None)


def test_the_way_back_leads_to_what_worked(store: Store, three: dict[int, Path]) -> None:
    put(store, three[1])
    put(store, three[2], works=False)
    assert where(store) == (2, 1, None)
    put(store, three[3], works=False)
    assert where(store) == (3, 1, None)


def test_a_damaged_bundle_is_neither_kept_nor_gone_back_to(store: Store, three: dict[int, Path]) -> None:
    put(store, three[1])
    put(store, three[2])
    slots = store.slots("tiny")
    assert slots.current
    assert slots.previous
    (store.path("tiny", slots.previous) / "golden.npz").write_bytes(b"rot")
    fails(lambda: rollback(store, "tiny"), "BND-003.*golden.npz")
    for number in range(MAX_FAILED_STARTS + 2):  # there is no way back that is whole: it keeps trying
        current, attempt, note = begin_start(store, "tiny")
        assert current == slots.current
        assert (note or "").endswith("there is no way back") == (number >= MAX_FAILED_STARTS)
        attempt.fail()
    assert store.failed_starts("tiny") == 5
    for _ in range(MAX_REMEMBERED):
        begin_start(store, "tiny")[1].fail()
    assert store.failed_starts("tiny") <= MAX_REMEMBERED + 1
    install(store, three[1], allow_downgrade=True)  # a copy anew, not the damaged one
    assert store.slots("tiny").staged != slots.previous
    (store.path("tiny", slots.current) / "golden.npz").write_bytes(b"rot")
    fails(lambda: start_bundle("installed:tiny", store=store.folder), "BND-003.*golden.npz")
    activate(store, "tiny", passes)
    current = store.slots("tiny").current
    assert current is not None
    assert store.open("tiny", current).spec.release == 1


def test_what_is_there_is_not_copied_again(store: Store, three: dict[int, Path]) -> None:
    put(store, three[1])
    before = store.slots("tiny")
    install(store, three[1])
    assert store.slots("tiny") == before
    put(store, three[2])
    install(store, three[1], allow_downgrade=True)
    assert where(store) == (2, 1, 1)
    activate(store, "tiny", passes)
    assert where(store) == (1, 2, None)


def test_golden_vectors_that_fail_leave_everything_as_it_was(
    store: Store, three: dict[int, Path], tmp_path: Path
) -> None:
    put(store, three[1])
    install(store, small_bundles.wrong_release(tmp_path / "wrong", 2))
    fails(lambda: activate(store, "tiny"), "BND-007.*golden case")
    assert where(store) == (1, None, 2)
    install(store, small_bundles.broken_release(tmp_path / "broken", 3))
    fails(lambda: activate(store, "tiny"), "BND-005")
    assert where(store) == (1, None, 3)


def test_another_bundle_installed_during_the_golden_check(store: Store, three: dict[int, Path]) -> None:
    install(store, three[1])
    fails(lambda: activate(store, "tiny", lambda _: install(store, three[2])), "BND-026.*meanwhile")
    assert where(store) == (None, None, 2)


def test_older_releases_are_refused(store: Store, three: dict[int, Path], tmp_path: Path) -> None:
    put(store, three[3])
    fails(lambda: install(store, three[2]), "BND-025.*release 2.*release 3.*--allow-downgrade")
    assert where(store) == (3, None, None)
    install(store, three[2], allow_downgrade=True)
    assert where(store) == (3, None, 2)
    assert store.slots("tiny").newest == 3
    fails(lambda: install(store, three[1]), "BND-025")
    private, _ = keys(tmp_path)
    old, new = release(tmp_path / "old.zip", 2, private), release(tmp_path / "new.zip", 4, private)
    public = tmp_path / "fleet.pub.pem"
    fails(lambda: start_bundle(old, public, store.folder), "BND-025")
    start_bundle(old, public, store.folder, allow_downgrade=True)
    start_bundle(new, public, store.folder)
    assert store.slots("tiny").newest == 4
    fails(lambda: install(store, three[3]), "BND-025.*release 4")
    start_bundle(three[1])  # without a key a path is the user's own business


def test_a_trusted_run_is_remembered_where_nothing_is_installed(store: Store, tmp_path: Path) -> None:
    private, _ = keys(tmp_path)
    public = tmp_path / "fleet.pub.pem"
    old, new = release(tmp_path / "old", 1, private), release(tmp_path / "new", 2, private)
    start_bundle(old, public, store.folder)
    start_bundle(new, public, store.folder)
    fails(lambda: start_bundle(old, public, store.folder), "BND-025")
    fails(lambda: start_bundle("installed:tiny", store=store.folder), "BND-026.*no bundle 'tiny'")
    install(store, new)
    assert where(store) == (None, None, 2)


def test_who_asked_for_signatures_gets_no_unsigned_successor(
    store: Store, three: dict[int, Path], tmp_path: Path
) -> None:
    private, public = keys(tmp_path)
    stranger, strangers = keys(tmp_path, "stranger")
    signed = {n: release(tmp_path / f"signed{n}.zip", n, private) for n in (1, 2, 3)}
    foreign = release(tmp_path / "foreign", 4, stranger)
    put(store, three[1])
    fails(lambda: install(store, three[2], public), "BND-020")
    install(store, signed[1], public)  # the same bytes, and now their signature is asked for
    assert where(store) == (1, None, 1)
    activate(store, "tiny", passes)
    fails(lambda: install(store, three[2]), "BND-020")
    fails(lambda: install(store, foreign), "BND-021")
    _, slot = install(store, signed[2])
    assert slot.key == public
    activate(store, "tiny", passes)
    current = store.slots("tiny").current
    assert current
    (store.path("tiny", current) / "SIGNATURE").write_bytes(bytes(64))
    fails(lambda: start_bundle("installed:tiny", store=store.folder), "BND-021")
    install(store, foreign, strangers)
    activate(store, "tiny", passes)
    fails(lambda: start_bundle("installed:tiny", tmp_path / "fleet.pub.pem", store.folder), "BND-021")
    assert store.failed_starts("tiny") == 0, "a wrong key is not the bundle's fault"
    start_bundle("installed:tiny", tmp_path / "stranger.pub.pem", store.folder)


def test_unknown_names_and_nothing_to_do(store: Store, three: dict[int, Path]) -> None:
    fails(lambda: activate(store, "tiny"), "BND-026.*no bundle 'tiny'.*Installed: nothing")
    fails(lambda: rollback(store, "tiny"), "BND-026.*no bundle 'tiny'")
    assert not store.folder.exists()
    put(store, three[1])
    for name in ("tyni", "../store/tiny", "", ".", "tiny/slots"):
        fails(lambda name=name: activate(store, name), "BND-026.*Installed: tiny")
        fails(lambda name=name: rollback(store, name), "BND-026.*Installed: tiny")
        fails(lambda name=name: start_bundle(f"installed:{name}", store=store.folder), "BND-026")
    fails(lambda: activate(store, "tiny"), "BND-026.*waits to be activated")
    fails(lambda: rollback(store, "tiny"), "BND-026.*no previous")
    assert where(store) == (1, None, None)
    install(store, three[2])
    shutil.rmtree(store.folder)
    install(store, three[1])
    fails(lambda: start_bundle("installed:tiny", store=store.folder), "BND-026.*bundle activate tiny")


def test_bundles_that_are_not_whole_leave_no_trace(
    store: Store, three: dict[int, Path], tmp_path: Path
) -> None:
    for path, pattern in ((tmp_path / "none", "BND-001"), (tmp_path, "BND-001")):
        fails(lambda path=path: install(store, path), pattern)
    altered = shutil.copytree(three[1], tmp_path / "altered")
    (altered / "golden.npz").write_bytes(b"x")
    fails(lambda: install(store, altered), "BND-003")
    assert not store.folder.exists()


@pytest.mark.parametrize(
    "text",
    ["", "not: a state", "version: 2", "newest: -1", "\0", "current: {folder: ../../etc, id: x, release: 1}"],
)
def test_a_damaged_state_is_one_line(store: Store, three: dict[int, Path], text: str) -> None:
    put(store, three[1])
    (store.folder / "tiny" / "state.yaml").write_text(text)
    for step in (
        lambda: install(store, three[2]),
        lambda: activate(store, "tiny"),
        lambda: rollback(store, "tiny"),
        lambda: start_bundle("installed:tiny", store=store.folder),
    ):
        fails(step, "BND-027.*state.yaml.*install the bundle again")
    fails(lambda: rollback(store, "other"), "BND-026.*Installed: tiny")


def test_where_the_store_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RIGSIGHT_STORE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for data, expected in (("", ".local/share"), ("relative", ".local/share"), (f"{tmp_path}/xdg", "xdg")):
        monkeypatch.setenv("XDG_DATA_HOME", data)
        assert default_store() == tmp_path / expected / "rigsight" / "bundles"
    monkeypatch.setenv("RIGSIGHT_STORE", f"{tmp_path}/mine")
    assert default_store() == tmp_path / "mine"


def test_two_names_do_not_touch_each_other(store: Store, three: dict[int, Path], tmp_path: Path) -> None:
    put(store, three[1])
    before = store.slots("tiny")
    install(store, release(tmp_path / "other", 1, name="other"))
    activate(store, "other", passes)
    assert store.names() == ["other", "tiny"]
    assert store.slots("tiny") == before


def test_a_store_that_cannot_be_written_is_the_environments_fault(
    tmp_path: Path, three: dict[int, Path]
) -> None:
    (tmp_path / "file").write_text("in the way")
    fails(lambda: install(Store(tmp_path / "file"), three[1]), "IO-001", exit_code=1)
    if os.geteuid() == 0:
        return  # root may write everywhere
    (tmp_path / "locked").mkdir(mode=0o500)
    fails(lambda: install(Store(tmp_path / "locked"), three[1]), "IO-001", exit_code=1)


def test_starts_under_way_are_no_failures(store: Store, three: dict[int, Path]) -> None:
    """As when one bundle starts for several cameras at once."""
    put(store, three[1])
    put(store, three[2], works=False)
    attempts = [begin_start(store, "tiny")[1] for _ in range(5)]
    assert store.failed_starts("tiny") == 0
    for attempt in attempts[:2]:
        attempt.fail()
    attempts[2].settle()
    assert store.failed_starts("tiny") == 2
    assert begin_start(store, "tiny")[0].release == 2
    attempts[3].fail()
    assert begin_start(store, "tiny")[0].release == 1
    assert store.failed_starts("tiny") == 0
    install(store, three[3])
    activate(store, "tiny", passes)
    rollback(store, "tiny")
    assert where(store) == (1, None, 3)
    attempts[4].settle()  # of a slot that is long gone


def test_a_bundle_that_is_activated_again_starts_afresh(store: Store, three: dict[int, Path]) -> None:
    put(store, three[1])
    put(store, three[2], works=False)
    for _ in range(MAX_FAILED_STARTS):
        begin_start(store, "tiny")[1].fail()
    assert begin_start(store, "tiny")[0].release == 1
    activate(store, "tiny", passes)
    assert where(store) == (2, 1, None)
    assert store.failed_starts("tiny") == 0
    assert begin_start(store, "tiny")[0].release == 2


def test_an_empty_state_is_what_nothing_installed_means(store: Store) -> None:
    assert Slots().masked("x") == Slots()
    assert store.slots("tiny") == Slots()
    assert store.failed_starts("tiny") == 0


def test_other_commands_take_the_installed_bundle_too(
    store: Store, three: dict[int, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RIGSIGHT_STORE", str(store.folder))
    monkeypatch.setenv("RIGSIGHT_CACHE", str(store.folder.parent / "cache"))
    put(store, three[1])
    assert main(["build", "installed:tiny", "--cpu"]) == 0
    assert "fp32 runs here" in capfd.readouterr().out
    assert store.failed_starts("tiny") == 0, "looking at a bundle is no start"
    assert main(["build", "installed:nothing", "--cpu"]) == 2
    assert capfd.readouterr().err.startswith("BND-026: ")
