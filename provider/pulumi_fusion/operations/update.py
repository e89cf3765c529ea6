"""Update a customer, or finish a create whose outcome was unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_fusion.customer.changes import changes, is_imported, may_be_unapplied
from pulumi_fusion.customer.mapping import REQUIRED_IN_PUT, echoes, from_state, merge, to_create, to_update
from pulumi_fusion.customer.model import Account, AccountType, Fields, Inputs, Kind, State
from pulumi_fusion.errors import InDoubt, InvalidInput, NotFound
from pulumi_fusion.operations.adopt import adopt
from pulumi_fusion.operations.change import put
from pulumi_fusion.operations.create import create_new, resolve, unresolved, with_address, with_id
from pulumi_fusion.operations.operation import ADDRESS, Operation, partial_state_of, saving_partial_state
from pulumi_fusion.operations.read import get_or_confirm_missing, require_same_parent

__all__ = ["read_address", "sends_something", "update"]


def sends_something(old: State, inputs: Fields, asked: State | None) -> bool:
    """Return whether the update changes something on the service, or finds out what an earlier run changed."""
    return (
        _is_unfinished(old, asked)
        or _differs(old, inputs)
        or (asked is not None and bool(may_be_unapplied(old, asked)))
    )


def _is_unfinished(old: State, asked: State | None) -> bool:
    """Return whether the state is that of a create whose outcome is unknown."""
    return asked is not None and old.customer_id is None and not is_imported(old)


def _differs(old: State, inputs: Fields) -> bool:
    found = changes(old, inputs.model_dump(by_alias=True, exclude_none=True))
    return any(change.kind is Kind.UPDATE for change in found)


def update(op: Operation, old: State, inputs: Fields, asked: State | None) -> State:
    """Bring the service in line with the inputs; fields that the program leaves out stay as they are.

    Args:
        op: The operation.
        old: The state.
        inputs: The inputs; only Inputs if they are complete.
        asked: The inputs that were applied last, from a frontend whose state keeps an unknown outcome. What they and
            the state disagree about is what such an update left behind.

    Raises:
        NotOurs, NotFound, OutcomeUnknown, RequestFailed: The state stays as it was, and the next run finds the same
            difference.
    """
    desired = old.model_copy(update=inputs.model_dump(exclude_none=True))
    with saving_partial_state(old):
        listed = op.account_types()
        account_type = op.resolve_type(desired, listed) if desired.type is not None else None
        if _is_unfinished(old, asked) and old.shortname == op.shortname and isinstance(inputs, Inputs):
            return merge(_finish(op, old, inputs, account_type or "", listed), desired, listed)
        live = get_or_confirm_missing(op, old)
        if live is None:
            raise NotFound(op.attempted, "the service has no such customer", status=404)
        op.require_same(live, old)
        body = to_update(inputs, account_type or live.type, live=live, known=old)
        _require_complete(op, body)
        return merge(put(op, live.id, body), desired, listed)


def read_address(op: Operation, old: State, desired: State) -> State:
    """Return the desired state with the ingest address that the service shows. Raises FusionError."""
    live = op.get()
    op.require_same(live, old)
    return desired.model_copy(update=live.model_dump(include=ADDRESS, exclude_none=True))


def _require_complete(op: Operation, body: Mapping[str, Any]) -> None:
    if missing := [field for field in REQUIRED_IN_PUT if field not in body]:
        ignored = op.call.hints.ignore_changes
        raise InvalidInput(
            op.attempted,
            f"an update sends every field, and {', '.join(missing)} is not known: the service does not show it, "
            f"and the program does not state it, or names it in {ignored}",
            next_step=f"Nothing was sent. State it in the program, without {ignored}, and run it again.",
        )


def _finish(op: Operation, old: State, inputs: Inputs, account_type: str, listed: Sequence[AccountType]) -> Account:
    """Return what a create of an earlier run made, updated where it differs; create it where it made nothing."""
    if inputs.adopt is not None:
        return adopt(op, inputs, account_type)
    sent = from_state(old, listed)
    found = resolve(op, sent, InDoubt("create the customer", "the answer was lost in an earlier run"))
    if found is None:
        require_same_parent(op, old)
        with saving_partial_state(partial_state_of(op, inputs)):
            return create_new(op, to_create(inputs, account_type), known_available=True)
    account = with_address(op, with_id(op, found, sent))
    body = to_update(inputs, account_type, live=account, known=old)
    if not (_differs(old, inputs) or echoes(account, body)):
        return account
    if account.id is None:
        raise unresolved(op, InDoubt("read the answer", "the service returns no id"))
    return put(op, account.id, body)
