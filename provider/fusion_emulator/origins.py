"""Which requests come from a web page elsewhere: a browser lets every page send requests to loopback.

Programs such as curl and pulumi-fusion send none of these header fields but Host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fusion_emulator.listening import Address, is_address

__all__ = ["HEADERS", "foreign", "reason_to_refuse"]

_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?")

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Without a referrer, a browser would send "Origin: null" with the forms of the emulator's own page.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Header fields of an answer that no page elsewhere may read, include or embed."""


def foreign(site: str | None) -> bool:
    """Return whether a request with this Sec-Fetch-Site comes from a page of another origin.

    Browsers send it to loopback and to https, whatever the page does.
    """
    return site not in (None, "none", "same-origin")


def reason_to_refuse(method: str, headers: Mapping[str, str], *, address: Address) -> str | None:
    """Return why a request to the control routes is refused; None for one of a program or of the emulator's own page.

    Args:
        method: The method of the request.
        headers: Its header fields.
        address: The address that the emulator listens on.
    """
    host = headers.get("Host", "")
    if not _own(host, address):
        return f"the Host {host!r} is not the emulator's; use its address, such as http://127.0.0.1:PORT"
    origin = headers.get("Origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return f"it comes from a web page of {origin!r}"
    if foreign(headers.get("Sec-Fetch-Site")) and not _opens_a_tab(method, headers):
        return "it comes from a web page of another origin"
    return None


def _own(host: str, address: Address) -> bool:
    """Return whether no web site can have this Host: the name of one may resolve to loopback (DNS rebinding)."""
    matched = _HOST.fullmatch(host)
    if matched is None:
        return False
    if matched["v6"] or is_address(matched["name"]):
        return True
    name = matched["name"].lower()
    if name in ("localhost", address.named.lower()) or name.endswith(".localhost"):
        return True
    # No DNS of other people has these: names of services in a network of containers, host.docker.internal, and the
    # names of Kubernetes. Any device of a network may answer to the others in .local.
    return address.is_remote and ("." not in name or name.endswith((".internal", ".cluster.local")))


def _opens_a_tab(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a browser follows a link, whose target the page with the link can't read."""
    mode, target = headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")
    return (method, mode, target) == ("GET", "navigate", "document")
