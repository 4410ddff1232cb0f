"""Guided capture: which view of the board to take next, when it is good enough, and when there are enough."""
