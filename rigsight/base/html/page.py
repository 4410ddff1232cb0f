"""The frame of a report: one file, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
from html import escape


def page(title: str, css: str, body: str) -> str:
    """A whole HTML document around ``body``; ``title`` is text, the others are markup.

    >>> page("a < b", "", "<p>x</p>").splitlines()[5]
    '<title>a &lt; b</title>'
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{css}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def jpeg_uri(data: bytes) -> str:
    """The bytes of a JPEG file as a data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
