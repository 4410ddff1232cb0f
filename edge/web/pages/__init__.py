"""Pages as they are sent: HTML, style sheets and scripts, nothing loaded from elsewhere."""

from __future__ import annotations

from importlib import resources

from rigsight.edge.web.answers import Answer, Handler

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


def page(name: str) -> Handler:
    """A handler that sends a file of this folder. Raises FileNotFoundError when it is not there."""
    data = resources.files(__name__).joinpath(name).read_bytes()
    answer = Answer(data, TYPES[name[name.rindex(".") :]])
    return lambda request: answer
