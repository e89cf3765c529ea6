"""One engine call on one customer, and what all verbs need for it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pulumi_fusion.customer.hints import Hints, about_existing
from pulumi_fusion.customer.mapping import known_type
from pulumi_fusion.customer.model import Account, AccountType, Fields, Inputs, State
from pulumi_fusion.customer.stack import Stack
from pulumi_fusion.deadline import Deadline, backoff
from pulumi_fusion.documentation import more
from pulumi_fusion.errors import (
    AlreadyExists,
    FusionError,
    InvalidInput,
    NotOurs,
    OutcomeUnknown,
    RequestFailed,
)
from pulumi_fusion.operations.cache import LONGEST_LIST, CustomerCache
from pulumi_fusion.operations.deletions import Deletions, Limit
from pulumi_fusion.operations.imports import Imports
from pulumi_fusion.operations.service import Service
from pulumi_fusion.settings import Preflight

__all__ = [
    "ADDRESS",
    "Call",
    "Operation",
    "Run",
    "consistency_timeout",
    "has_address",
    "partial_state_of",
    "saving_partial_state",
]

CONSISTENCY_SECONDS: Final = 20.0
"""How long an answer may lag behind a write. Inference: no delay is published; the API reads as if there were none."""

# No more than this part of the deadline, so that a short one leaves time for the rest.
_CONSISTENCY_SHARE: Final = 0.25

# Seconds between two GETs at least, for an account may be read from a replica that catches up.
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0

ADDRESS: Final = {"ingest_ip", "ingest_port"}
"""The fields of the ingest address, which the service assigns after a create."""

_LIST_IS_CUT: Final = (
    f"The service lists {LONGEST_LIST} customers at most, and this account has as many or more. Those that are not "
    "listed are read one by one, which takes longer and is as safe; a shortname that one of them has shows at "
    f"`pulumi up`. {more('troubleshooting', 'the-list-is-full')}"
)


@dataclass(frozen=True)
class Run:
    """What all calls of a run share.

    Args:
        connect: Returns the service or raises SettingsError.
        mode: The preflight setting.
        account_source: The setting that decides the account.
        cancelled: Setting it ends all waits, and no request that changes anything follows.
        alive: Returns False where the engine has ended; no request follows then.
        stack: What is known of the other resources of the stack.
        cache: The service's lists, and what this process wrote.
        imports: The customers that were imported.
        lagging: Ends when no answer can lag behind a write of an earlier run any more.
        deletions: Counts the deletions.
        deletion_limit: Returns how many there may be. Raises SettingsError.
    """

    connect: Callable[[], Service]
    mode: Preflight
    account_source: str
    cancelled: threading.Event
    alive: Callable[[], bool]
    stack: Stack
    cache: CustomerCache
    imports: Imports
    lagging: Deadline
    deletions: Deletions
    deletion_limit: Callable[[], Limit]


@dataclass(frozen=True)
class Call:
    """One call of the engine.

    Args:
        run: What all calls share.
        seconds: How long it may take.
        urn: The resource, or "" where the frontend doesn't know it.
        hints: The frontend's texts.
        warn: Shows a sentence to the user.
    """

    run: Run
    seconds: float
    urn: str
    hints: Hints
    warn: Callable[[str], None]

    def deadline(self, seconds: float) -> Deadline:
        """Return the deadline of something that may take so long, and that ends with the run."""
        return Deadline(seconds, cancelled=self.run.cancelled, alive=self.run.alive)

    @contextmanager
    def operation(self, attempted: str, shortname: str) -> Iterator[Operation]:
        """Yield the operation on a customer under its deadline; every error in it names the verb and the shortname."""
        deadline = self.deadline(self.seconds)
        try:
            yield Operation(attempted, shortname, self.run.connect().within(deadline), deadline, self)
        except FusionError as failure:
            raise failure.during(attempted, shortname) from None

    def warn_if_list_is_cut(self) -> None:
        """Warn where the list may lack customers."""
        if self.run.cache.is_cut():
            self.warn(_LIST_IS_CUT)


@dataclass(frozen=True)
class Operation:
    """What one call does with one customer.

    Args:
        attempted: The verb for error texts, such as "create the customer".
        shortname: The customer.
        service: The service, bound to the deadline.
        deadline: The end of the operation.
        call: The call of the engine.
    """

    attempted: str
    shortname: str
    service: Service
    deadline: Deadline
    call: Call

    @property
    def run(self) -> Run:
        """What all calls of the run share."""
        return self.call.run

    @property
    def consistency(self) -> float:
        """Seconds that an answer may lag behind a write."""
        return consistency_timeout(self.call.seconds)

    def get(self) -> Account:
        """Read the customer by a GET. Raises NotFound for a confirmed 404, RequestFailed."""
        self.run.cache.note_use(self.shortname)
        return self.service.get_customer(self.shortname)

    def poll(self, window: float = math.inf, *, pause: float = _SHORTEST_PAUSE) -> Iterator[Account | RequestFailed]:
        """GET at once, and again with backoff until ``window`` seconds have passed; the last GET may be later.

        Args:
            window: Seconds, at most until the deadline.
            pause: Seconds between two GETs at least.

        Yields:
            The account, or what the GET raised: NotFound for a confirmed 404.

        Raises:
            Cancelled, DeadlineExceeded: The wait was interrupted.
        """
        end = self.deadline.remaining() - window
        for jitter in backoff(cap=_LONGEST_PAUSE):
            try:
                answer: Account | RequestFailed = self.get()
            except RequestFailed as failure:
                answer = failure
            yield answer
            if self.deadline.remaining() <= end:
                return
            self.deadline.wait(max(pause, jitter))

    def account_types(self) -> Sequence[AccountType]:
        """Return the service's own account types, or none where it does not list them or preflight is off.

        Raises RequestFailed.
        """
        return () if self.run.mode == "off" else self.run.cache.types_if_listed(self.service)

    def resolve_type(self, inputs: Fields, listed: Sequence[AccountType]) -> str:
        """Return the account type that the API knows. Raises InvalidInput."""
        resolved = known_type(inputs, listed)
        if resolved is None:
            raise InvalidInput(
                self.attempted,
                f"the service does not know the type {inputs.type!r}",
                next_step="Nothing was sent. `pulumi-fusion types` lists what the service offers.",
            )
        return resolved

    def require_same(self, live: Account, state: State) -> None:
        """Raise NotOurs unless the account has the immutable id of the state."""
        if state.customer_id is None:
            raise NotOurs(
                self.attempted,
                "the state has no id for it, so it can't be verified that it is the same customer",
                next_step="Nothing was changed. Run `pulumi refresh`, which records the id.",
            )
        if live.id != state.customer_id:
            raise NotOurs(
                self.attempted,
                f"the state has the id {state.customer_id!r}, but the customer with this shortname has the id "
                f"{live.id!r} now: it was deleted and created again outside this stack",
                next_step="Nothing was changed. Remove the old one from the state by `pulumi state delete`. "
                + self.call.hints.adopt(self.shortname, live.id),
            )

    def about_existing(self, customer_id: str | None) -> str:
        """Return what to do about an existing customer under the shortname."""
        urn = self.call.urn or self.run.stack.declared_as(self.shortname)
        return about_existing(self.call.hints, self.run.stack, urn, self.shortname, customer_id)

    def already_exists(self, account: Account) -> AlreadyExists:
        """Return the error for an account that exists under the shortname of a new customer."""
        return AlreadyExists(
            self.attempted,
            shortname=self.shortname,
            customer_id=account.id,
            next_step=self.about_existing(account.id),
        )

    def outcome_unknown(self, came_back: str) -> OutcomeUnknown:
        """Return the error for a change of an existing account whose effect isn't known."""
        return OutcomeUnknown(
            self.attempted,
            came_back,
            next_step="The state was not changed. Run it again: it reads the customer first.",
        )

    def find_listed(self) -> Account | None:
        """Return the account as the list shows it; None proves nothing. Raises FusionError."""
        account = self.run.cache.find(self.service, self.shortname)
        if account is None:
            self.call.warn_if_list_is_cut()
        return account


def consistency_timeout(seconds: float) -> float:
    """Return how many seconds an answer may lag behind a write, for an operation that may take so many seconds."""
    return min(CONSISTENCY_SECONDS, _CONSISTENCY_SHARE * seconds)


def has_address(known: Account | State) -> bool:
    """Return whether the ingest address is known."""
    return known.ingest_ip is not None and known.ingest_port is not None


def partial_state_of(op: Operation, inputs: Inputs) -> State:
    """Return the state to save where the outcome of a create is unknown: what was sent, and the parent."""
    return State.recall(inputs.model_dump()).model_copy(update={"parent": op.service.account})


@contextmanager
def saving_partial_state(state: State) -> Iterator[None]:
    """Attach the state to save to an OutcomeUnknown that has none."""
    try:
        yield
    except OutcomeUnknown as unknown:
        raise unknown.replace(partial_state=unknown.partial_state or state.properties()) from None
