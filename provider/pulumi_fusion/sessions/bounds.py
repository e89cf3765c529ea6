"""What may be asked inside a session. Pure: a method and a path go in, a reason against it comes out."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, unquote_plus

from pulumi_fusion.api.wire import is_plain

__all__ = ["METHODS", "TOKEN_ROUTE", "refusal"]

TOKEN_ROUTE: Final = "/api/v1/auth/token"  # noqa: S105 - a path

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
METHODS: Final = _READS | _WRITES

# What the vendor asks by POST and what yet changes nothing: searches, statistics and look-ups, whose body is a query
# (https://docs.fusion.vectra.ai/api-reference; the vendor's own MCP server is built on them).
_QUERIES: Final = re.compile(
    r"/api/v1/(search/[A-Za-z0-9_-]+|stats/[A-Za-z0-9_-]+/(ts|agg)|intel/lookup/(asns|ips))", re.ASCII
)

# Every route that hands out or renews tokens: a session ends only if nothing inside it can buy another.
_TOKENS: Final = re.compile(r"/api(/v[0-9]+)?/+auth(/|$)", re.ASCII | re.IGNORECASE)

# What some servers cut off a segment before they route: https://www.rfc-editor.org/rfc/rfc3986#section-3.3
_PARAMETERS: Final = re.compile(r";[^/]*")

# Parameters by which some frameworks let a read be a write, see the headers in endpoint.py. Inference: nothing says
# that the service does, nor that it has a parameter of such a name.
_OVERRIDES: Final = re.compile(
    r"(^|[&;])(_+method|_*(x[-_])?http[-_]?method([-_]override)?|_*(x[-_])?method[-_]override)([=&;[]|$)",
    re.ASCII | re.IGNORECASE,
)


def refusal(method: str, path: str, *, write: bool) -> str | None:
    """Why this request is not sent in the session, or None if it may be.

    ``write`` says that the session may change things. A path that libraries could read otherwise than it is written is
    refused, since what was looked at must be what is asked.
    """
    bare, _, query = path.partition("?")
    if not is_plain(path):
        return "this is no plain path of the API: it begins with /api/ and has no dot segments"
    if _TOKENS.match(_PARAMETERS.sub("", unquote(bare))):
        return "a session takes no other tokens than its own"
    if not write and _OVERRIDES.search(unquote_plus(query)):
        return "the session is read-only"
    if method in _READS or (method == "POST" and _QUERIES.fullmatch(bare)):
        return None
    if method not in _WRITES:
        return f"{method} is no method of the API"
    return None if write else "the session is read-only"
