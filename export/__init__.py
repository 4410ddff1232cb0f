"""From a checkpoint to a bundle whose variants are proven (needs torch and onnx)."""
