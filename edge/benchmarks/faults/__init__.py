"""Faults injected into a running rig, and how long it takes until everything is as before."""
