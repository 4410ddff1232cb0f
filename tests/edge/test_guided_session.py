"""A whole guided capture: an imperfect operator, noisy detections, a true rig to compare with."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from rigsight.calibration.accuracy import alignment_error_px
from rigsight.calibration.guidance import words
from rigsight.edge.simulation.operator import Habits
from rigsight.edge.web.guided import CapturePage

MOST_STEPS = 900


def run(stage: Any, until: Callable[[Any], bool]) -> Any:
    for _ in range(MOST_STEPS):
        state = stage.step()
        if until(state):
            return state
    raise AssertionError(f"after {MOST_STEPS} steps: {state}")


def test_an_operator_who_follows_reaches_the_target(stage: Callable[..., Any]) -> None:
    its = stage()
    states = []
    final = run(its, lambda state: states.append(state) or state.phase == "done")  # type: ignore[func-returns-value]
    assert len(final.views) <= 15
    assert final.error_px <= 0.5
    true = alignment_error_px(its.capture.estimate.calibration.rig, its.rig, "thermal", 10.0)
    assert true <= final.error_px
    assert final.progress == 1.0
    assert final.held_out < 1.5
    counts = [len(state.views) for state in states]
    assert counts == sorted(counts)
    assert {state.phase for state in states} == {"first views", "improving", "done"}
    assert "5 more views until the first solution" in {state.detail for state in states}
    assert final.history[-1][1] < final.history[0][1]
    json.dumps(asdict(final), allow_nan=False)


def test_no_view_is_taken_while_the_board_moves(stage: Callable[..., Any]) -> None:
    restless = stage(habits=Habits(tremor_m=0.01))
    for _ in range(80):
        state = restless.step()
    assert state.views == ()
    assert not any(camera.still for camera in state.cameras)


def test_snap_undo_delete_skip_and_finish(stage: Callable[..., Any]) -> None:
    its = stage(automatic=False)
    run(its, lambda state: all(camera.still for camera in state.cameras) and state.hold == 1)
    capture = its.capture
    assert capture.snapshots == []
    capture.snap()
    capture.snap()
    assert [view.name for view in its.step().views] == ["001", "002"]
    capture.delete("001")
    capture.delete("of another capture")
    assert [view.name for view in its.step().views] == ["002"]
    capture.undo()
    capture.undo()
    assert its.step().views == ()
    capture.snap()
    assert [view.name for view in its.step().views] == ["003"], "names are not given twice"
    before = capture.proposal.pose
    capture.skip()
    its.step()
    assert np.abs(capture.proposal.pose - before).max() > 0.05
    capture.finish()
    assert its.step().phase == "ended"


def test_a_snap_without_the_board_says_why(stage: Callable[..., Any]) -> None:
    its = stage(automatic=False)
    its.operator.pose[:3, 3] = (5.0, 0.0, 1.0)
    its.operator._goal = its.operator.pose
    its.capture.snap()
    state = its.step(follow=False)
    assert state.views == ()
    assert state.detail.startswith("No view taken")
    assert state.instruction == words.SHOW


def test_solving_in_the_background_leads_to_the_same(stage: Callable[..., Any]) -> None:
    its = stage(background=True)
    final = run(its, lambda state: len(state.views) >= 7)
    its.capture.close()
    its.capture.rest()
    assert its.capture.estimate is not None or final.problem
    its.capture.close()


def test_earlier_views_are_taken_up(stage: Callable[..., Any]) -> None:
    its = stage()
    run(its, lambda state: len(state.views) >= 6)
    seen = {id(p): shot.seen[n] for shot in its.capture.snapshots for n, p in shot.pictures.items()}
    later = stage()
    later._seen.update(seen)
    used = later.capture.resume({shot.name: shot.pictures for shot in its.capture.snapshots})
    assert used == 6
    assert later.capture.estimate is not None
    known, again = its.capture.estimate, later.capture.estimate
    assert again.worst.bound_px == pytest.approx(known.worst.bound_px, rel=1e-6)


def test_the_page_answers_what_is_pressed(stage: Callable[..., Any]) -> None:
    its = stage(automatic=False)
    page = CapturePage(its.capture)
    try:
        run(its, lambda state: state.hold == 1)
        page.show()
        assert post(page.url + "snap") == 200
        assert len(its.step().views) == 1
        page.show()
        with urllib.request.urlopen(page.url + "view.jpg?name=001&camera=thermal") as answer:
            assert answer.read()[:2] == b"\xff\xd8"
        for path in ("view.jpg?name=001&camera=nir", "view.jpg?name=9", "view.jpg"):
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(page.url + path)
        assert post(page.url + "delete", {"name": 1}) == 400
        assert post(page.url + "delete", {"name": "001"}) == 200
        assert its.step().views == ()
        for name in ("", "capture.css", "capture.js"):
            with urllib.request.urlopen(page.url + name) as answer:
                assert "http" not in answer.read().decode().replace("http-equiv", "")
    finally:
        page.close()


def post(url: str, data: Any = None) -> int:
    request = urllib.request.Request(
        url, json.dumps(data).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
