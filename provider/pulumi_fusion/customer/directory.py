"""What the service holds, asked once for a whole run and not once for every customer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

from pulumi_fusion.customer.gateway import Gateway
from pulumi_fusion.customer.listing import WITNESS_SECONDS, Listing, Written
from pulumi_fusion.customer.model import Account, AccountType
from pulumi_fusion.deadline import Deadline, SharedFailure
from pulumi_fusion.errors import BadRequest, Cancelled, DeadlineExceeded, Forbidden, FusionError, NotFound
from pulumi_fusion.forking import Lock, renew_in_child

__all__ = ["Directory"]

# Long enough for one engine run over a thousand customers, short enough for a process that lives on.
FRESH_SECONDS: Final = 60.0
# How old a list may be that stands for a look. A look's own answer has 30 seconds.
YOUNG_SECONDS: Final = 1.0
# That many looks are dearer than a list.
MANY: Final = 4
# Long enough that a burst of operations fails together, short enough that the next attempt is a real one.
FAILED_SECONDS: Final = 5.0
# How soon who waits for another's request sees an interrupt or its own end.
_GLANCE: Final = 0.2

T = TypeVar("T")


class Directory:
    """The service's list of customers and of account types, shared by all operations of a process.

    The list is evidence of what exists. Whether it holds the whole subtree is not published, and it ends at
    ``LONGEST_LIST`` entries, so it proves no absence, except by :meth:`found_free`. Safe to use from several threads.
    """

    def __init__(self, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._types: _Once[tuple[AccountType, ...]] = _Once(fresh_seconds)
        self._listed: _Once[Listing] = _Once(fresh_seconds)
        self._granted: _Once[bool] = _Once(fresh_seconds)
        self._fresh_seconds = fresh_seconds
        self._written: dict[str, Written] = {}
        # What was asked for here or written, folded: lists tell nothing of it.
        self._own: set[str] = set()
        self._looks = 0
        self._witnessed = float("-inf")
        self._helps_from = float("-inf")
        self._lock = Lock()

    def authenticate(self, gateway: Gateway) -> None:
        """Have the credential tried. Raises FusionError."""

        def grant() -> bool:
            gateway.authenticate()
            return True

        self._granted.get(grant, gateway.deadline)

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
            written = self._written.get(shortname)
        if written is not None and time.monotonic() - written.at <= self._fresh_seconds:
            return written.account
        return self._listed.get(self._list_of(gateway), gateway.deadline).accounts.get(shortname)

    def find_id(self, gateway: Gateway, customer_id: str) -> Account | None:
        """Return the listed account with this immutable id. Raises FusionError."""
        listing = self._listed.get(self._list_of(gateway), gateway.deadline)
        return next((account for account in listing.accounts.values() if account.id == customer_id), None)

    def found_free(self, gateway: Gateway, shortname: str) -> bool:
        """Whether a list of the last second shows that a shortname is free; False where only a look tells.

        Nobody waits for the list: where many ask, it is fetched in the background for those who come next. Whoever asks
        for the same name later has to look, for by then it may be written.
        """
        listing = self._young(gateway, shortname)
        return listing is not None and listing.shows_free(shortname)

    def found(self, gateway: Gateway, shortname: str) -> Account | None:
        """The customer as a list of the last second shows it, None where only a look tells; see :meth:`found_free`."""
        listing = self._young(gateway, shortname)
        return None if listing is None else listing.shown(shortname)

    def _young(self, gateway: Gateway, shortname: str) -> Listing | None:
        now = time.monotonic()
        asked, listing = self._listed.last or (float("-inf"), None)
        with self._lock:
            is_own = shortname.casefold() in self._own
            self._own.add(shortname.casefold())
            self._looks += 1
            renew = (
                self._looks >= MANY
                and now - self._witnessed <= WITNESS_SECONDS
                and now >= self._helps_from
                and (listing is None or not listing.vouches or now - asked > YOUNG_SECONDS / 2)
            )
            if renew:
                self._looks = 0
        if renew:
            self._listed.begin(self._helping(gateway), gateway.deadline, asked_after=asked)
        return listing if not is_own and now - asked <= YOUNG_SECONDS else None

    def is_cut(self) -> bool:
        """Whether the list that was asked last may have left out customers, for it is as long as a list can be."""
        return self._listed.last is not None and self._listed.last[1].is_cut

    def expect_find(self, gateway: Gateway) -> None:
        """Fetch the list while the caller waits for something else."""
        self._listed.begin(self._list_of(gateway), gateway.deadline)

    def expect_types(self, gateway: Gateway) -> None:
        """Fetch the types while the caller waits for something else."""
        self._types.begin(_types_of(gateway), gateway.deadline)

    def created(self, shortname: str, account: Account) -> None:
        """Note what this process made. A list read later may still lag behind it."""
        self._write(shortname, account, witnesses=True)

    def updated(self, shortname: str, account: Account) -> None:
        """Note what this process made of an account, likewise."""
        self._write(shortname, account, witnesses=False)

    def deleted(self, shortname: str) -> None:
        """Note that an account is gone, likewise."""
        self._write(shortname, None, witnesses=True)

    def _write(self, shortname: str, account: Account | None, *, witnesses: bool) -> None:
        now = time.monotonic()
        with self._lock:
            self._written[shortname] = Written(now, account, witnesses)
            self._own.add(shortname.casefold())
            if witnesses:
                self._witnessed = now

    def _list_of(self, gateway: Gateway) -> Callable[[], Listing]:
        def fetch() -> Listing:
            asked = time.monotonic()
            with self._lock:
                written = {name: each for name, each in self._written.items() if asked - each.at <= self._fresh_seconds}
            return Listing(gateway.list_customers(), gateway.account, asked, written)

        return fetch

    def _helping(self, gateway: Gateway) -> Callable[[], Listing]:
        """The same; after a list that fails or contradicts there is none for a while, for the next would as well."""
        fetch = self._list_of(gateway)

        def fetch_and_see() -> Listing:
            agrees = False
            try:
                listing = fetch()
                agrees = listing.agrees
                return listing
            finally:
                if not agrees:
                    self._helps_from = time.monotonic() + self._fresh_seconds

        return fetch_and_see


def _types_of(gateway: Gateway) -> Callable[[], tuple[AccountType, ...]]:
    return lambda: tuple(gateway.list_customer_types())


class _Once(Generic[T]):
    """A value that one thread fetches while the others wait for it; a failure is shared like a value.

    A value serves for ``fresh_seconds`` since it was asked for, or where ``asked_after`` is given, if that was later.
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

    def get(self, fetch: Callable[[], T], deadline: Deadline | None, *, asked_after: float | None = None) -> T:
        while True:
            with self._lock:
                if self._fetched and self._is_fresh(self._fetched[0], asked_after):
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
