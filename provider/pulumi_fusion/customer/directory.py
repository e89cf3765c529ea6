"""What the service holds, asked once for a whole run and not once for every customer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Generic, NamedTuple, TypeVar

from pulumi_fusion.customer.gateway import Gateway
from pulumi_fusion.customer.model import Account, AccountType
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import BadRequest, Cancelled, DeadlineExceeded, Forbidden, FusionError, NotFound

__all__ = ["LONGEST_LIST", "Directory", "Seen"]

# More is not listed: https://docs.netography.com/api-reference/netography-apis/resellers
LONGEST_LIST: Final = 1000

# Long enough for one engine run over a thousand customers, short enough for a process that lives on.
FRESH_SECONDS: Final = 60.0
# How old at most what a change relies on may be: less than a single look may take, which has 30 seconds for its answer.
YOUNG_SECONDS: Final = 1.0
# That many looks are dearer than a list.
MANY: Final = 4
# Long enough that a burst of operations fails together, short enough that the next attempt is a real one.
FAILED_SECONDS: Final = 5.0
# How soon who waits for another's request sees an interrupt or its own end.
_GLANCE: Final = 0.2

T = TypeVar("T")


class Seen(NamedTuple):
    """What a list shows under a shortname, None where it shows nothing."""

    account: Account | None


class _Listing(NamedTuple):
    """The list, the names in it as the service may fold them, whether it can stand for a look (see ``_vouches``), None
    where nothing was written yet that could show in it; and whether that counts for what it does not show, too.

    It does not where a customer has customers of its own, whose names a look would find and a list may lack.
    """

    accounts: dict[str, Account]
    folded: frozenset[str]
    vouches: bool | None
    is_flat: bool


class Directory:
    """The service's list of customers and of account types, shared by all operations of a process.

    The list is evidence of what exists. Whether it holds the whole subtree is not published, and it ends at
    ``LONGEST_LIST`` entries, so of what does not exist it is none, but for :meth:`seen_lately`. Safe to use from
    several threads.
    """

    def __init__(self, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._types: _Once[tuple[AccountType, ...]] = _Once(fresh_seconds)
        self._listed: _Once[_Listing] = _Once(fresh_seconds)
        self._lock = threading.Lock()
        self._fresh_seconds = fresh_seconds
        self._written: dict[str, tuple[float, Account | None]] = {}
        self._glances = 0

    def types(self, gateway: Gateway) -> Sequence[AccountType]:
        """The service's own account types. Raises FusionError."""
        return self._types.get(_types_of(gateway), gateway.deadline)

    def types_if_told(self, gateway: Gateway) -> Sequence[AccountType]:
        """The same, or none where the service refuses to tell: then the table of the mapping holds alone."""
        try:
            return self.types(gateway)
        except (BadRequest, Forbidden, NotFound):
            return ()

    def find(self, gateway: Gateway, shortname: str) -> Account | None:
        """The account as this process last wrote it or as the list shows it; None leaves the question open.

        Raises FusionError.
        """
        with self._lock:
            written_at, written = self._written.get(shortname, (None, None))
        if written_at is not None and time.monotonic() - written_at <= self._fresh_seconds:
            return written
        return self._listed.get(self._list_of(gateway), gateway.deadline).accounts.get(shortname)

    def seen_lately(self, gateway: Gateway, shortname: str) -> Seen | None:
        """What a list shows that was asked for within the last second; None where only a look of one's own tells.

        Nobody waits for it: where many ask in a row, it is fetched in the background for those who come next. It tells
        nothing of a name that this process wrote itself, or that the list spells otherwise, and nothing at all where it
        does not vouch for itself.
        """
        now = time.monotonic()
        asked, listing = self._listed.last or (float("-inf"), None)
        with self._lock:
            if not self._written:
                return None  # so that nothing could vouch for a list
            own = shortname in self._written
            self._glances += 1
            blind = listing is not None and listing.vouches is None
            renew = self._glances >= MANY and (blind or now - asked > YOUNG_SECONDS / 2)
            if renew:
                self._glances = 0
        if renew and not self.is_cut():
            self._listed.begin(self._list_of(gateway), gateway.deadline, asked_after=asked)
        if listing is None or not listing.vouches or own or now - asked > YOUNG_SECONDS:
            return None
        account = listing.accounts.get(shortname)
        if account is None and (not listing.is_flat or shortname.casefold() in listing.folded):
            return None
        return Seen(account)

    def is_cut(self) -> bool:
        """Whether the list that was asked last may have left out customers, for it is as long as a list can be."""
        return self._listed.last is not None and len(self._listed.last[1].accounts) >= LONGEST_LIST

    def expect_find(self, gateway: Gateway) -> None:
        """Fetch the list while the caller waits for something else."""
        self._listed.begin(self._list_of(gateway), gateway.deadline)

    def expect_types(self, gateway: Gateway) -> None:
        """Fetch the types while the caller waits for something else."""
        self._types.begin(_types_of(gateway), gateway.deadline)

    def wrote(self, shortname: str, account: Account | None) -> None:
        """Note what this process made of an account; None: deleted. A list read later may still lag behind it."""
        with self._lock:
            self._written[shortname] = (time.monotonic(), account)

    def _list_of(self, gateway: Gateway) -> Callable[[], _Listing]:
        def fetch() -> _Listing:
            now = time.monotonic()
            with self._lock:
                written = {
                    name: account for name, (at, account) in self._written.items() if now - at <= self._fresh_seconds
                }
            accounts = {account.shortname: account for account in gateway.list_customers()}
            return _Listing(
                accounts,
                frozenset(name.casefold() for name in (*accounts, gateway.account)),
                _vouches(accounts, written, gateway.account) if written else None,
                all(account.is_childless for account in accounts.values()),
            )

        return fetch


def _vouches(accounts: Mapping[str, Account], written: Mapping[str, Account | None], parent: str) -> bool:
    """Whether a list can stand for a look at each of its customers, and for a look that finds none.

    It is whole; and it shows what this process had written before the list was asked for: what was created, by its id
    and as a direct child of the account, and nothing of what was deleted. A list that lags behind, or that holds others
    than the account's own customers, is found out by that.
    """
    return len(accounts) < LONGEST_LIST and all(
        name not in accounts
        if account is None
        else (found := accounts.get(name)) is not None and found.id == account.id is not None and found.parent == parent
        for name, account in written.items()
    )


def _types_of(gateway: Gateway) -> Callable[[], tuple[AccountType, ...]]:
    return lambda: tuple(gateway.list_customer_types())


class _Once(Generic[T]):
    """A value that one thread fetches while the others wait for it; a failure is shared like a value.

    A value serves for ``fresh_seconds`` since it was asked for, or where ``asked_after`` is given, if that was later.
    """

    def __init__(self, fresh_seconds: float) -> None:
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._fetched: tuple[float, T] | None = None
        self._failed: tuple[float, FusionError] | None = None
        self._under_way: threading.Event | None = None

    @property
    def last(self) -> tuple[float, T] | None:
        """What was fetched last, however old, and since when it was asked for."""
        return self._fetched

    def get(self, fetch: Callable[[], T], deadline: Deadline | None, *, asked_after: float | None = None) -> T:
        while True:
            with self._lock:
                if self._fetched and self._is_fresh(self._fetched[0], asked_after):
                    return self._fetched[1]
                if self._failed and time.monotonic() - self._failed[0] <= FAILED_SECONDS:
                    failure = self._failed[1]
                    raise failure.during(failure.attempted)
                others = self._under_way
                if others is None:
                    ended = self._under_way = threading.Event()
                    break
            # Whoever fetches may have more time than we.
            while not others.wait(_GLANCE):
                if deadline is not None:
                    deadline.check("wait for what another operation asks")
        began = time.monotonic()
        try:
            value = fetch()
        except (Cancelled, DeadlineExceeded):
            raise  # the end of one operation is no news of the service
        except FusionError as failure:
            self._failed = (time.monotonic(), failure)
            raise
        else:
            self._fetched = (began, value)
            return value
        finally:
            self._under_way = None
            ended.set()

    def begin(self, fetch: Callable[[], T], deadline: Deadline | None, *, asked_after: float | None = None) -> None:
        """Fetch it in the background, for who asks for it soon; a failure meets them as if they had fetched."""

        def fetched() -> None:
            with suppress(FusionError):
                self.get(fetch, deadline, asked_after=asked_after)

        with self._lock:
            if self._under_way is not None or (self._fetched and self._is_fresh(self._fetched[0], asked_after)):
                return
        threading.Thread(target=fetched, name="pulumi-fusion-directory", daemon=True).start()

    def _is_fresh(self, asked: float, asked_after: float | None) -> bool:
        return asked > (time.monotonic() - self._fresh_seconds if asked_after is None else asked_after)
