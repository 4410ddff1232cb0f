"""How fast the simulated rig renders."""

from __future__ import annotations

import time

import cv2

from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.edge.simulation.splits import Scene

WARM_UP_SETS = 3


def sets_per_second(scene: Scene, seconds: float, width: int = 320, height: int = 240) -> float:
    """Sets rendered in a second of one core's time, OpenCV on one thread.

    Processor time is counted, so that other load on the machine does not.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        rig = SimulatedRig(scene, seed=3, width=width, height=height)
        for index in range(WARM_UP_SETS):
            rig.render(index)
        count, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            rig.render(WARM_UP_SETS + count)
            count += 1
        return count / (time.process_time() - start)
    finally:
        cv2.setNumThreads(threads)
