"""What an operation is to bring about, from inputs that the engine had checked before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from pulumi_fusion.customer.check import check
from pulumi_fusion.customer.model import Inputs, State, state_key
from pulumi_fusion.customer.rules import Failure
from pulumi_fusion.customer.secrecy import without_secrets
from pulumi_fusion.errors import InvalidInput

__all__ = ["to_apply", "to_create"]

_KEYS: Final = frozenset(map(state_key, Inputs.model_fields))


def to_create(plain: Mapping[str, Any], secret: Collection[str] = ()) -> Inputs:
    """Return the inputs of a create. Raises InvalidInput for a state or an engine that hands over others."""
    try:
        return Inputs.model_validate(plain)
    except ValidationError:
        raise _not_as_checked(check(plain, None).failures, plain, secret) from None


def to_apply(plain: Mapping[str, Any], before: Mapping[str, Any], secret: Collection[str] = ()) -> Inputs | State:
    """Return the inputs of an update; as a State where an imported customer under ``ignoreChanges`` lacks some.

    ``before`` are the inputs that were applied last. Raises InvalidInput.
    """
    try:
        return Inputs.model_validate(plain)
    except ValidationError:
        failures = check(plain, before).failures
    if failures:
        raise _not_as_checked(failures, plain, secret)
    return State.recall({key: value for key, value in plain.items() if key in _KEYS})


def _not_as_checked(failures: Iterable[Failure], plain: Mapping[str, Any], secret: Collection[str]) -> InvalidInput:
    wrong = [f"{failure.property}: {without_secrets(failure, secret, plain).reason}" for failure in failures]
    return InvalidInput(
        "read the inputs of the customer",
        "; ".join(wrong) or "they are not those that were checked",
        next_step="Nothing was sent. Correct them in the program, and run it again.",
    )
