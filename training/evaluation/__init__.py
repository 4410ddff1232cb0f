"""Checkpoints and bundles judged on labelled data, each by the published protocols of its task.

Only ``networks`` and ``simulated`` need torch: a bundle is judged without.
"""
