"""Adopt an existing customer that the program names by its immutable id."""

from __future__ import annotations

from pulumi_fusion.customer.mapping import echoes, merge, not_shown, to_update
from pulumi_fusion.customer.model import Account, Inputs, Kind, State
from pulumi_fusion.documentation import more
from pulumi_fusion.errors import NotFound, NotOurs
from pulumi_fusion.operations.change import put
from pulumi_fusion.operations.operation import Operation

__all__ = ["adopt"]


def adopt(op: Operation, inputs: Inputs, account_type: str) -> Account:
    """Return the account that ``adopt`` names, updated where it differs from the inputs.

    Raises:
        AlreadyExists: Another resource manages it.
        NotOurs: It is not the account that ``adopt`` names, or not a customer of this account.
    """
    try:
        account = op.get()
    except NotFound:
        raise _not_adopted(op, f"adopt names the id {inputs.adopt!r}, but no customer has this shortname") from None
    if op.shortname == op.service.account:
        raise _not_adopted(op, "it is the account that you work in")
    if account.parent not in (None, op.service.account):
        raise _not_adopted(
            op, f"it is a customer of {account.parent!r}, and you work in the account {op.service.account!r}"
        )
    if op.run.stack.owner(account.id, op.shortname) is not None:
        raise op.already_exists(account)
    if account.id != inputs.adopt:
        raise _not_adopted(op, f"adopt names the id {inputs.adopt!r}, but the customer has the id {account.id!r}")
    body = to_update(inputs, account_type, live=account)
    if unseen := not_shown(merge(account, State()), Kind.UPDATE):
        # Without a shortname it is shown once for all customers of a run.
        op.call.warn(
            f"The service does not show {', '.join(unseen)} of adopted customers. What the program states is "
            "taken as true, and sent with the next update. "
            + more("import-and-adopt", "fields-that-the-service-doesnt-return")
        )
    adopted = put(op, account.id, body) if echoes(account, body) else account
    op.run.stack.note_managed(adopted.id, op.shortname, op.call.urn)
    return adopted


def _not_adopted(op: Operation, problem: str) -> NotOurs:
    return NotOurs(
        op.attempted,
        problem,
        next_step="Nothing was changed. `pulumi-fusion customers` lists the ids; correct adopt, or remove it "
        "to create a customer.",
    )
