"""The requests and their answers: values for tests, lines for people, no secrets."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import Final, TextIO, overload

__all__ = ["PREFIX", "Entry", "Journal", "matches", "without_prefix"]

PREFIX: Final = "/api/v1"


@dataclass(frozen=True)
class Entry:
    """One request, without any value of its body, headers or query.

    ``time`` is Unix seconds at the start, ``seconds`` the time until the answer was ready. ``status`` is None if no
    complete status line is sent. ``genuine`` is the status of the service's own answer, None if it did not receive the
    request. ``account`` is the shortname of the account that the token acts in, ``shortname`` that of the account that
    the request is about, ``connection`` the client's port, which identifies a connection.
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
        if self.shortname:
            text += f" shortname={self.shortname}"
        if self.fault:
            text += f" fault={self.fault!r}" + ("" if self.acted else " not-executed")
        # A path comes from the client: it must not forge a second line.
        return "".join(char if char.isprintable() else "?" for char in text)


class Journal(Sequence[Entry]):
    """The entries in the order of their answers; safe to read while requests run."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write a line per entry to the stream, if there is one."""
        self._stream = stream
        self._lock = threading.Lock()
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Keep the entry and write its line."""
        with self._lock:
            self._entries.append(entry)
            if self._stream is None:
                return
            try:
                self._stream.write(f"{entry.line()}\n")
                self._stream.flush()
            except OSError as full:
                # A full disk ends the log but not the service.
                self._stream = None
                print(f"the request log ends here: {full.strerror}", file=sys.stderr)  # noqa: T201

    def clear(self) -> None:
        """Forget all entries; their lines stay in the log."""
        with self._lock:
            self._entries.clear()

    def of(self, method: str = "*", path: str = "*") -> list[Entry]:
        """Return the entries of a method and a path glob, with or without /api/v1; ``*`` is any."""
        return [entry for entry in self if matches(entry.method, entry.path, method=method, path=path)]

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...

    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        """Return an entry, or those of a slice."""
        with self._lock:
            return self._entries[index]

    def __len__(self) -> int:
        """Return the number of entries."""
        with self._lock:
            return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Return the entries at this moment."""
        with self._lock:
            return iter(tuple(self._entries))


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
