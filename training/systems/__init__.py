"""Ways of training, each a Lightning module: what a step does, what an epoch is, how the result is judged."""
