"""Whose token is it? Pure: what was seen with it goes in, a reason for distrust comes out.

Nothing published says how the service answers a claim that it ignores. If it answered with a token of the own account,
whoever thinks to be inside one customer would change all of them: the confused deputy
(https://en.wikipedia.org/wiki/Confused_deputy_problem). So a token counts as the customer's only on evidence.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi_fusion.customer.model import Account

__all__ = ["Sight", "claimed_account", "distrust"]


@dataclass(frozen=True)
class Sight:
    """What was seen: ``ours`` is the list with our own token, ``theirs`` the list with the new one, None where the
    service refuses it; ``itself`` is the customer as the new token shows it, None where it does not; ``claim`` is the
    account that the token itself names, None where it names none; ``stranger`` is a customer beside it that the new
    token shows all the same.
    """

    ours: Sequence[Account]
    theirs: Sequence[Account] | None
    itself: Account | None
    claim: str | None
    stranger: Account | None = None


def distrust(customer: Account, home: str, seen: Sight) -> str | None:
    """Why the token is not proved to act inside ``customer`` and nowhere else; None where it is.

    Positive evidence is the token's own claim, or the customer's record with the same id, seen with a list that holds
    nothing from outside the customer. A list that does hold such an account refutes any claim.
    """
    if seen.claim is not None and seen.claim != customer.shortname:
        return f"the token that came back is for {seen.claim!r}"
    if seen.stranger is not None:
        return f"the token that came back shows {seen.stranger.shortname!r}, which is not inside {customer.shortname!r}"
    listed = seen.theirs or ()
    # Whether a list holds the account that asks is not published, but it is the same for both tokens.
    caller_is_listed = any(account.shortname == home for account in seen.ours)
    for account in listed:
        if account.shortname == customer.shortname:
            if not caller_is_listed:
                return f"the token that came back lists {customer.shortname!r} as a customer of its own account"
        elif account.shortname == home or not _stands_below(account, listed, customer.shortname):
            return f"the token that came back shows {account.shortname!r}, which is not inside {customer.shortname!r}"
    if seen.claim == customer.shortname:
        return None
    if seen.theirs is None or not seen.ours:
        # Only a list that differs from a non-empty one of ours tells the new token from our own.
        return "the token names no account, and no list of customers tells it from your own"
    if seen.itself is None or seen.itself.id is None or seen.itself.id != customer.id:
        return f"the token names no account and does not show {customer.shortname!r} itself"
    return None


def _stands_below(account: Account, listed: Sequence[Account], top: str) -> bool:
    """Whether the account stands below ``top`` by the parents that the list tells."""
    parents: Mapping[str, str | None] = {each.shortname: each.parent for each in listed}
    current: str | None = account.shortname
    for _ in range(len(parents) + 1):
        current = parents.get(current) if current is not None else None
        if current == top:
            return True
    return False


def claimed_account(token: str) -> str | None:
    """The account that a token names, where it is a JWT that names one. Inference: under ``shortname``, as the request
    for it does; nothing is published about what a token holds.
    """
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return None
    named = claims.get("shortname") if isinstance(claims, dict) else None
    return named if isinstance(named, str) and named else None
