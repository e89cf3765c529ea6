"""The counts of a session's requests for its audit and its end report. Their size is bounded for any client."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from pulumi_fusion.errors import capped
from pulumi_fusion.forking import Lock
from pulumi_fusion.sessions.bounds import RefusedKind, is_change

__all__ = ["UNKNOWN", "Counts"]

UNKNOWN: Final = "unknown"
"""The counts of a session with a raw token, whose requests don't pass the endpoint."""

# The most paths that are counted one by one; further ones count only by method.
_PATHS: Final = 100
# The same for requests that changed something, and for those that may have.
_CHANGES: Final = 20


class Counts:
    """Counts the requests of one session. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sent: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._paths: Counter[str] = Counter()
        self._in_flight: Counter[str] = Counter()
        self._made, self._unknown = _Changes(), _Changes()

    def sent(self, method: str, path: str) -> None:
        """Count a request that is sent."""
        name = _name(method, path)
        with self._lock:
            self._sent[method] += 1
            _add(self._paths, name, _PATHS)
            if is_change(method, path):
                self._in_flight[name] += 1

    def finished(self, method: str, path: str, changed: bool | None) -> None:
        """Count whether a request that was sent changed something; None if its outcome is unknown."""
        if not is_change(method, path):
            return
        name = _name(method, path)
        with self._lock:
            self._in_flight[name] -= 1
            self._in_flight += Counter()  # drops the zeros
            if changed is not False:
                (self._made if changed else self._unknown).add(name)

    def refused(self, kind: RefusedKind) -> None:
        """Count a request that wasn't sent."""
        with self._lock:
            self._refused[kind] += 1

    def facts(self) -> dict[str, Any]:
        """Return the requests by method and by path, the refused ones by kind, and the changes.

        The outcome of a request in flight is unknown.
        """
        with self._lock:
            unknown = _Changes(self._unknown)
            for name in self._in_flight.elements():
                unknown.add(name)
            return {
                "requests": dict(self._sent),
                "refused": dict(self._refused),
                "paths": dict(self._paths),
                "changes": {
                    "made": self._made.count,
                    "made_paths": dict(self._made.paths),
                    "unknown": unknown.count,
                    "unknown_paths": dict(unknown.paths),
                },
            }

    @staticmethod
    def no_facts() -> dict[str, Any]:
        """Return the same as :meth:`facts`, for a session whose requests aren't counted."""
        return dict.fromkeys(("requests", "refused", "paths", "changes"), UNKNOWN)


class _Changes:
    """A number of requests, and the paths of the first ones."""

    def __init__(self, other: _Changes | None = None) -> None:
        self.count: int = other.count if other else 0
        self.paths: Counter[str] = Counter(other.paths if other else {})

    def add(self, name: str) -> None:
        self.count += 1
        _add(self.paths, name, _CHANGES)


def _add(counter: Counter[str], name: str, most: int) -> None:
    if name in counter or len(counter) < most:
        counter[name] += 1


def _name(method: str, path: str) -> str:
    return capped(f"{method} {path.partition('?')[0]}")
