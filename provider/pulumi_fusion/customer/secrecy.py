"""Remove the values that a program marked as secret from failures."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from pulumi_fusion.customer.rules import Failure, quoted
from pulumi_fusion.redaction import MASK

__all__ = ["without_secrets"]

# What follows these quotes single characters or parts of the value.
_PARTS: Final = re.compile(r"(RFC 3986 without \+ and %\), not |such as admin@example\.com: ).*", re.DOTALL)


def without_secrets(failure: Failure, secret: Collection[str], *values: Mapping[str, Any]) -> Failure:
    """Return the failure without the values of the keys ``secret``, which its reason may quote.

    ``values`` are the program's inputs and those of the state, which has the earlier value of a secret. A failure of a
    secret has no property, since the CLI prints the value of a property even if it is secret
    (https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/step_generator.go, issueCheckFailures).
    """
    reason = failure.reason
    for key in secret:
        for value in {repr(each[key]): each[key] for each in values if key in each}.values():
            reason = _masked(reason, value)
    if failure.property not in secret:
        return failure._replace(reason=reason)
    return Failure("", _PARTS.sub(rf"\g<1>{MASK}", reason))


def _masked(reason: str, value: Any) -> str:
    if isinstance(value, str) and value.strip():
        for form in (quoted(value), repr(value)):
            reason = reason.replace(form, MASK)
        # Not a part of another word: a secret may be as short as one letter.
        return re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, reason)
    if isinstance(value, (int, float)):
        # A whole double is quoted as one, or as the integer that the program wrote.
        forms = {
            quoted(value),
            quoted(int(value)) if isinstance(value, float) and value.is_integer() else quoted(value),
        }
        numbers = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        # The preceding word distinguishes a quoted value from the numbers of the rule.
        return re.sub(rf"\b(not|of|from|to|than) ({numbers})(?!\w|\.\w)", rf"\1 {MASK}", reason)
    return reason
