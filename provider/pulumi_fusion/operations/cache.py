"""The lists of the service, requested once for a whole run instead of once for every customer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final, NamedTuple

from pulumi_fusion.customer.model import Account, AccountType
from pulumi_fusion.errors import BadRequest, Forbidden, NotFound
from pulumi_fusion.forking import Lock
from pulumi_fusion.operations.service import Service
from pulumi_fusion.single_flight import SingleFlight

__all__ = ["LONGEST_LIST", "CustomerCache"]

# Long enough for one engine run over a thousand customers, short enough for a process that serves several runs.
FRESH_SECONDS: Final = 60.0
# More is not listed: https://docs.netography.com/api-reference/netography-apis/resellers
LONGEST_LIST: Final = 1000
# Long enough that concurrent operations share a failure, short enough that the next attempt sends a request.
FAILED_SECONDS: Final = 5.0


class Listing(NamedTuple):
    """The customers that the service listed.

    Args:
        accounts: The customers, by shortname.
        folded: Their shortnames without case.
        is_cut: The list is as long as a list can be, so it may lack customers.
        is_complete: It lacks no customer. Whether the service lists the customers of customers is not published, so a
            list that shows a customer with sub-accounts counts as incomplete.
    """

    accounts: Mapping[str, Account]
    folded: Set[str]
    is_cut: bool
    is_complete: bool

    @classmethod
    def of(cls, listed: Sequence[Account]) -> Listing:
        """Return the listing of a response."""
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
        def is_fresh(requested: float, value: object) -> bool:
            return requested > time.monotonic() - fresh_seconds

        self._types = SingleFlight[tuple[AccountType, ...]](is_fresh, failure_seconds=FAILED_SECONDS)
        self._listed = SingleFlight[Listing](is_fresh, failure_seconds=FAILED_SECONDS)
        self._granted = SingleFlight[bool](is_fresh, failure_seconds=FAILED_SECONDS)
        self._fresh_seconds = fresh_seconds
        # What this process wrote, and when; None is a deletion.
        self._written: dict[str, tuple[float, Account | None]] = {}
        self._used: set[str] = set()
        self._lock = Lock()

    def authenticate(self, service: Service) -> None:
        """Verify the credential, once for all operations. Raises FusionError."""

        def grant() -> bool:
            service.authenticate()
            return True

        self._granted.get(grant, service.deadline)

    def types(self, service: Service) -> Sequence[AccountType]:
        """Return the account types of the service. Raises FusionError."""
        return self._types.get(_types_of(service), service.deadline)

    def types_if_listed(self, service: Service) -> Sequence[AccountType]:
        """Return the account types, or none where the service does not list them."""
        try:
            return self.types(service)
        except (BadRequest, Forbidden, NotFound):
            return ()

    def find(self, service: Service, shortname: str) -> Account | None:
        """Return the account as this process last wrote it, or as the list shows it. None proves nothing.

        Raises:
            FusionError: The list can't be fetched.
        """
        with self._lock:
            written = self._written.get(shortname)
        if written is not None and time.monotonic() - written[0] <= self._fresh_seconds:
            return written[1]
        return self._list(service).accounts.get(shortname)

    def find_id(self, service: Service, customer_id: str) -> Account | None:
        """Return the listed account with this immutable id. Raises FusionError."""
        return next((each for each in self._list(service).accounts.values() if each.id == customer_id), None)

    def shows_available(self, service: Service, shortname: str) -> bool:
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
        return fetched[1].is_complete and folded not in {service.account.casefold(), *fetched[1].folded}

    def is_cut(self) -> bool:
        """Return whether the list that was fetched last may lack customers, since it is as long as a list can be."""
        return self._listed.last is not None and self._listed.last[1].is_cut

    def prefetch_list(self, service: Service) -> None:
        """Fetch the list while the caller waits for something else."""
        self._listed.begin(_list_of(service), service.deadline)

    def prefetch_types(self, service: Service) -> None:
        """Fetch the types while the caller waits for something else."""
        self._types.begin(_types_of(service), service.deadline)

    def note_use(self, shortname: str) -> None:
        """Note that an operation reads the customer: from now on a list isn't evidence that its name is available."""
        with self._lock:
            self._used.add(shortname.casefold())

    def note(self, shortname: str, account: Account | None) -> None:
        """Note what this process wrote; None for a deletion. A list that is read later may still show the old state."""
        with self._lock:
            self._written[shortname] = (time.monotonic(), account)
            self._used.add(shortname.casefold())

    def _list(self, service: Service) -> Listing:
        return self._listed.get(_list_of(service), service.deadline)


def _list_of(service: Service) -> Callable[[], Listing]:
    return lambda: Listing.of(service.list_customers())


def _types_of(service: Service) -> Callable[[], tuple[AccountType, ...]]:
    return lambda: tuple(service.list_customer_types())
