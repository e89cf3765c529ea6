"""Read a customer that is not in the state yet: an import, or a lookup."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from pulumi_fusion.customer.mapping import merge, not_shown
from pulumi_fusion.customer.model import Account, Kind, State
from pulumi_fusion.customer.rules import may_be_id
from pulumi_fusion.customer.rules import shortname as valid_shortname
from pulumi_fusion.errors import FusionError, InvalidInput, NotFound, NotOurs, RequestFailed
from pulumi_fusion.operations.operation import Operation

__all__ = ["import_customer", "require_shortname", "required_of_program"]

_ID_FORMAT: Final = "5 to 16 characters as `pulumi-fusion customers` and Settings > Customers list them"


def import_customer(op: Operation) -> State:
    """Return what the service shows of the customer.

    Raises:
        InvalidInput: No customer can have this id.
        NotFound: There is no such customer.
        NotOurs: It is not a customer of this account.
        RequestFailed: The customer can't be read.
    """
    require_shortname(op)
    if op.shortname == op.service.account:
        raise _outside(op, "it is the account that you work in, not one of its customers")
    account = _account(op)
    if account.parent not in (None, op.service.account):
        raise _outside(
            op, f"it is a customer of {account.parent!r}, and you work in the account {op.service.account!r}"
        )
    if account.id is None:
        raise _outside(op, "the service does not return its id, so it could not be identified later")
    op.run.stack.note_managed(account.id, op.shortname, op.call.urn)
    _warn_of_second_import(op, account)
    return merge(account, State(), op.account_types())


def required_of_program(state: State) -> list[str]:
    """Return the labels of the fields that the program must state, since the service does not show them."""
    return not_shown(state, Kind.CREATE_ONLY, Kind.UPDATE)


def _account(op: Operation) -> Account:
    with suppress(RequestFailed):
        listed = op.find_listed()
        if listed is not None and listed.id is not None:
            return listed
    try:
        return op.get()
    except NotFound as absent:
        raise absent.replace(next_step=f"The id of a Customer is its shortname, {_ID_FORMAT}.") from None


def require_shortname(op: Operation) -> None:
    """Raise InvalidInput for an id that cannot be a shortname. Nothing is sent, except for an immutable id.

    Something other than the service may answer the path of such an id.
    """
    try:
        valid_shortname(op.shortname)
    except ValueError as wrong:
        raise InvalidInput(
            op.attempted,
            f"the id of a Customer is its shortname, which {wrong}",
            next_step=f"{_meant(op)}`pulumi-fusion customers` and Settings > Customers list the shortnames.",
        ) from None


def _meant(op: Operation) -> str:
    """Return which customer was meant, if the id may be an immutable one."""
    if may_be_id(op.shortname):
        with suppress(FusionError):
            if account := op.run.cache.find_id(op.service, op.shortname):
                return f"This is the immutable id of {account.shortname!r}: use that name. "
    return ""


def _warn_of_second_import(op: Operation, account: Account) -> None:
    owner = op.run.stack.owner(account.id, op.shortname)
    is_managed_elsewhere = owner is not None and owner.urn != (op.call.urn or op.run.stack.declared_as(op.shortname))
    if op.run.stack.command.imports and is_managed_elsewhere:
        op.call.warn(
            f"{op.shortname}: it is imported a second time. {op.about_existing(account.id)} Until "
            "one of the two is removed by `pulumi state delete`, neither can be deleted."
        )


def _outside(op: Operation, problem: str) -> NotOurs:
    return NotOurs(
        op.attempted,
        problem,
        next_step="Nothing was imported. `pulumi-fusion customers` lists what can be; another account is chosen "
        "by fusion:account or its own netosecret.",
    )
