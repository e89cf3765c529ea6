"""What the page of one emulator remembers, and the version of what it shows."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from secrets import token_urlsafe

from fusion_emulator.state import State

__all__ = ["PageState"]


class PageState:
    """The token of the page's forms, the audit file of masquerade sessions, and the number of the present state.

    Safe to use from several threads.
    """

    def __init__(self, audit: Path | None) -> None:
        """Take the audit file that the users of the emulator write, which need not exist."""
        self.audit = audit
        self.form_token = token_urlsafe(32)
        self._lock = threading.Lock()
        self._state: State | None = None
        self._number = 0

    def version(self, state: State, *rest: object) -> str:
        """Return a text that is another one once the state or one of the other values is."""
        with self._lock:
            if state is not self._state:
                self._state, self._number = state, self._number + 1
            number = self._number
        return hashlib.sha256(repr((self.form_token, number, *rest)).encode("utf-8", "replace")).hexdigest()[:32]
