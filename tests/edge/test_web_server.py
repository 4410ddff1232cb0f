"""The web server: routes, streams, guards, and how it ends."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge import codes
from rigsight.edge.web.answers import Pictures, Request, as_json, events, text
from rigsight.edge.web.channel import Channel
from rigsight.edge.web.server import LARGEST_BODY, WebServer


def failing(request: Request) -> Any:
    raise codes.BAD_URI("no such thing", where=request.query.get("of"))


@pytest.fixture
def state() -> Channel[Any]:
    return Channel()


@pytest.fixture
def pictures() -> Pictures:
    return Pictures()


@pytest.fixture
def server(state: Channel[Any], pictures: Pictures) -> Iterator[WebServer]:
    with WebServer(
        {
            "/": lambda request: text("hello"),
            "/fail": failing,
            "/broken": lambda request: 1 / 0,  # type: ignore[return-value,arg-type]
            "/events": events(state),
            "/picture.jpg": pictures.snapshot,
            "/stream.mjpg": pictures.stream,
        },
        {"/act": lambda request: as_json({"got": request.data})},
    ) as running:
        yield running
        state.close()
        pictures.raw.close()


def ask(
    server: WebServer, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(errors="replace")
    connection.close()
    return found


def act(server: WebServer, body: bytes = b'{"a":1}', **headers: str) -> tuple[int, str]:
    return ask(server, "POST", "/act", body, **({"Content_Type": "application/json"} | headers))


def test_routes_methods_and_failures(server: WebServer) -> None:
    assert ask(server, "GET", "/") == (200, "hello")
    assert ask(server, "GET", "/nothing")[0] == 404
    assert ask(server, "GET", "/../codes.py")[0] == 404
    assert ask(server, "GET", "/act")[0] == 405
    status, words = ask(server, "GET", "/fail?of=this%20one")
    assert status == 400
    assert words.startswith("SRC-001: no such thing [this one].")
    assert ask(server, "GET", "/broken")[0] == 500
    assert ask(server, "DELETE", "/")[0] == 501


def test_answers_carry_the_headers_that_keep_a_page_to_itself(server: WebServer) -> None:
    with urllib.request.urlopen(server.url) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Python" not in answer.headers["Server"]


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:80"])
def test_names_that_are_not_ours_are_refused(server: WebServer, name: str) -> None:
    status, words = ask(server, "GET", "/", Host=name)
    assert status == 403
    assert words.startswith("WEB-003")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1:1234", "[::1]:80", "192.168.1.7:8000"])
def test_addresses_and_own_names_are_served(server: WebServer, name: str) -> None:
    assert ask(server, "GET", "/", Host=name) == (200, "hello")


def test_actions_come_from_our_own_page_only(server: WebServer) -> None:
    own = f"http://{server.host}:{server.port}"
    assert act(server) == (200, '{"got":{"a":1}}')
    assert act(server, Origin=own)[0] == 200
    assert act(server, Origin=own, Sec_Fetch_Site="same-origin")[0] == 200
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": own.replace(str(server.port), "1")},
        {"Sec_Fetch_Site": "cross-site"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
    ):
        assert act(server, **headers)[0] == 403, headers


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 60_000])
def test_bodies_that_are_no_json_are_refused(server: WebServer, body: bytes) -> None:
    assert act(server, body)[0] == 400


def test_long_bodies_are_refused(server: WebServer) -> None:
    assert act(server, b'"' + b"a" * LARGEST_BODY + b'"')[0] == 413


def test_events_begin_with_the_newest_state_and_follow_it(server: WebServer, state: Channel[Any]) -> None:
    state.put({"views": 1})
    state.put({"views": 2, "error": float("nan")})
    with urllib.request.urlopen(server.url + "events", timeout=5) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert _next_event(answer) == {"views": 2, "error": None}
        state.put({"views": 3})
        assert _next_event(answer) == {"views": 3}
        state.close()
        assert b"data" not in answer.read()


def _next_event(answer: Any) -> Any:
    while True:
        line = answer.readline()
        if line.startswith(b"data: "):
            return json.loads(line[6:])
        assert line, "the stream ended"


def test_pictures_come_as_snapshot_and_as_stream_in_their_colours(
    server: WebServer, pictures: Pictures
) -> None:
    assert ask(server, "GET", "/picture.jpg")[0] == 503
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 200
    pictures.put(red)
    with urllib.request.urlopen(server.url + "picture.jpg") as answer:
        assert _mean(answer.read()) == pytest.approx([200, 0, 0], abs=4)
    with urllib.request.urlopen(server.url + "stream.mjpg", timeout=5) as answer:
        assert _mean(_next_part(answer)) == pytest.approx([200, 0, 0], abs=4)
        pictures.put(np.full((48, 64), 90, np.uint8))
        assert _mean(_next_part(answer)) == pytest.approx([90, 90, 90], abs=4)


def _mean(jpeg: bytes) -> np.ndarray:
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert bgr.shape == (48, 64, 3)
    return bgr.reshape(-1, 3).mean(axis=0)[::-1]


def _next_part(answer: Any) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += answer.read(1)
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
    data = answer.read(int(length.split(b":")[1]))
    assert answer.read(2) == b"\r\n"
    return data


def test_a_slow_reader_does_not_hold_up_its_writer(server: WebServer, state: Channel[Any]) -> None:
    with socket.create_connection((server.host, server.port)) as lazy:
        lazy.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lazy.recv(16)
        for number in range(3000):
            state.put({"number": number, "ballast": "x" * 5000})
    assert state.newer_than(0, 0)[0] == 3000  # type: ignore[index]


def test_the_port_is_free_again_after_closing_and_taken_before() -> None:
    with WebServer({}) as first, pytest.raises(RigsightError) as caught:
        WebServer({}, port=first.port)
    assert caught.value.code == "WEB-001"
    assert str(first.port) in caught.value.line()
    with WebServer({}, port=first.port) as second:
        assert second.port == first.port
    assert not [thread for thread in threading.enumerate() if thread.name == "web"]


@pytest.mark.parametrize(("host", "port"), [("203.0.113.7", 0), ("127.0.0.1", 70000), ("no such host", 0)])
def test_addresses_that_cannot_be_served_are_named(host: str, port: int) -> None:
    with pytest.raises(RigsightError) as caught:
        WebServer({}, host=host, port=port)
    assert caught.value.code == "WEB-002"


def test_closing_ends_open_streams() -> None:
    channel: Channel[Any] = Channel()
    server = WebServer({"/events": events(channel)})
    channel.put(1)
    answer = urllib.request.urlopen(server.url + "events", timeout=5)
    assert _next_event(answer) == 1
    channel.close()
    server.close()
    assert answer.read() is not None
