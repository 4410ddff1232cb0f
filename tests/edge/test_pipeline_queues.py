from __future__ import annotations

import random
import threading
import time

import pytest

from rigsight.edge.pipeline.latency import LatencyHistogram, StageLatencies
from rigsight.edge.pipeline.queues import StageQueue


@pytest.mark.parametrize(
    ("policy", "kept", "lost"),
    [("drop_oldest", [2, 3], [0, 1]), ("drop_newest", [0, 1], [2, 3])],
)
def test_a_full_queue_drops_by_its_policy(policy: str, kept: list[int], lost: list[int]) -> None:
    dropped: list[int] = []
    queue: StageQueue[int] = StageQueue(2, policy, lambda item, reason: dropped.append(item))  # type: ignore[arg-type]
    for i in range(4):
        queue.put(i)
    queue.close()
    assert list(queue) == kept
    assert dropped == lost


def test_a_blocking_queue_loses_nothing_and_keeps_the_order() -> None:
    queue: StageQueue[int] = StageQueue(2, "block", lambda item, reason: pytest.fail(reason))
    taken: list[int] = []

    def take() -> None:
        for item in queue:
            taken.append(item)
            assert len(queue._items) <= 2

    reader = threading.Thread(target=take)
    reader.start()
    for i in range(2000):
        queue.put(i)
    queue.close()
    reader.join()
    assert taken == list(range(2000))


@pytest.mark.parametrize("policy", ["block", "drop_oldest", "drop_newest"])
def test_under_any_policy_every_item_is_taken_or_dropped_once(policy: str) -> None:
    chance = random.Random(1)
    dropped: list[int] = []
    queue: StageQueue[int] = StageQueue(3, policy, lambda item, reason: dropped.append(item))  # type: ignore[arg-type]
    taken: list[int] = []

    def take() -> None:
        for item in queue:
            taken.append(item)
            if chance.random() < 0.1:
                time.sleep(0.0005)

    reader = threading.Thread(target=take)
    reader.start()
    for i in range(1000):
        queue.put(i)
        if i == 900:
            queue.abort()
    reader.join()
    assert sorted(taken + dropped) == list(range(1000))
    assert taken == sorted(taken)
    assert set(range(901, 1000)) <= set(dropped)


def test_abort_wakes_a_writer_that_waits_for_room() -> None:
    reasons: list[str] = []
    queue: StageQueue[int] = StageQueue(1, "block", lambda item, reason: reasons.append(reason))
    queue.put(0)
    writer = threading.Thread(target=queue.put, args=(1,))
    writer.start()
    time.sleep(0.02)
    queue.abort()
    writer.join(timeout=5)
    assert not writer.is_alive()
    assert reasons == ["run stopped"] * 2


def test_percentiles_are_within_half_a_percent_and_memory_is_bounded() -> None:
    chance = random.Random(3)
    durations = [round(1e6 * chance.lognormvariate(1, 1)) for _ in range(20_000)]
    histogram = LatencyHistogram()
    for duration in durations:
        histogram.add(duration)
    durations.sort()
    for percent in (50, 95, 99):
        exact = durations[round(len(durations) * percent / 100) - 1] / 1e6
        assert histogram.percentile_ms(percent) == pytest.approx(exact, rel=0.006)
    assert len(histogram._bins) < 1500


def test_stages_keep_their_order() -> None:
    stages = StageLatencies()
    stages.add({"read": 1_000_000})
    stages.add({"engine": 5_000_000, "age": 9_000_000})
    assert list(stages.summary()) == ["read", "engine", "age"]
    assert stages.summary()["engine"]["p99"] == pytest.approx(5, rel=0.006)
