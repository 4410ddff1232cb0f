"""Where predictions go: mask pictures, videos, one JSON line a frame set."""
