"""Drivers of other packages, installed for real: a module and its metadata on the path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras.driver import is_camera, make_driver
from rigsight.edge.cameras.plugins import plugins
from rigsight.edge.capture.camera import Camera
from rigsight.edge.sources.base import open_source

Install = Callable[[str], None]
WORKS = """
from rigsight.edge.cameras.card import CardDriver

class Driver(CardDriver):
    @classmethod
    def from_uri(cls, uri, role):
        uri.check(("speed",))
        return cls(64, 48, 50.0, role == "thermal")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    def install_(source: str) -> None:
        name = f"gige_{abs(hash(source)):x}"
        (tmp_path / f"{name}.py").write_text(source)
        metadata = tmp_path / "rigsight_gige-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: rigsight-gige\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[rigsight.sources]\ngige = {name}:Driver\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        plugins.cache_clear()

    yield install_
    plugins.cache_clear()


def test_another_packages_driver_is_a_camera_like_any_other(install: Install) -> None:
    assert not is_camera("gige:10.0.0.7")
    install(WORKS)
    assert is_camera("gige:10.0.0.7")
    with Camera("gige:10.0.0.7?speed=3", "thermal") as camera:
        frame = camera.next_frame(10.0)
        assert frame.data.shape == (48, 64)
        frame.release()
    with pytest.raises(RigsightError, match="CAM-001.*Did you mean 'speed'"):
        make_driver("gige:10.0.0.7?sped=3", "rgb")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import not_installed_anywhere", "ModuleNotFoundError: No module named 'not_installed_anywhere'"),
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("class Other: pass", "AttributeError"),
        ("class Driver: pass", r"has no from_uri\(uri, role\)"),
    ],
)
def test_a_broken_one_is_one_line(install: Install, source: str, words: str) -> None:
    install(source)
    assert is_camera("gige:1"), "nothing is imported to know that"
    with pytest.raises(RigsightError, match=f"CAM-008.*{words}.*package rigsight-gige"):
        make_driver("gige:1", "rgb")


def test_unknown_schemes_name_all_that_there_are(install: Install) -> None:
    install(WORKS)
    with pytest.raises(RigsightError, match="CAM-001.*Did you mean 'gige:'.*card:.* gige:.* gst:.* v4l2:"):
        make_driver("gig:1", "rgb")
    with pytest.raises(RigsightError, match="SRC-001"):
        open_source("nothing:1")
    assert not is_camera("plainly no uri")
