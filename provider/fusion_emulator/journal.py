"""The requests and their answers: values for tests, lines for people, no secrets."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import Final, TextIO, overload

__all__ = ["KEPT", "PREFIX", "Entry", "Journal", "matches", "on_one_line", "without_prefix"]

PREFIX: Final = "/api/v1"

KEPT: Final = 10_000
"""Entries."""


@dataclass(frozen=True)
class Entry:
    """One request, with no value of its headers or query, and of its body only the shortname.

    ``time`` is Unix seconds at the start, ``seconds`` the time until the answer was ready. ``status`` is None if no
    complete status line is sent. ``genuine`` is the status of the service's own answer, None if it did not receive the
    request. ``account`` is the shortname of the account that the token acts in, ``shortname`` that of the account that
    the request is about, ``connection`` the client's port, which identifies a connection. ``token`` is the number of
    the access token, from 1, None without a valid one; ``masquerade`` is whether it acts in another account than its
    key's. ``unmatched`` is whether no route has this path and method.
    """

    time: float
    seconds: float
    method: str
    path: str
    status: int | None
    genuine: int | None
    account: str | None
    shortname: str | None
    fault: str | None
    body_keys: tuple[str, ...]
    connection: int
    token: int | None = None
    masquerade: bool = False
    unmatched: bool = False

    @property
    def acted(self) -> bool:
        """Whether the service received the request, whatever was answered."""
        return self.genuine is not None

    def line(self) -> str:
        """Return the entry as a line of the log."""
        moment = datetime.fromtimestamp(self.time, tz=timezone.utc).isoformat(timespec="milliseconds")
        text = (
            f"{moment.replace('+00:00', 'Z')} {self.method} {self.path} "
            f"{self.status or 'no-answer'} {self.seconds * 1000:.0f}ms account={self.account or '-'}"
        )
        if self.token is not None:
            text += f" {'session' if self.masquerade else 'run'}={self.token}"
        if self.shortname:
            text += f" shortname={self.shortname}"
        if self.fault:
            text += f" fault={self.fault!r}" + ("" if self.acted else " not-executed")
        return on_one_line(text)


class Journal(Sequence[Entry]):
    """The last 10 000 entries in the order of their answers; safe to read while requests run."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write a line per entry to the stream, if there is one."""
        self._stream = stream
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._total = 0

    def add(self, entry: Entry) -> None:
        """Keep the entry and write its line."""
        with self._lock:
            self._entries.append(entry)
            self._total += 1
            if self._stream is None:
                return
            try:
                self._stream.write(f"{entry.line()}\n")
                self._stream.flush()
            except OSError as full:
                # A full disk ends the log but not the service.
                self._stream = None
                with contextlib.suppress(OSError):
                    print(f"the request log ends here: {full.strerror}", file=sys.stderr)  # noqa: T201

    def clear(self) -> None:
        """Forget all entries and their number; their lines stay in the log."""
        with self._lock:
            self._entries.clear()
            self._total = 0

    @property
    def total(self) -> int:
        """The number of requests since the start or the last ``clear``, also of those that are no longer kept."""
        return self._total

    def of(self, method: str = "*", path: str = "*") -> list[Entry]:
        """Return the entries of a method and a path glob, with or without /api/v1; ``*`` is any."""
        return [entry for entry in self if matches(entry.method, entry.path, method=method, path=path)]

    def unmatched(self) -> list[Entry]:
        """Return the entries of requests that no route matched, which were answered with 404 or 405."""
        return [entry for entry in self if entry.unmatched]

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...

    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        """Return an entry, or those of a slice."""
        with self._lock:
            return list(self._entries)[index] if isinstance(index, slice) else self._entries[index]

    def __len__(self) -> int:
        """Return the number of entries that are kept."""
        with self._lock:
            return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Return the entries at this moment."""
        with self._lock:
            return iter(tuple(self._entries))


def on_one_line(text: str) -> str:
    """Return a text of a client without what could forge a second line."""
    return "".join(char if char.isprintable() else "?" for char in text)


def matches(actual_method: str, actual_path: str, *, method: str, path: str) -> bool:
    """Return whether a request matches a method (or ``*``) and a path glob, with or without the API's prefix."""
    if method not in ("*", actual_method):
        return False
    return fnmatchcase(actual_path, path) or fnmatchcase(without_prefix(actual_path), path)


def without_prefix(path: str) -> str:
    """Return a path without the prefix of the API."""
    for prefix in (PREFIX, "/api"):
        if path.startswith(f"{prefix}/"):
            return path[len(prefix) :]
    return path
