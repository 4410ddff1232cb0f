"""What every room stands on: errors with codes, strict YAML models, files that are never half-written.

This package imports nothing else of rigsight.
"""
