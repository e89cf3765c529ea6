"""What the service holds, asked once for a whole run and not once for every customer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

from pulumi_fusion.customer.gateway import Gateway
from pulumi_fusion.customer.model import Account, AccountType
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import BadRequest, Cancelled, DeadlineExceeded, Forbidden, FusionError, NotFound

__all__ = ["LONGEST_LIST", "Directory"]

# More is not listed: https://docs.netography.com/api-reference/netography-apis/resellers
LONGEST_LIST: Final = 1000

# Long enough for one engine run over a thousand customers, short enough for a process that lives on.
FRESH_SECONDS: Final = 60.0
# Long enough that a burst of operations fails together, short enough that the next attempt is a real one.
FAILED_SECONDS: Final = 5.0
# How soon who waits for another's request sees an interrupt or its own end.
_GLANCE: Final = 0.2

T = TypeVar("T")


class Directory:
    """The service's list of customers and of account types, shared by all operations of a process.

    The list is evidence of what exists and never of what does not: whether it holds the whole subtree is not
    published, and it ends at ``LONGEST_LIST`` entries. Safe to use from several threads.
    """

    def __init__(self, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._types: _Once[tuple[AccountType, ...]] = _Once(fresh_seconds)
        self._listed: _Once[dict[str, Account]] = _Once(fresh_seconds)
        self._lock = threading.Lock()
        self._fresh_seconds = fresh_seconds
        self._written: dict[str, tuple[float, Account | None]] = {}

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
        return self._listed.get(_list_of(gateway), gateway.deadline).get(shortname)

    def is_cut(self) -> bool:
        """Whether the list that was asked last may have left out customers, for it is as long as a list can be."""
        return len(self._listed.last or ()) >= LONGEST_LIST

    def expect_find(self, gateway: Gateway) -> None:
        """Fetch the list while the caller waits for something else."""
        self._listed.begin(_list_of(gateway), gateway.deadline)

    def expect_types(self, gateway: Gateway) -> None:
        """Fetch the types while the caller waits for something else."""
        self._types.begin(_types_of(gateway), gateway.deadline)

    def wrote(self, shortname: str, account: Account | None) -> None:
        """Note what this process made of an account; None: deleted. A list read later may still lag behind it."""
        with self._lock:
            self._written[shortname] = (time.monotonic(), account)


def _types_of(gateway: Gateway) -> Callable[[], tuple[AccountType, ...]]:
    return lambda: tuple(gateway.list_customer_types())


def _list_of(gateway: Gateway) -> Callable[[], dict[str, Account]]:
    return lambda: {account.shortname: account for account in gateway.list_customers()}


class _Once(Generic[T]):
    """A value that one thread fetches while the others wait for it; a failure is shared like a value."""

    def __init__(self, fresh_seconds: float) -> None:
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._fetched: tuple[float, T] | None = None
        self._failed: tuple[float, FusionError] | None = None
        self._under_way: threading.Event | None = None

    @property
    def last(self) -> T | None:
        """What was fetched last, however old."""
        return self._fetched[1] if self._fetched else None

    def get(self, fetch: Callable[[], T], deadline: Deadline | None) -> T:
        while True:
            with self._lock:
                if self._fetched and self._is_fresh(self._fetched[0]):
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
        try:
            value = fetch()
        except (Cancelled, DeadlineExceeded):
            raise  # the end of one operation is no news of the service
        except FusionError as failure:
            self._failed = (time.monotonic(), failure)
            raise
        else:
            self._fetched = (time.monotonic(), value)
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

    def _is_fresh(self, since: float) -> bool:
        return time.monotonic() - since <= self._fresh_seconds
