"""The five systems: models, losses, data sets, metrics, training and evaluation (needs torch)."""
