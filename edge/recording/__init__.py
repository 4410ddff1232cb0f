"""Recordings: MCAP files that can be replayed bit for bit."""
