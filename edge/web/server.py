"""The server: routes to handlers, in threads, on this machine alone unless told otherwise."""

from __future__ import annotations

import errno
import json
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rigsight.base.errors import RigsightError
from rigsight.edge import codes
from rigsight.edge.web.answers import Answer, Handler, Request, Stream, text
from rigsight.edge.web.guards import host_problem, origin_problem, own_names

HERE = "127.0.0.1"
LARGEST_BODY = 1 << 16
SILENCE_S = 30.0  # a reader that takes nothing for so long is let go
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class WebServer:
    """Serves from its construction to :meth:`close`.

    Handlers run in threads of their own and may be called at the same time. A handler that raises
    RigsightError is answered with its line (status 400).
    """

    def __init__(
        self,
        gets: Mapping[str, Handler],
        posts: Mapping[str, Handler] | None = None,
        host: str = HERE,
        port: int = 0,
    ) -> None:
        """``gets`` and ``posts`` map exact paths to handlers; port 0 takes a free one.

        Raises:
            RigsightError: WEB-001 the port is in use, WEB-002 the host or port cannot be served on.
        """
        routes = {"GET": dict(gets), "POST": dict(posts or {})}
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        names = own_names(host)

        class Bound(_Handler):
            pass

        Bound.routes, Bound.names = routes, names

        class Server(ThreadingHTTPServer):
            address_family = family
            daemon_threads = True
            # A second program on the port must be told, not share it; a port just left may be taken again.
            allow_reuse_address = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Readers that leave are no news."""

        try:
            self._server = Server((host, port), Bound)
        except OverflowError:
            raise codes.WEB_ADDRESS(f"there is no port {port}", where=f"{host}:{port}") from None
        except OSError as error:
            where = f"{host}:{port}"
            if error.errno == errno.EADDRINUSE:
                raise codes.WEB_PORT_IN_USE("another program serves there", where=where) from error
            raise codes.WEB_ADDRESS(error.strerror or str(error), where=where) from error
        self.host, self.port = host, int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="web", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where to look, from this machine."""
        shown = {"0.0.0.0": HERE, "::": "::1", "": HERE}.get(self.host, self.host)
        return f"http://[{shown}]:{self.port}/" if ":" in shown else f"http://{shown}:{self.port}/"

    def close(self) -> None:
        """Take no more requests. Close the channels of running streams first. Twice is harmless."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> WebServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    routes: dict[str, dict[str, Handler]]
    names: frozenset[str]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "rigsight", ""
    timeout = SILENCE_S
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def log_message(self, format: str, *arguments: Any) -> None:
        """The terminal belongs to the command that serves."""

    def _serve(self, method: str) -> None:
        try:
            answer = self._answer(method)
            if isinstance(answer, Stream):
                self._send_stream(answer)
            else:
                self._send(answer)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    def _answer(self, method: str) -> Answer | Stream:
        problem = host_problem(self.headers.get("Host"), self.names)
        if problem is None and method == "POST":
            problem = origin_problem(dict(self.headers.items()))
        if problem is not None:
            self.close_connection = True  # the body was not read
            return text(problem.line(), 403)
        parts = urlsplit(self.path)
        handler = self.routes[method].get(parts.path)
        data = None
        if method == "POST":
            body = self._body()
            if isinstance(body, Answer):
                return body
            data = body
        if handler is None:
            elsewhere = any(parts.path in routes for routes in self.routes.values())
            return text(
                "this takes another method" if elsewhere else "nothing is here", 405 if elsewhere else 404
            )
        try:
            return handler(Request(parts.path, dict(parse_qsl(parts.query)), data))
        except RigsightError as error:
            return text(error.line(), 400)
        except Exception as error:
            return text(f"{type(error).__name__}: {error}", 500)

    def _body(self) -> Any:
        """The decoded JSON, or the Answer that refuses it."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= LARGEST_BODY:
            self.close_connection = True
            return text(f"an action has at most {LARGEST_BODY} bytes, and says how many", 413)
        try:
            return json.loads(self.rfile.read(length) or b"null")
        except (ValueError, RecursionError):
            return text("this is not JSON", 400)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in (HEADERS | answer.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def _send_stream(self, stream: Stream) -> None:
        self.close_connection = True
        self.send_response(200)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", stream.content_type)
        self.send_header("Connection", "close")
        self.end_headers()
        for part in stream.parts:
            self.wfile.write(part)
            self.wfile.flush()
