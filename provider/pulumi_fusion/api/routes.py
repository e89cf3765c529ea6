"""How a path of the API is read. Pure.

Proxies, servlet containers and frameworks decode, cut and join paths before they route them, each in its own way. So a
path that two of them could read differently is refused, and a route that must not be reached is searched for in
:func:`names`, which undoes all of it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

__all__ = ["decoded", "is_plain", "names"]

# RFC 3986, 3.3 and 3.4: what stands in a path and a query.
_PATH: Final = re.compile(r"(/([A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+)+/?(\?[^\s#\\]*)?", re.ASCII)

# An encoded slash, backslash, percent sign, question mark or number sign separates parts for a server that decodes
# first, as nginx does before it hands a path on, and for no other.
_ENCODED_SEPARATOR: Final = re.compile(r"%(2f|5c|25|3f|23)", re.IGNORECASE)
_SEPARATORS: Final = "/\\%?#;"

# What servers cut off a segment: parameters (RFC 3986, 3.3; Tomcat, Jetty, Spring).
_PARAMETERS: Final = re.compile(r";.*", re.DOTALL)
# The same, the verb of a gRPC route, a format (Rails, Spring), and what a server that decoded too early takes for a
# query.
_CUT_OFF: Final = re.compile(r"[;:,?#.].*", re.DOTALL)

_MOST_ROUNDS: Final = 10


def decoded(text: str) -> str | None:
    """Return the text with every encoded byte decoded until none is left, or None if it cannot be read in one way.

    That is where the bytes are not UTF-8: an overlong ``%c0%ae`` is a dot for some decoders.
    """
    for _ in range(_MOST_ROUNDS):
        try:
            once = unquote_to_bytes(text).decode()
        except UnicodeError:  # also a lone surrogate
            return None
        if once == text:
            return text
        text = once
    return None


def is_plain(path: str) -> bool:
    """Return whether a path of the API, perhaps with a query, means the same to every server and library.

    HTTP libraries decode what need not be encoded and then resolve dot segments (RFC 3986, 5.2.4 and 6.2.2), so
    ``/api/v1/customer/%2e%2e/auth/token`` would be another path than the one that was checked. Tomcat and Spring read
    ``..;`` as a dot segment as well, IIS drops dots and spaces at the end of a segment.
    """
    bare, _, query = path.partition("?")
    if not path.startswith("/api/") or not _PATH.fullmatch(path) or _ENCODED_SEPARATOR.search(bare):
        return False
    text, asked = decoded(bare), decoded(query)
    if text is None or asked is None or _has_controls(text + asked):
        return False
    folded = unicodedata.normalize("NFKC", text)
    if any(folded.count(each) != text.count(each) for each in _SEPARATORS):
        return False
    return all(_trimmed(_PARAMETERS.sub("", segment)) for segment in folded.strip("/").split("/"))


def names(path: str) -> list[str]:
    """Return the segments of a path as the most lenient server reads them: decoded, in lower case, resolved."""
    bare = path.partition("?")[0]
    text = decoded(bare)
    if text is None:
        text = unquote_to_bytes(bare).decode("latin-1")
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\\", "/")
    visible = "".join(each for each in folded if unicodedata.category(each) not in ("Cc", "Cf"))
    found: list[str] = []
    for segment in visible.split("/"):
        if segment.strip() == "..":
            del found[-1:]
        elif name := _trimmed(_CUT_OFF.sub("", _trimmed(segment))):
            found.append(name)
    return found


def _trimmed(segment: str) -> str:
    """Return what is left of a segment on a server that drops dots and spaces at its ends."""
    return segment.strip(". \t")


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(each) in ("Cc", "Zl", "Zp") for each in text)
