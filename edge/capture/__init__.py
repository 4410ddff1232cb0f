"""A camera in a process of its own: frames through shared memory, restarts, and what became of it."""
