"""The customers of one account over a run, as the frontends use them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from pulumi_fusion.customer.changes import Change
from pulumi_fusion.customer.check import Checked
from pulumi_fusion.customer.hints import Hints
from pulumi_fusion.customer.model import Fields, Inputs, State
from pulumi_fusion.customer.stack import Stack
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import FusionError
from pulumi_fusion.operations import create, delete, importing, preview, read, update
from pulumi_fusion.operations.account import require_account
from pulumi_fusion.operations.cache import CustomerCache
from pulumi_fusion.operations.deletions import NO_LIMIT, Deletions, Limit
from pulumi_fusion.operations.imports import Imports
from pulumi_fusion.operations.operation import Call, Run, consistency_timeout, has_address
from pulumi_fusion.operations.protection import require_deletable
from pulumi_fusion.operations.service import Service
from pulumi_fusion.settings import Preflight

__all__ = ["DYNAMIC_HINTS", "RUN_AGAIN", "Lifecycle", "adopt_only"]


def adopt_only(shortname: str, customer_id: str | None) -> str:
    """Return how to manage an existing customer where ``pulumi import`` isn't available."""
    adopt = "adopt with its immutable id" if customer_id is None else f"adopt={customer_id!r}"
    return (
        f"It isn't adopted automatically. If no stack manages it, set {adopt} on this Customer "
        "and run `pulumi up`; otherwise choose another shortname."
    )


def _python_alias(urn: str) -> str:
    return f'opts=pulumi.ResourceOptions(aliases=["{urn}"])'


RUN_AGAIN: Final = (
    "Run `pulumi up` again. If the customer wasn't created, it will be now. If it was, the run fails and prints its "
    'id; set adopt="<id>" on this Customer to manage it.'
)
"""The next step after a create with an unknown outcome, where no partial state can be saved."""

DYNAMIC_HINTS: Final = Hints(
    adopt_only,
    _python_alias,
    RUN_AGAIN,
    unprotected="deletion_protection=False",
    delete_before_replace="delete_before_replace",
    ignore_changes="ignore_changes",
)
"""The texts of the dynamic provider."""


class Lifecycle:
    """The verbs of a resource for the customers of one account. Safe for several threads.

    Args:
        call: What all verbs of one call of the engine share.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    @classmethod
    def of_run(
        cls,
        connect: Callable[[], Service],
        *,
        deadline: float = 300.0,
        mode: Preflight = "auto",
        warn: Callable[[str], None] = lambda sentence: None,
        hints: Hints = DYNAMIC_HINTS,
        stack: Stack | None = None,
        account_source: str = "the credential",
        cancelled: threading.Event | None = None,
        alive: Callable[[], bool] = lambda: True,
        deletions: Deletions | None = None,
        deletion_limit: Callable[[], Limit] = lambda: NO_LIMIT,
    ) -> Lifecycle:
        """Return the verbs for a new run, with nothing cached.

        Args:
            connect: Returns the service or raises SettingsError.
            deadline: Seconds that one operation may take.
            mode: The preflight setting.
            warn: Shows a sentence to the user.
            hints: The texts of the frontend.
            stack: What is known of the other resources.
            account_source: The setting that decides the account.
            cancelled: Setting it ends all waits, and no request that changes anything follows.
            alive: Returns False where the engine has ended; no request follows then.
            deletions: Counts the deletions of the run.
            deletion_limit: Returns how many there may be, or raises SettingsError.
        """
        run = Run(
            connect=connect,
            mode=mode,
            account_source=account_source,
            cancelled=cancelled or threading.Event(),
            alive=alive,
            stack=stack or Stack(),
            cache=CustomerCache(),
            imports=Imports(),
            lagging=Deadline(consistency_timeout(deadline)),
            deletions=deletions or Deletions(),
            deletion_limit=deletion_limit,
        )
        return cls(Call(run=run, seconds=deadline, urn="", hints=hints, warn=warn))

    def within(
        self,
        *,
        deadline: float | None = None,
        warn: Callable[[str], None] | None = None,
        hints: Hints | None = None,
        urn: str = "",
    ) -> Lifecycle:
        """Return the same life cycle, with everything that it has cached, for a call about the resource ``urn``."""
        return Lifecycle(
            dataclasses.replace(
                self._call,
                seconds=deadline or self._call.seconds,
                warn=warn or self._call.warn,
                hints=hints or self._call.hints,
                urn=urn,
            )
        )

    def end(self) -> None:
        """Show what is shown once for a whole run."""
        if sentence := self._call.run.imports.summary():
            self._call.warn(sentence)

    def check(self, raw: Mapping[str, Any], old: Mapping[str, Any] | None) -> Checked:
        """Return all failures of the inputs at once; read the service as far as the preflight setting allows it."""
        return preview.check(self._call, raw, old)

    def diff(self, old: State, new: Mapping[str, Any]) -> list[Change]:
        """Return what `up` would change. Raises WrongAccount."""
        return preview.diff(self._call, old, new)

    def create(self, inputs: Inputs) -> State:
        """Create the customer, or adopt the one that the inputs name. Raises WrongAccount, and as the verb does."""
        with self._call.operation("create the customer", inputs.shortname) as op:
            for other in op.run.stack.other_parents(op.service.account):
                require_account(other.shortname, other.parent, op.service.account, op.run.account_source)
            return create.create(op, inputs)

    def read(self, shortname: str, state: State) -> State | None:
        """Return the state with what the service shows; None if the customer is confirmed to be missing."""
        with self._call.operation("read the customer", shortname) as op:
            return read.read(op, state)

    def import_customer(self, shortname: str, *, imported: bool = True) -> State:
        """Return what the service shows of a customer that is not in the state; a lookup is not ``imported``."""
        with self._call.operation("read the customer", shortname) as op:
            state = importing.import_customer(op)
            if imported:
                op.run.imports.add(shortname, importing.required_of_program(state))
            return state

    def update(self, old: State, inputs: Fields, asked: State | None = None) -> State:
        """Bring the service in line with the inputs; where nothing changed, nothing is sent."""
        desired = old.model_copy(update=inputs.model_dump(exclude_none=True))
        if update.sends_something(old, inputs, asked):
            with self._call.operation("update the customer", desired.shortname or "") as op:
                return update.update(op, old, inputs, asked)
        if not has_address(old):
            with suppress(FusionError), self._call.operation("read the customer", old.shortname or "") as op:
                return update.read_address(op, old, desired)
        return desired

    def delete(self, shortname: str, state: State) -> None:
        """Delete the customer. Raises Protected, StillManaged and TooManyDeletes before the service is reached."""
        require_deletable(self._call, shortname, state)
        try:
            limit = self._call.run.deletion_limit()
        except FusionError as failure:
            raise failure.during("delete the customer", shortname) from None
        with self._call.operation("delete the customer", shortname) as op:
            delete.delete(op, state, limit)
