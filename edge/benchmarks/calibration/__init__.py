"""Calibration measured against the simulator's truth: one file a suite, goals beside the figures."""
