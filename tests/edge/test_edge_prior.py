"""The edge prior that the host makes."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.edge.edge_prior import EDGE_SHARE, canny_edges


def test_a_step_gives_one_line_where_it_is() -> None:
    picture = np.full((60, 80, 3), 60, np.uint8)
    picture[:, 40:] = 140
    edges = canny_edges(picture)
    assert edges.dtype == np.uint8
    assert edges.shape == (60, 80)
    assert set(np.unique(edges)) == {0, 255}
    columns = np.flatnonzero(edges.any(axis=0))
    assert columns.size == 1
    assert abs(columns[0] - 39.5) <= 1
    assert edges[:, columns[0]].all()


def test_a_crack_is_found_at_a_fifth_of_its_contrast() -> None:
    crack = np.zeros((100, 100), np.uint8)
    cv2.polylines(crack, [np.array([[5, 10], [40, 50], [60, 55], [95, 90]])], False, 1, 3)
    strong = np.repeat((150 - 100 * crack)[..., None], 3, axis=2).astype(np.uint8)
    weak = np.repeat((150 - 20 * crack)[..., None], 3, axis=2).astype(np.uint8)
    near = cv2.dilate(crack, np.ones((5, 5), np.uint8)) > 0
    for picture in (strong, weak):
        edges = canny_edges(picture) > 0
        assert edges[near].sum() > 150  # two sides of a crack 120 pixels long
        assert not edges[~near].any()


def test_flat_pictures_have_no_edges_and_noise_not_only_edges() -> None:
    assert not canny_edges(np.full((50, 50, 3), 77, np.uint8)).any()
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert EDGE_SHARE / 2 < (canny_edges(noise) > 0).mean() < 0.3  # hysteresis lengthens them
