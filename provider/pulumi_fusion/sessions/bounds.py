"""The requests that a session allows. Pure: for a method and a path, the reason against sending it, or None."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final, Literal
from urllib.parse import unquote_plus

from pulumi_fusion.api.routes import decoded, is_plain, names

__all__ = ["READ_ONLY", "TOKEN_ROUTE", "RefusedKind", "is_change", "kind_of", "refusal"]

RefusedKind = Literal[
    "malformed paths",
    "malformed requests",
    "methods",
    "other accounts",
    "other hosts",
    "token routes",
    "writes",
    "wrong credentials",
]
"""The kinds by which refused requests are counted: a fixed set, so that a client can't fill the audit."""

TOKEN_ROUTE: Final = "/api/v1/auth/token"  # noqa: S105 - a path

READ_ONLY: Final = "the session is read-only"
_NO_TOKENS: Final = "a session accepts no other tokens than its own"
_NOT_PLAIN: Final = (
    "this isn't a plain path of the API, which begins with /api/, without dot segments, parameters, and anything that "
    "servers read in different ways"
)
_KINDS: Final[dict[str, RefusedKind]] = {READ_ONLY: "writes", _NO_TOKENS: "token routes", _NOT_PLAIN: "malformed paths"}

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

# Reads that the vendor's API has as POST: searches, statistics and lookups, whose body is a query
# (https://docs.fusion.vectra.ai/api-reference; the vendor's own MCP server uses them).
_QUERIES: Final = re.compile(
    r"/api/v1/(search/[A-Za-z0-9_-]+|stats/[A-Za-z0-9_-]+/(ts|agg)|intel/lookup/(asns|ips))", re.ASCII
)

# Routes that issue or renew tokens, in this version of the API or another: a session ends only if nothing inside it can
# get another token. The vendor has /api/v1/auth and /api/auth; the other names are a precaution, since none of the
# vendor's routes has them there.
_TOKEN_NAMES: Final = frozenset({"auth", "oauth", "oauth2", "token", "tokens", "login"})
_BELOW_AUTH: Final = frozenset({"token", "tokens", "bearer", "refresh", "login"})

# Parameters by which some frameworks turn a read into a write, as the headers in conversation.py do. A precaution:
# nothing shows that the service does, or that it has a parameter of such a name. PHP reads dots and spaces in a name
# as underscores.
_OVERRIDES: Final = re.compile(
    r"(^|[&;?])[ +]*(_+method|_*(x[-_])?http[-_]?method([-_]override)?|_*(x[-_])?method[-_]override)[_ +]*([=&;[]|$)",
    re.ASCII | re.IGNORECASE,
)


def refusal(method: str, path: str, *, write: bool) -> str | None:
    """Return why the session doesn't allow this request, or None if it does.

    ``write`` allows changes. A path that servers or libraries could read in different ways is refused, since the path
    that is sent must be the one that was checked.
    """
    bare, _, query = path.partition("?")
    if _is_token_route(names(bare)):
        return _NO_TOKENS
    # No route has parameters in its path. A name may contain a semicolon as %3B.
    if not is_plain(path) or ";" in bare:
        return _NOT_PLAIN
    if not write and _overrides(query):
        return READ_ONLY
    if method in _READS or _is_query(method, bare):
        return None
    if method not in _WRITES:
        return f"{method} isn't a method of the API"
    return None if write else READ_ONLY


def kind_of(against: str) -> RefusedKind:
    """Return the kind by which a refusal for this reason is counted."""
    return _KINDS.get(against, "methods")


def is_change(method: str, path: str) -> bool:
    """Return whether an allowed request changes something if it succeeds, or may do so."""
    bare, _, query = path.partition("?")
    return _overrides(query) or (method in _WRITES and not _is_query(method, bare))


def _is_query(method: str, bare: str) -> bool:
    return method == "POST" and bool(_QUERIES.fullmatch(bare))


def _is_token_route(segments: list[str]) -> bool:
    below_auth = any(first == "auth" and second in _BELOW_AUTH for first, second in pairwise(segments))
    return below_auth or not _TOKEN_NAMES.isdisjoint(segments[1:3])


def _overrides(query: str) -> bool:
    once = unquote_plus(query)
    return any(_OVERRIDES.search(text.replace(".", "_")) for text in (once, decoded(query) or once))
