"""Messages between a capture process and its camera: one JSON object a packet, at most 64 KiB.

From the process: ``opened`` and ``reset`` (words), ``ring`` (with a descriptor), ``frame``, ``beat``,
``dropped`` (reason), ``error``. To the process: ``free`` (generation, slot), ``command`` (words), ``stop``.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 1 << 16


class Wire:
    """One end of a pair of connected sockets that keep the borders of messages. Sending is thread-safe."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._socket.setblocking(False)

    @staticmethod
    def pair() -> tuple[socket.socket, socket.socket]:
        """Two connected ends, inherited by nobody unless passed on."""
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def send(self, message: Mapping[str, Any], descriptor: int | None = None, wait_s: float = 1.0) -> bool:
        """Send; False where the other end is gone, or takes nothing for ``wait_s``."""
        data = json.dumps(message).encode()
        try:
            if not select.select([], [self._socket], [], wait_s)[1]:
                return False
            if descriptor is None:
                self._socket.send(data)
            else:
                socket.send_fds(self._socket, [data], [descriptor])
        except (OSError, ValueError):
            return False
        return True

    def receive(self, timeout_s: float) -> tuple[dict[str, Any], int | None] | None:
        """The next message and the descriptor that came with it; None where none came in time.

        Raises:
            EOFError: the other end is gone.
        """
        try:
            if not select.select([self._socket], [], [], max(0.0, timeout_s))[0]:
                return None
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, MOST_BYTES, 1)
            except ConnectionResetError:
                # The other end closed with messages unread. That is told once; its last words still wait.
                data, descriptors, _, _ = socket.recv_fds(self._socket, MOST_BYTES, 1)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            # It hung up with unread messages of ours; what it said last comes after the news of that.
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, MOST_BYTES, 1)
            except (OSError, ValueError) as error:
                raise EOFError from error
        except (OSError, ValueError) as error:
            raise EOFError from error
        if not data:
            raise EOFError
        found: dict[str, Any] = json.loads(data)
        return found, (descriptors[0] if descriptors else None)

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.close()
