"""The inputs of a create and of an update, which the engine passes on as a check returned them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pulumi_fusion.customer.check import apply_rules
from pulumi_fusion.customer.model import FIELDS, Fields, Inputs, State
from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.customer.secrecy import without_secrets
from pulumi_fusion.errors import InvalidInput

__all__ = ["create_inputs", "update_inputs"]


def create_inputs(plain: Mapping[str, Any], secret: Collection[str] = ()) -> Inputs:
    """Return the inputs of a create.

    Raises InvalidInput for inputs that a check doesn't return, as from an edited state or another engine.
    """
    return Inputs(**_validated(plain, State(), secret))


def update_inputs(plain: Mapping[str, Any], before: Mapping[str, Any], secret: Collection[str] = ()) -> Fields:
    """Return the inputs of an update: Inputs, or Fields if an imported customer under ``ignoreChanges`` lacks some.

    ``before`` are the inputs that were applied last. Raises InvalidInput as for a create.
    """
    values = _validated(plain, State.recall(before), secret)
    is_complete = all(name in values for name, spec in FIELDS.items() if spec.required)
    return Inputs(**values) if is_complete else Fields(**values)


def _validated(plain: Mapping[str, Any], before: State, secret: Collection[str]) -> dict[str, Any]:
    values, failures = apply_rules(plain, before)
    if not failures and UNKNOWN not in values.values():
        return values
    reasons = [f"{failure.property}: {without_secrets(failure, secret, plain).reason}" for failure in failures]
    raise InvalidInput(
        "read the inputs of the customer",
        "; ".join(reasons) or "a value is not known yet",
        next_step="Nothing was sent. Correct the program and run it again.",
    )
