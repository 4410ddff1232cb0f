"""The chain from frame set to prediction, and the threads, queues and clocks round it."""
