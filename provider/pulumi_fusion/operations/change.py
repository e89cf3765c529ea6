"""Change an existing account: send, find out what was done if the answer is lost, and see the change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pulumi_fusion.customer.mapping import echoes
from pulumi_fusion.customer.model import Account
from pulumi_fusion.deadline import backoff
from pulumi_fusion.errors import FusionError, InDoubt, NotFound, NotOurs, RequestFailed
from pulumi_fusion.operations.operation import Operation

__all__ = ["put", "send"]

T = TypeVar("T")

_ATTEMPTS: Final = 3


def send(
    op: Operation,
    customer_id: str | None,
    request: Callable[[Callable[[], None]], T],
    *,
    require: Callable[[Account], None] = lambda live: None,
) -> T:
    """Send a request that changes the account; where its outcome is unknown, send it again to the same account only.

    Args:
        op: The operation.
        customer_id: The id of the account.
        request: Sends it; takes the recheck that precedes a request which is sent late or again.
        require: Raises what else keeps the request from being sent to the account that a GET shows.

    Raises:
        NotFound: The account is gone.
        NotOurs: It is not known to be the same account any more; nothing was sent.
        OutcomeUnknown: A request was sent, and what it did is not known.
    """

    def recheck() -> None:
        require(_same_account(op, customer_id))

    try:
        return request(recheck)
    except InDoubt as failure:
        lost = failure
    since = "is unknown"
    for _, pause in zip(range(_ATTEMPTS - 1), backoff(), strict=False):
        try:
            op.deadline.wait(pause)
            live = op.get()
            if live.id != customer_id:
                since = f"can't be read, since another customer (id {live.id!r}) has the shortname now"
                break
            require(live)
            return request(recheck)
        except InDoubt as failure:
            lost = failure
        except NotFound:
            raise
        except FusionError as unclear:
            since = f"could not be found out since: {unclear.came_back}"
            break
    raise op.outcome_unknown(f"the request was sent, {lost.came_back}, and its effect {since}")


def _same_account(op: Operation, customer_id: str | None) -> Account:
    """Return the account by a GET, before a request that had to wait. Raises NotFound, NotOurs."""
    try:
        live = op.get()
    except NotFound:
        raise
    except RequestFailed as unclear:
        raise NotOurs(
            op.attempted,
            f"the request was delayed, and it isn't known whether the customer is still the same: {unclear.came_back}",
            next_step="Nothing was changed. Run it again: it checks that first.",
        ) from None
    if live.id != customer_id:
        raise NotOurs(
            op.attempted,
            f"the request was delayed, and the customer with this shortname has the id {live.id!r} now, not "
            f"{customer_id!r}",
            next_step="Nothing was changed. Run it again: the next error has instructions.",
        )
    return live


def put(op: Operation, customer_id: str | None, body: Mapping[str, Any]) -> Account:
    """Replace all settings of the account, and return it as it is shown then. Raises as :func:`send` does."""
    answered = send(op, customer_id, lambda recheck: op.service.update_customer(op.shortname, body, recheck=recheck))
    shown = _wait_until_shown(op, body) or answered
    op.run.cache.note(op.shortname, shown)
    return shown


def _wait_until_shown(op: Operation, body: Mapping[str, Any]) -> Account | None:
    """Return the account once a GET shows the update; None where it does not, which does not undo the update."""
    try:
        for answer in op.poll(op.consistency):
            if not isinstance(answer, Account):
                break
            if not echoes(answer, body):
                return answer
    except FusionError:
        pass
    op.call.warn(f"{op.shortname}: the update was accepted, but the service does not show it yet.")
    return None
