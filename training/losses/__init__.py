"""Losses, each a plain function or module with a worked value in the tests."""
