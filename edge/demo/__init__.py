"""``rigsight demo``: the whole chain on the simulated rig, judged by its truth, and a report of it."""
