"""What the service holds, asked once for a whole run and not once for every customer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from typing import Final, Generic, NamedTuple, TypeVar

from pulumi_fusion.customer.model import Account, AccountType
from pulumi_fusion.deadline import Deadline, SharedFailure
from pulumi_fusion.errors import BadRequest, Cancelled, DeadlineExceeded, Forbidden, FusionError, NotFound
from pulumi_fusion.forking import Lock, renew_in_child
from pulumi_fusion.operations.service import Service

__all__ = ["LONGEST_LIST", "CustomerCache"]

# Long enough for one engine run over a thousand customers, short enough for a process that lives on.
FRESH_SECONDS: Final = 60.0
# More is not listed: https://docs.netography.com/api-reference/netography-apis/resellers
LONGEST_LIST: Final = 1000
# Long enough that a burst of operations fails together, short enough that the next attempt is a real one.
FAILED_SECONDS: Final = 5.0
# How soon who waits for another's request sees an interrupt or its own end.
_GLANCE: Final = 0.2

T = TypeVar("T")


class Listing(NamedTuple):
    """The customers that the service listed.

    Args:
        accounts: They, by shortname.
        folded: Their shortnames without case.
        is_cut: The list is as long as a list can be, so it may lack customers.
        is_complete: It lacks no customer. Whether the service lists the customers of customers is not published, so a
            list that shows a customer with customers of its own counts as incomplete.
    """

    accounts: Mapping[str, Account]
    folded: Set[str]
    is_cut: bool
    is_complete: bool

    @classmethod
    def of(cls, listed: Sequence[Account]) -> Listing:
        """Return what the list shows."""
        is_cut = len(listed) >= LONGEST_LIST
        return cls(
            {account.shortname: account for account in listed},
            {account.shortname.casefold() for account in listed},
            is_cut,
            not is_cut and all(account.is_childless for account in listed),
        )


class CustomerCache:
    """The service's list of customers and of account types, shared by all operations of a process.

    Safe to use from several threads.
    """

    def __init__(self, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._types: _Once[tuple[AccountType, ...]] = _Once(fresh_seconds)
        self._listed: _Once[Listing] = _Once(fresh_seconds)
        self._granted: _Once[bool] = _Once(fresh_seconds)
        self._fresh_seconds = fresh_seconds
        # What this process wrote, and when; None is a deletion.
        self._written: dict[str, tuple[float, Account | None]] = {}
        self._used: set[str] = set()
        self._lock = Lock()

    def authenticate(self, gateway: Service) -> None:
        """Have the credential tried. Raises FusionError."""

        def grant() -> bool:
            gateway.authenticate()
            return True

        self._granted.get(grant, gateway.deadline)

    def types(self, gateway: Service) -> Sequence[AccountType]:
        """The service's own account types. Raises FusionError."""
        return self._types.get(_types_of(gateway), gateway.deadline)

    def types_if_told(self, gateway: Service) -> Sequence[AccountType]:
        """The same, or none where the service refuses to tell: then the table of the mapping holds alone."""
        try:
            return self.types(gateway)
        except (BadRequest, Forbidden, NotFound):
            return ()

    def find(self, gateway: Service, shortname: str) -> Account | None:
        """The account as this process last wrote it or as the list shows it; None leaves the question open.

        Raises FusionError.
        """
        with self._lock:
            written = self._written.get(shortname)
        if written is not None and time.monotonic() - written[0] <= self._fresh_seconds:
            return written[1]
        return self._list(gateway).accounts.get(shortname)

    def find_id(self, gateway: Service, customer_id: str) -> Account | None:
        """Return the listed account with this immutable id. Raises FusionError."""
        return next((each for each in self._list(gateway).accounts.values() if each.id == customer_id), None)

    def shows_available(self, gateway: Service, shortname: str) -> bool:
        """Return whether the list that this run has fetched shows that no customer has the shortname. Sends nothing.

        The list must be complete and at most 60 seconds old, and this process must not have used the name before.
        Names are compared without case, since a service may do so.
        """
        fetched, folded = self._listed.last, shortname.casefold()
        with self._lock:
            is_first_use = folded not in self._used
            self._used.add(folded)
        if fetched is None or not is_first_use or time.monotonic() - fetched[0] > self._fresh_seconds:
            return False
        return fetched[1].is_complete and folded not in {gateway.account.casefold(), *fetched[1].folded}

    def is_cut(self) -> bool:
        """Return whether the list that was fetched last may lack customers, since it is as long as a list can be."""
        return self._listed.last is not None and self._listed.last[1].is_cut

    def expect_find(self, gateway: Service) -> None:
        """Fetch the list while the caller waits for something else."""
        self._listed.begin(_list_of(gateway), gateway.deadline)

    def expect_types(self, gateway: Service) -> None:
        """Fetch the types while the caller waits for something else."""
        self._types.begin(_types_of(gateway), gateway.deadline)

    def note(self, shortname: str, account: Account | None) -> None:
        """Note what this process made of an account, None: deleted. A list that is read later may still lag behind."""
        with self._lock:
            self._written[shortname] = (time.monotonic(), account)
            self._used.add(shortname.casefold())

    def _list(self, gateway: Service) -> Listing:
        return self._listed.get(_list_of(gateway), gateway.deadline)


def _list_of(gateway: Service) -> Callable[[], Listing]:
    return lambda: Listing.of(gateway.list_customers())


def _types_of(gateway: Service) -> Callable[[], tuple[AccountType, ...]]:
    return lambda: tuple(gateway.list_customer_types())


class _Once(Generic[T]):
    """A value that one thread fetches while the others wait for it; a failure is shared like a value.

    A value serves for ``fresh_seconds`` since it was asked for.
    """

    def __init__(self, fresh_seconds: float) -> None:
        self._fresh_seconds = fresh_seconds
        self._fetched: tuple[float, T] | None = None
        self._failed: tuple[float, SharedFailure] | None = None
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Keep the value; what another thread of the parent is fetching arrives there."""
        self._lock = threading.Lock()
        self._under_way: threading.Event | None = None

    @property
    def last(self) -> tuple[float, T] | None:
        """What was fetched last, however old, and since when it was asked for."""
        return self._fetched

    def get(self, fetch: Callable[[], T], deadline: Deadline | None) -> T:
        while True:
            with self._lock:
                if self._fetched and self._is_fresh(self._fetched[0]):
                    return self._fetched[1]
                if self._failed and time.monotonic() - self._failed[0] <= FAILED_SECONDS:
                    self._failed[1].meet(deadline)
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
            self._failed = (time.monotonic(), SharedFailure(failure, deadline))
            raise
        else:
            self._fetched = (began, value)
            return value
        finally:
            self._under_way = None
            ended.set()

    def begin(self, fetch: Callable[[], T], deadline: Deadline | None) -> None:
        """Fetch it in the background, for who asks for it soon; a failure meets them as if they had fetched."""

        def fetched() -> None:
            with suppress(FusionError):
                self.get(fetch, deadline)

        with self._lock:
            if self._under_way is not None or (self._fetched and self._is_fresh(self._fetched[0])):
                return
        threading.Thread(target=fetched, name="pulumi-fusion-directory", daemon=True).start()

    def _is_fresh(self, asked: float) -> bool:
        return asked > time.monotonic() - self._fresh_seconds
