"""Scores of masks, probabilities and fused pictures, numpy only, so that the device can judge itself."""
