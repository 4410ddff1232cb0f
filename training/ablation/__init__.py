"""Ablations: the same training with parts left out, over several seeds, and what a paper claims of it."""
