"""``python -m rigsight``."""

from rigsight.cli.main import entry

entry()
