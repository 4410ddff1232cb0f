"""Who may ask: against DNS rebinding and against requests that other people's pages make."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping

from rigsight.base.errors import RigsightError
from rigsight.edge import codes


def own_names(host: str) -> frozenset[str]:
    """The names under which a server bound to ``host`` may be asked for, besides any IP address."""
    own = socket.gethostname().lower()
    return frozenset({"localhost", host.lower(), own, f"{own}.local"})


def host_problem(host_header: str | None, names: frozenset[str]) -> RigsightError | None:
    """Refuse names that are not ours.

    In a rebinding attack the browser believes that the attacker's name belongs to this machine, and sends
    it in the Host header. An address instead of a name cannot be rebound.

    >>> host_problem("127.0.0.1:8080", own_names("127.0.0.1")) is None
    True
    >>> host_problem("evil.example:8080", own_names("127.0.0.1")).code
    'WEB-003'
    """
    name = _without_port(host_header or "").lower()
    if name in names or _is_address(name):
        return None
    return codes.WEB_REFUSED(f"the page was asked for under the name '{name}'")


def origin_problem(headers: Mapping[str, str]) -> RigsightError | None:
    """Refuse actions that another site's page asks for.

    Browsers send the Origin of the page with every POST; a JSON body additionally keeps plain forms out.
    """
    origin, host = headers.get("Origin"), headers.get("Host", "")
    if origin is not None and origin.lower() != f"http://{host}".lower():
        return codes.WEB_REFUSED(f"an action came from a page of '{origin}'")
    if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return codes.WEB_REFUSED("an action came from a page of another site")
    if headers.get("Content-Type", "").split(";")[0].strip() != "application/json":
        return codes.WEB_REFUSED("an action is not JSON", fix="Send it with Content-Type: application/json.")
    return None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
