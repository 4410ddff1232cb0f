"""Mask R-CNN as three graphs of fixed shapes, joined by steps of the host."""
