"""Verify that a token acts inside one customer and nowhere else. Pure functions.

The vendor doesn't document how the service responds to an account claim that it ignores. If it returned a token of the
caller's own account, a session meant for one customer could change all of them: the confused deputy
(https://en.wikipedia.org/wiki/Confused_deputy_problem). So a token is accepted only on evidence.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi_fusion.customer.model import Account

__all__ = ["Evidence", "claimed_account", "token_problem"]


@dataclass(frozen=True)
class Evidence:
    """What the service returned for the caller's own token and for the new one.

    Args:
        own_list: The customers that the caller's own token lists.
        new_list: The customers that the new token lists; None if the service refused the list.
        record: The customer itself as the new token reads it; None if the service refused it.
        claim: The account that the new token names; None if it names none.
        sibling: Another customer of the caller that the new token could read, which it must not.
    """

    own_list: Sequence[Account]
    new_list: Sequence[Account] | None
    record: Account | None
    claim: str | None
    sibling: Account | None = None


def token_problem(customer: Account, home: str, seen: Evidence) -> str | None:
    """Return why the token isn't verified to act inside ``customer`` alone, or None if it is.

    It is verified by its own claim, or by the customer's record with the expected id together with a list that contains
    no account from outside the customer. A list that contains such an account refutes any claim.

    Args:
        customer: The customer as the caller's own token reads it.
        home: The shortname of the caller's own account.
        seen: What both tokens returned.
    """
    if seen.claim is not None and seen.claim != customer.shortname:
        return f"the service returned a token for {seen.claim!r}"
    if seen.sibling is not None:
        return f"the returned token can read {seen.sibling.shortname!r}, which isn't inside {customer.shortname!r}"
    listed = seen.new_list or ()
    # The vendor doesn't document whether a list contains the caller's account, but it is the same for both tokens.
    caller_is_listed = any(account.shortname == home for account in seen.own_list)
    for account in listed:
        if account.shortname == customer.shortname:
            if not caller_is_listed:
                return f"the returned token lists {customer.shortname!r} as a customer of its own account"
        elif account.shortname == home or not _is_below(account, listed, customer.shortname):
            return f"the returned token lists {account.shortname!r}, which isn't inside {customer.shortname!r}"
    if seen.claim == customer.shortname:
        return None
    if seen.new_list is None or not seen.own_list:
        # Only a list that differs from the caller's own, if that isn't empty, distinguishes both tokens.
        return "the token names no account, and no list of customers distinguishes it from one of your own account"
    if seen.record is None or seen.record.id is None or seen.record.id != customer.id:
        return f"the token names no account and can't read {customer.shortname!r} itself"
    return None


def _is_below(account: Account, listed: Sequence[Account], top: str) -> bool:
    """Return whether the account is below ``top`` by the parents in the list."""
    parents: Mapping[str, str | None] = {each.shortname: each.parent for each in listed}
    current: str | None = account.shortname
    for _ in range(len(parents) + 1):
        current = parents.get(current) if current is not None else None
        if current == top:
            return True
    return False


def claimed_account(token: str) -> str | None:
    """Return the account that a token names, or None if it isn't a JWT or names none.

    Inference: in the claim ``shortname``, as in the request for it. The vendor doesn't document a token's claims.
    """
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return None
    named = claims.get("shortname") if isinstance(claims, dict) else None
    return named if isinstance(named, str) and named else None
