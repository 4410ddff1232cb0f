from __future__ import annotations

import threading

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge import pool as pool_module
from rigsight.edge.pool import FramePool, read_only


def test_a_buffer_goes_back_with_its_last_holder() -> None:
    pool = FramePool(2)
    taken = pool.take((4, 5, 3), np.uint8)
    assert taken is not None
    picture, lease = taken
    picture[:] = 7
    lease.hold()
    lease.release()
    assert pool.free == 1
    lease.release()
    assert pool.free == 2
    with pytest.raises(RuntimeError, match="more often"):
        lease.release()
    with pytest.raises(RuntimeError, match="before it was held"):
        lease.hold()


def test_exhaustion_is_an_answer_not_growth() -> None:
    pool = FramePool(3)
    leases = [pool.take((8, 8), np.uint16) for _ in range(3)]
    assert all(leases)
    assert pool.take((8, 8), np.uint16) is None
    assert leases[0] is not None
    leases[0][1].release()
    assert pool.take((8, 8), np.uint16) is not None


def test_buffers_serve_pictures_of_every_size_and_never_overlap() -> None:
    pool = FramePool(4)
    kept = []
    for value, shape in enumerate([(3, 4), (10, 20), (5, 6, 3), (1, 1)]):
        taken = pool.take(shape, np.uint16)
        assert taken is not None
        taken[0][:] = value
        kept.append(taken[0])
    assert (
        [int(picture.min()) for picture in kept] == [int(picture.max()) for picture in kept] == [0, 1, 2, 3]
    )


def test_readers_cannot_write_the_picture() -> None:
    taken = FramePool(1).take((2, 2), np.uint8)
    assert taken is not None
    view = read_only(taken[0])
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = 1
    taken[0][0, 0] = 9
    assert view[0, 0] == 9


def test_waiting_ends_when_another_thread_lets_go() -> None:
    pool = FramePool(1)
    first = pool.take((2, 2), np.uint8)
    assert first is not None
    timer = threading.Timer(0.05, first[1].release)
    timer.start()
    assert pool.take_or_wait((2, 2), np.uint8) is not None
    timer.join()


def test_waiting_for_ever_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "STEP_TIMEOUT_S", 0.01)
    pool = FramePool(1)
    held = pool.take((2, 2), np.uint8)
    assert held is not None
    with pytest.raises(RigsightError, match="RUN-003"):
        pool.take_or_wait((2, 2), np.uint8)
    pool.close()
    assert pool.take_or_wait((2, 2), np.uint8) is None


def test_leases_survive_many_threads() -> None:
    pool = FramePool(4)

    def work() -> None:
        for _ in range(500):
            taken = pool.take((16,), np.uint8, wait_s=5)
            assert taken is not None
            picture, lease = taken
            picture[:] = threading.get_ident() % 251
            lease.hold()
            lease.release()
            assert (picture == threading.get_ident() % 251).all()
            lease.release()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pool.free == 4
