"""Which faults can affect a request that the service answers.

Patterns and routes are compared as sets of paths. Where that isn't exact, a pattern has more paths than it matches (a
set such as ``[a-z]`` counts as any character), so that no fault that can have an effect is reported.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from fusion_emulator.faults.nearest import meant
from fusion_emulator.journal import PREFIX, without_prefix

if TYPE_CHECKING:
    from fusion_emulator.faults.lines import Fault

__all__ = ["Route", "warning"]

_IMPLIED: Final = frozenset({"HEAD", "OPTIONS"})
_SET: Final = re.compile(r"\[!?\]?[^\]]*\]")
_WILDCARD: Final = re.compile(r"[*?\[]")
_VARIABLE: Final = re.compile(r"<[^>]*>")
_ONE: Final = "<"
_MORE: Final = ">"
_ANY: Final = _ONE + _MORE
"""The value of a variable: a character that isn't a slash, and any number of further ones."""


@dataclass(frozen=True)
class Route:
    """A route of the API: its path with variables such as ``<shortname>``, and its methods.

    ``stale``: whether the fault ``stale`` has an effect on it.
    """

    path: str
    methods: frozenset[str]
    stale: bool


def warning(fault: Fault, earlier: Iterable[Fault], routes: Sequence[Route]) -> str | None:
    """Return why a fault can have no effect; None if it can have one, or if that isn't known.

    Args:
        fault: The fault.
        earlier: The faults that were added before it.
        routes: The routes that faults affect.
    """
    reason = _no_route(fault, routes) or _precedence(fault, earlier)
    return f"the fault {fault.text!r} has no effect: {reason}" if reason else None


def _no_route(fault: Fault, routes: Sequence[Route]) -> str | None:
    """Return the reason if no route is affected."""
    matched = [route for route in routes if _can_match(fault.path, route.path)]
    if not matched:
        paths = sorted({without_prefix(route.path) for route in routes})
        near = meant(without_prefix(fault.path), paths)
        return f"no route of the API matches {fault.path}{near}; there are {', '.join(paths)}"
    affected = [route for route in matched if fault.method in ("*", *route.methods)]
    if not affected:
        methods = ", ".join(sorted(frozenset().union(*(route.methods for route in matched))))
        return f"{fault.path} has no method {fault.method}; it has {methods}"
    if fault.kind == "stale" and not any(route.stale for route in affected):
        pairs = ((method, each.path) for each in routes if each.stale for method in each.methods - _IMPLIED)
        return f"stale affects only {', '.join(sorted(f'{method} {without_prefix(path)}' for method, path in pairs))}"
    return None


def _precedence(fault: Fault, earlier: Iterable[Fault]) -> str | None:
    """Return the reason if an earlier fault without end affects every request that this one matches."""
    for each in earlier:
        colours = fault.side == "colours"
        same = each.side == "colours" and each.kind == fault.kind if colours else each.side != "colours"
        endless = each.left is None and each.skip == 0
        if same and endless and each.method in ("*", fault.method) and _covers(each.path, fault.path):
            return f"{each.text!r} was added before it and affects all its requests"
    return None


def _covers(general: str, pattern: str) -> bool:
    """Return whether it is certain that a pattern matches every path that another one matches."""
    if "?" in general or "[" in general:
        return general == pattern
    # Its characters match only the same ones, and only its * matches the wildcards of the other pattern.
    wild = _SET.sub("?", pattern)
    below = wild.removeprefix(PREFIX) if wild.startswith(f"{PREFIX}/") else wild
    return fnmatchcase(wild, general) or fnmatchcase(below, general)


# The page asks for the warnings of all faults each time that something changed.
@functools.lru_cache(maxsize=4096)
def _can_match(pattern: str, path: str) -> bool:
    """Return whether a pattern matches a path of a route, with or without the prefix of the API."""
    return any(
        _same_start(pattern, each) and _overlap(_SET.sub("?", pattern), _VARIABLE.sub(_ANY, each))
        for each in (path, without_prefix(path))
    )


def _same_start(pattern: str, path: str) -> bool:
    """Return whether both have the same characters before their first variable parts."""
    fixed, other = _WILDCARD.split(pattern, maxsplit=1)[0], path.partition("<")[0]
    return fixed.startswith(other) or other.startswith(fixed)


def _overlap(pattern: str, route: str) -> bool:
    """Return whether a path exists that both match.

    ``rows[i][j]`` is whether the ends of both, from these positions on, have one.
    """
    rows = [[False] * (len(route) + 1) for _ in range(len(pattern) + 1)]
    for i in range(len(pattern), -1, -1):
        for j in range(len(route), -1, -1):
            one, other = pattern[i : i + 1], route[j : j + 1]
            if one == "*":
                rows[i][j] = rows[i + 1][j] or (other != "" and rows[i][j + 1])
            elif other == _MORE:
                rows[i][j] = rows[i][j + 1] or (one not in ("", "/") and rows[i + 1][j])
            elif one and other:
                same = one in ("?", other) or (other == _ONE and one != "/")
                rows[i][j] = same and rows[i + 1][j + 1]
            else:
                rows[i][j] = one == other
    return rows[0][0]
