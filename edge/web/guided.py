"""The page of a guided capture: shows its state and pictures, and passes on what is pressed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rigsight.calibration.guidance.capture import GuidedCapture
from rigsight.calibration.guidance.drawing import annotate
from rigsight.edge.web.answers import Answer, Handler, Pictures, Request, as_json, encode_jpeg, events, text
from rigsight.edge.web.channel import Channel
from rigsight.edge.web.pages import page
from rigsight.edge.web.server import HERE, WebServer


class CapturePage:
    """Serves one :class:`GuidedCapture`. Call :meth:`show` after every step, from the thread that steps."""

    def __init__(self, capture: GuidedCapture, host: str = HERE, port: int = 0) -> None:
        """Raises WEB-001 or WEB-002 where it cannot be served."""
        self._capture = capture
        self._state: Channel[dict[str, Any]] = Channel()
        self._pictures = {name: Pictures() for name in capture.settings.names}
        first, second = capture.settings.names
        gets: dict[str, Handler] = {
            "/": page("capture.html"),
            "/capture.css": page("capture.css"),
            "/capture.js": page("capture.js"),
            "/events": events(self._state),
            "/view.jpg": self._view,
        }
        for place, name in (("reference", first), ("other", second)):
            gets[f"/{place}.jpg"] = self._pictures[name].snapshot
            gets[f"/{place}.mjpg"] = self._pictures[name].stream
        posts: dict[str, Handler] = {
            "/snap": self._does(capture.snap),
            "/undo": self._does(capture.undo),
            "/skip": self._does(capture.skip),
            "/finish": self._does(capture.finish),
            "/delete": self._delete,
        }
        self.server = WebServer(gets, posts, host, port)

    @property
    def url(self) -> str:
        """Where to look."""
        return self.server.url

    def show(self, message: str = "") -> None:
        """Publish state and pictures; ``message`` is a last word, such as where the rig lies."""
        for name, picture in self._capture.annotated().items():
            self._pictures[name].put(picture)
        self._state.put(asdict(self._capture.state()) | {"message": message})

    def close(self) -> None:
        """End all streams and the server."""
        self._state.close()
        for pictures in self._pictures.values():
            pictures.raw.close()
        self.server.close()

    def _does(self, action: Any) -> Handler:
        def handler(request: Request) -> Answer:
            action()
            return as_json({"done": True})

        return handler

    def _delete(self, request: Request) -> Answer:
        name = request.data.get("name") if isinstance(request.data, dict) else None
        if not isinstance(name, str):
            return text('say which view: {"name": "003"}', 400)
        self._capture.delete(name)
        return as_json({"done": True})

    def _view(self, request: Request) -> Answer:
        """A view that was taken: ?name=003&camera=rgb."""
        for shot in list(self._capture.snapshots):
            camera = request.query.get("camera", "")
            if shot.name == request.query.get("name") and camera in shot.seen:
                drawn = annotate(shot.pictures[camera], shot.seen[camera], None, True, ())
                return Answer(encode_jpeg(drawn[::4, ::4]), "image/jpeg")
        return text("there is no such view", 404)
