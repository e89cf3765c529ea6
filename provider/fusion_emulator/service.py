"""The running service: one state behind one lock; a change is stored before it is answered."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final, Literal, TypeVar

from fusion_emulator import accounts
from fusion_emulator.checks import problems
from fusion_emulator.clock import Clock
from fusion_emulator.documents import account_problems, refuse
from fusion_emulator.errors import Refused
from fusion_emulator.ids import Mint, random_id
from fusion_emulator.keys import new_key
from fusion_emulator.limits import Admitted, retry_after
from fusion_emulator.state import FIRST_PORT, Account, Change, State, User
from fusion_emulator.store import StateFile
from fusion_emulator.switches import RateLimit, Switches, UnknownSwitch

__all__ = ["ROOT", "Service"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

ROOT = "example-msp"
"""The shortname of the account at the top: a reseller."""


_FURTHER: Final = 1 << 32
"""Added to a number whose id is in use: more than are counted, so that two new ids of a change differ."""


KEPT: Final = 10_000
"""Shortnames whose state before their last write is kept."""


@dataclass
class _Stale:
    """An account before a write, None if it didn't exist, and the number of reads that still see it so."""

    before: Account | None
    reads: int


class Service:
    """State, switches and clock of a service."""

    def __init__(
        self,
        switches: Switches,
        *,
        file: StateFile | None = None,
        clock: Callable[[], float] = time.time,
        mint: Mint = random_id,
    ) -> None:
        """Load the state, or create one with nothing but its root account.

        Args:
            switches: The rules that the vendor does not publish.
            file: Stores the state; None keeps it in memory.
            clock: Returns Unix seconds.
            mint: Returns the id of a number.

        Raises:
            StateFileUnreadable: The file has another content.
        """
        self._switches = switches
        self.clock = Clock(clock)
        self._mint = mint
        self._file = file
        self._lock = threading.RLock()
        self._stale: dict[str, _Stale] = {}
        self._before_last_write: dict[str, Account | None] = {}
        self._counts: dict[str, tuple[int | None, int]] = {}
        self._admitted = {"customer": Admitted(), "user": Admitted()}
        stored = file.load() if file else None
        self._state = stored or _new(mint)
        if file and stored is None:
            file.replace(self._state)
        try:
            self.switches = switches
        except UnknownSwitch as refused:
            _log.warning("The switch unique_shortnames is false, as when the state was written (%s)", refused)
            self._switches = dataclasses.replace(switches, unique_shortnames=False)

    @property
    def state(self) -> State:
        """The current state; a value, so it never changes while it is read."""
        return self._state

    @property
    def switches(self) -> Switches:
        """The active switches."""
        return self._switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        """Change the switches, or raise UnknownSwitch if the accounts break the rule of one."""
        with self._lock:
            if switches.unique_shortnames and not self._state.unique_shortnames:
                found = problems(dataclasses.replace(self._state, unique_shortnames=True))
                if found:
                    raise UnknownSwitch(found[0])
            self._switches = switches

    def switch(self, change: Callable[[Switches], Switches]) -> None:
        """Replace the switches by what a function returns for the present ones, or raise UnknownSwitch."""
        with self._lock:
            self.switches = change(self._switches)

    def mint(self, number: int) -> str:
        """Return the id of a number, or of a further one if that is in use, as after a change of the file by hand."""
        state = self._state
        tables = (state.accounts, state.users, state.keys, state.mails)
        while any((id_ := self._mint(number)) in table for table in tables):
            number += _FURTHER
        return id_

    def commit(self, change: Callable[[State], tuple[Change, T]]) -> T:
        """Apply a change under the lock and store it; a refusal changes nothing.

        Args:
            change: Takes the state and returns the change and a result.

        Returns:
            The result of the change.

        Raises:
            Refused: The change raised it, or the outcome cannot be stored (500).
        """
        with self._lock:
            made, outcome = change(self._state)
            made = self._with_rule(made)
            if made.items():
                self._store(made, self._state.after(made))
            return outcome

    def edit(self, change: Callable[[State], tuple[Change, T]]) -> T:
        """Commit a change that the API doesn't offer, if the service can work with the outcome.

        Args:
            change: As for ``commit``.

        Raises:
            Refused: As ``commit``, or the outcome breaks a rule of ``checks`` (400).
        """

        def checked(state: State) -> tuple[Change, T]:
            made, outcome = change(state)
            changed = [each for each in made.accounts.values() if each is not None]
            found = [sentence for each in changed for sentence in account_problems(each)] or problems(
                state.after(self._with_rule(made))
            )
            if found:
                raise Refused(400, "; ".join(found))
            return made, outcome

        return self.commit(checked)

    def _with_rule(self, made: Change) -> Change:
        """Return the change with the rule about shortnames under which it is made, if that is another one now."""
        unique = self._switches.unique_shortnames
        if unique == self._state.unique_shortnames or not made.items():
            return made
        return dataclasses.replace(made, unique_shortnames=unique)

    def replace(self, make: Callable[[State], State], *, switches: Switches | None = None) -> None:
        """Replace the whole state, if the service can work with the new one.

        Args:
            make: Takes the state and returns the one that replaces it.
            switches: The switches from then on; None for the present ones.

        Raises:
            InvalidStateError: The new state breaks a rule of ``checks``.
            Refused: It cannot be stored (500).
        """
        with self._lock:
            switches = switches or self._switches
            state = dataclasses.replace(make(self._state), unique_shortnames=switches.unique_shortnames)
            refuse(problems(state))
            self._store(state, state)
            self._switches = switches
            self._stale.clear()
            self._before_last_write.clear()
            self._counts.clear()
            for each in self._admitted.values():
                each.clear()

    def _store(self, made: Change | State, state: State) -> None:
        if self._file is not None:
            try:
                self._file.append(made, state)
            except OSError as error:
                raise Refused(500, f"The state could not be stored: {error.strerror}") from error
        self._state = state

    def write(
        self, change: Callable[[State], tuple[Change, T]], *, shortname: str, stale_reads: int | None = None
    ) -> T:
        """Commit a change of one account that the next reads may not see yet.

        Args:
            change: As for ``commit``.
            shortname: The account.
            stale_reads: The number of reads that still see the account before; None for that of the switches.
        """
        reads = self.switches.stale_reads if stale_reads is None else stale_reads
        with self._lock:
            before = self._state
            previous = accounts.find(before, shortname, top=before.root)
            outcome = self.commit(change)
            # The last one in the order of writes.
            self._before_last_write.pop(shortname, None)
            self._before_last_write[shortname] = previous
            self._stale.pop(shortname, None)
            if reads:
                self._stale[shortname] = _Stale(previous, reads)
            self._keep_counts(before)
            for table in (self._before_last_write, self._stale, self._counts):
                _forget_oldest(table)
            return outcome

    def _keep_counts(self, before: State) -> None:
        """Let the parents of deleted accounts count them for as many reads as the switch asks for."""
        if not self.switches.stale_children:
            return
        gone = [each for id_, each in before.accounts.items() if id_ not in self._state.accounts]
        for parent in {each.parent for each in gone if each.parent}:
            counted, _ = self._counts.get(parent, (len(accounts.children(before, parent)), 0))
            self._counts[parent] = (counted, self.switches.stale_children)

    def counted(self, account: Account, *, present: int | None = None) -> int | None:
        """Return the number of sub-accounts that a read of the account shows, which may be an earlier one.

        Args:
            account: The account.
            present: What is returned for the present number.
        """
        with self._lock:
            counted, reads = self._counts.pop(account.id, (present, 0))
            if reads > 1:
                self._counts[account.id] = (counted, reads - 1)
            return counted

    def read(self, shortname: str, *, top: str, stale: bool = False) -> Account:
        """Return an account as a read sees it now.

        Args:
            shortname: The account.
            top: The id of the account that reads.
            stale: Whether this read sees the account before its last write.

        Raises:
            Refused: The account is absent.
        """
        with self._lock:
            seen = self._seen_by_read(shortname, top=top, stale=stale)
        if seen is None:
            raise accounts.absent(shortname, self.switches)
        return seen

    def list(self, *, top: str, stale: bool = False) -> list[Account]:
        """Return the accounts that a list request of ``top`` shows.

        Args:
            top: The id of the account that reads.
            stale: Whether this request sees the accounts before the last write.
        """
        switches = self.switches
        with self._lock:
            state = self._state
            names = [*self._stale, *(list(self._before_last_write)[-1:] if stale else ())]
            late = {name: self._seen_by_read(name, top=top, stale=stale) for name in dict.fromkeys(names)}
        shown = [each for each in accounts.subtree(state, top) if each.shortname not in late]
        shown.extend(each for each in late.values() if each is not None)
        listed = [
            each
            for each in shown
            if (switches.list_includes_caller if each.id == top else True)
            and (switches.list_scope == "subtree" or top in (each.id, each.parent))
        ]
        return listed[: switches.list_limit] if switches.list_limit else listed

    def count(self, route: Literal["customer", "user"], account: str) -> None:
        """Count a request against the limit of its route, or raise Refused(429)."""
        limit = RateLimit.parse(self.switches.customer_rate if route == "customer" else self.switches.user_rate)
        if limit is None:
            return
        with self._lock:
            wait = self._admitted[route].wait(account, limit, now=self.clock())
        if wait:
            raise Refused(429, "Too many requests", headers=retry_after(wait, self.switches, self.clock))

    def _seen_by_read(self, shortname: str, *, top: str, stale: bool = False) -> Account | None:
        waiting = self._stale.get(shortname)
        if waiting is not None:
            waiting.reads -= 1
            if waiting.reads <= 0:
                del self._stale[shortname]
            seen = waiting.before
        elif stale and shortname in self._before_last_write:
            seen = self._before_last_write[shortname]
        else:
            return accounts.find(self._state, shortname, top=top)
        return seen if seen is not None and accounts.within(self._state, seen, top) else None


def _forget_oldest(table: dict[str, Any]) -> None:
    while len(table) > KEPT:
        del table[next(iter(table))]


def _new(mint: Mint) -> State:
    """Return a service with nothing but its root account, that account's administrator and one API key."""
    root = Account(
        id=mint(0),
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
    admin = User(mint(1), root.id, "admin@example.com", "Ada", "Admin", ("admin",))
    key = new_key(mint(2), root.id, appname="pulumi-fusion", roles=("admin",))
    return State(
        root=root.id,
        own_key=key.id,
        signing_key=token_hex(32),
        accounts={root.id: root},
        users={admin.id: admin},
        keys={key.id: key},
        next_port=FIRST_PORT + 1,
        minted=3,
    )
