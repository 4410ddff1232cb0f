"""Data sets: dataset.yaml and what it describes."""
