"""CUDA memory, streams and graphs through whichever Python binding is installed."""
