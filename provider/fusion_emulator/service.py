"""The running service: one state behind one lock, stored before a change is answered."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Literal, TypeVar

from fusion_emulator import accounts
from fusion_emulator.answers import http_date
from fusion_emulator.errors import Refused
from fusion_emulator.keys import new_key
from fusion_emulator.state import FIRST_PORT, Account, State, User
from fusion_emulator.store import StateFile
from fusion_emulator.switches import RateLimit, Switches

__all__ = ["ROOT", "Service", "mint"]

T = TypeVar("T")

ROOT = "example-msp"
"""The shortname of the account at the top: a reseller."""


@dataclass
class _Stale:
    """The state before a write, and the number of reads that still see it."""

    before: State
    reads: int


class Service:
    """State, switches and clock of a service."""

    def __init__(
        self, switches: Switches, *, file: StateFile | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """Load the state, or create one with nothing but its root account.

        Args:
            switches: The rules that the vendor does not publish.
            file: Stores the state; None keeps it in memory.
            clock: Returns Unix seconds.

        Raises:
            StateFileUnreadable: The file has another content.
        """
        self.switches = switches
        self.clock = clock
        self._file = file
        self._lock = threading.RLock()
        self._stale: dict[str, _Stale] = {}
        self._before_last_write: dict[str, State] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._requests: dict[tuple[str, str], deque[float]] = {}
        stored = file.load() if file else None
        self._state = stored or _new()
        if file and stored is None:
            file.save(self._state)

    @property
    def state(self) -> State:
        """The current state; a value, so it never changes while it is read."""
        return self._state

    def commit(self, change: Callable[[State], tuple[State, T]]) -> T:
        """Apply a change under the lock and store its outcome; a refusal changes nothing.

        Args:
            change: Takes the state and returns the new one and a result.

        Returns:
            The result of the change.

        Raises:
            Refused: The change raised it, or the outcome cannot be stored (500).
        """
        with self._lock:
            state, outcome = change(self._state)
            if self._file is not None and state is not self._state:
                try:
                    self._file.save(state)
                except OSError as error:
                    raise Refused(500, f"The state could not be stored: {error.strerror}") from error
            self._state = state
            return outcome

    def write(self, change: Callable[[State], tuple[State, T]], *, shortname: str, stale_reads: int | None = None) -> T:
        """Commit a change of one account that the next reads may not see yet.

        Args:
            change: As for ``commit``.
            shortname: The account.
            stale_reads: The number of reads that still see the state before; None for that of the switches.
        """
        reads = self.switches.stale_reads if stale_reads is None else stale_reads
        with self._lock:
            before = self._state
            outcome = self.commit(change)
            self._before_last_write[shortname] = before
            self._stale.pop(shortname, None)
            if reads:
                self._stale[shortname] = _Stale(before, reads)
            self._keep_counts(before)
            return outcome

    def _keep_counts(self, before: State) -> None:
        """Let the parents of deleted accounts count them for as many reads as the switch asks for."""
        gone = [each for id_, each in before.accounts.items() if id_ not in self._state.accounts]
        for parent in {each.parent for each in gone if each.parent} if self.switches.stale_children else ():
            counted, _ = self._counts.get(parent, (len(accounts.children(before, parent)), 0))
            self._counts[parent] = (counted, self.switches.stale_children)

    def counted(self, account: Account) -> int | None:
        """Return the number of sub-accounts that a read of the account still shows; None for the present one."""
        with self._lock:
            counted, reads = self._counts.pop(account.id, (None, 0))
            if counted is not None and reads > 1:
                self._counts[account.id] = (counted, reads - 1)
            return counted

    def read(self, shortname: str, *, top: str, stale: bool = False) -> tuple[State, Account]:
        """Return an account as a read sees it now, with the state in which it is seen.

        Args:
            shortname: The account.
            top: The id of the account that reads.
            stale: Whether this read sees the state before the last write.

        Raises:
            Refused: The account is absent.
        """
        with self._lock:
            state = self._seen_by_read(shortname, stale=stale)
            return state, accounts.require(state, shortname, top=top, switches=self.switches)

    def list(self, *, top: str) -> list[tuple[State, Account]]:
        """Return the accounts that a list request of ``top`` shows, each with the state in which it is seen."""
        switches = self.switches
        with self._lock:
            state = self._state
            views = {name: self._seen_by_read(name) for name in list(self._stale)}
        shown = [(state, each) for each in accounts.subtree(state, top) if each.shortname not in views]
        for name, view in views.items():
            account = accounts.find(view, name, top=top)
            if account is not None:
                shown.append((view, account))
        listed = [
            (view, each)
            for view, each in shown
            if (switches.list_includes_caller if each.id == top else True)
            and (switches.list_scope == "subtree" or top in (each.id, each.parent))
        ]
        return listed[: switches.list_limit] if switches.list_limit else listed

    def count(self, route: Literal["customer", "user"], account: str) -> None:
        """Count a request against the limit of its route, or raise Refused(429)."""
        limit = RateLimit.parse(self.switches.customer_rate if route == "customer" else self.switches.user_rate)
        if limit is None:
            return
        now = self.clock()
        with self._lock:
            recent = self._requests.setdefault((route, account), deque())
            while recent and now - recent[0] >= limit.window:
                recent.popleft()
            if len(recent) < limit.count:
                recent.append(now)
                return
            wait = limit.window - (now - recent[0])
        raise Refused(429, "Too many requests", headers=self._retry_after(wait))

    def _retry_after(self, seconds: float) -> dict[str, str]:
        # RFC 9110 section 10.2.3: whole seconds or a date; rounded up, so that a client that waits is admitted.
        if self.switches.retry_after == "none":
            return {}
        whole = int(seconds) + 1
        if self.switches.retry_after == "seconds":
            return {"Retry-After": str(whole)}
        return {"Retry-After": http_date(self.clock() + whole)}

    def _seen_by_read(self, shortname: str, *, stale: bool = False) -> State:
        waiting = self._stale.get(shortname)
        if waiting is not None:
            waiting.reads -= 1
            if waiting.reads <= 0:
                del self._stale[shortname]
            return waiting.before
        if stale:
            return self._before_last_write.get(shortname, self._state)
        return self._state


def mint() -> str:
    """Return a new opaque id."""
    return token_hex(12)


def _new() -> State:
    """Return a service with nothing but its root account, that account's administrator and one API key."""
    root = Account(
        id=mint(),
        shortname=ROOT,
        organization="Example MSP",
        type="reseller",
        retention=180,
        rollup_retention=365,
        trial=False,
        fps=None,
        parent=None,
        ingest_port=FIRST_PORT,
        sharedsecret=token_hex(32),
    )
    admin = User(mint(), root.id, "admin@example.com", "Ada", "Admin", ("admin",))
    return State(
        root=root.id,
        signing_key=token_hex(32),
        accounts={root.id: root},
        users={admin.id: admin},
        keys=(new_key(root.id, appname="pulumi-fusion", roles=("admin",)),),
        next_port=FIRST_PORT + 1,
    )
