"""Protocols of serial devices, sans-IO: bytes in, typed events out; no port, no thread, no clock."""
