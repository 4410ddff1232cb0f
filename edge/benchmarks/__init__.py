"""Stages measured as ratios to the naive way, interleaved in one run."""
