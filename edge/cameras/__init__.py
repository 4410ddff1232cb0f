"""Drivers of live cameras: each reads one camera, and can run in a process of its own."""
