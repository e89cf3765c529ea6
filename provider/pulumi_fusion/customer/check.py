"""Check what a program declares: each field by its rule, then what involves several fields or the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pulumi_fusion.customer.hints import Hints
from pulumi_fusion.customer.mapping import API_TYPES, FORM_TYPES, api_type, contradiction, same_text
from pulumi_fusion.customer.model import FIELDS, AccountType, Kind, State
from pulumi_fusion.customer.names import UNKNOWN, CustomerStatus, label, state_key
from pulumi_fusion.customer.rules import Failure, nearest

__all__ = ["Checked", "apply_rules", "check"]


class Checked(NamedTuple):
    """The inputs by state key, with defaults, and every failure. An unknown value is among the inputs as it was."""

    inputs: dict[str, Any]
    failures: list[Failure]


def check(
    raw: Mapping[str, Any],
    old: Mapping[str, Any] | None,
    listed: Sequence[AccountType] = (),
    *,
    unprotected: str = Hints.unprotected,
) -> Checked:
    """Check the inputs of a program and return all failures at once.

    Args:
        raw: Plain values or ``UNKNOWN``, by state key.
        old: The inputs that were last applied, None for a new customer.
        listed: The service's own list of account types, empty if it was not read.
        unprotected: How a program of the frontend turns deletion protection off.
    """
    before = State.recall(old or {})
    values, failures = apply_rules(raw, before)
    failures += _unknown_properties(raw)
    for rule in _RULES:
        failures += rule(values, before, listed)
    failures += _protected_from_replacement(values, before, unprotected)
    inputs = {state_key(name): value for name, value in values.items()}
    if raw.get("deletionProtection") is None:
        inputs |= _default_protection(values, before)
    return Checked(inputs, failures)


def apply_rules(raw: Mapping[str, Any], old: State) -> tuple[dict[str, Any], list[Failure]]:
    """Apply the rule of each field, and return the valid and unknown values by Python name, and the failures."""
    values: dict[str, Any] = {}
    failures: list[Failure] = []
    for name, spec in FIELDS.items():
        key = state_key(name)
        value = raw.get(key)
        if value is UNKNOWN:
            values[name] = UNKNOWN
        elif value is not None:
            try:
                values[name] = spec.rule(value)
            except ValueError as wrong:
                failures.append(Failure(key, f"{label(name)} {wrong}"))
        elif spec.required and not _is_missing_since_import(name, raw, old):
            failures.append(Failure(key, f"{label(name)} is required"))
    return values, failures


def _is_missing_since_import(name: str, raw: Mapping[str, Any], old: State) -> bool:
    """Return whether the state of this same customer lacks the field too, since the service didn't show it.

    Under ``ignoreChanges`` the engine replaces the program's value by the old one, which is missing, before the check.
    """
    same_customer = old.shortname is not None and raw.get("shortname") in (old.shortname, UNKNOWN)
    return same_customer and getattr(old, name) is None


def _unknown_properties(raw: Mapping[str, Any]) -> Iterator[Failure]:
    keys = [state_key(name) for name in FIELDS]
    for key in raw:
        if key not in keys:
            yield Failure(key, f"{key!r} isn't a property of a Customer{nearest(key, keys)}; it has {', '.join(keys)}")


_Rule = Callable[[Mapping[str, Any], State, Sequence[AccountType]], Iterator[Failure]]


def _known(values: Mapping[str, Any], name: str) -> Any:
    value = values.get(name)
    return None if value is UNKNOWN else value


def _rollup_covers_data(values: Mapping[str, Any], old: State, listed: Sequence[AccountType]) -> Iterator[Failure]:
    data, rollup = _known(values, "data_retention"), _known(values, "rollup_retention")
    if data is not None and rollup is not None and rollup < data:
        yield Failure(
            "rollupRetention",
            f"Rollup Retention must be at least the Data Retention of {data} days, not {rollup}",
        )


def _type_is_known(values: Mapping[str, Any], old: State, listed: Sequence[AccountType]) -> Iterator[Failure]:
    declared = _known(values, "type")
    if declared is None:
        return
    toggles = {name: _effective(values, old, name) for name in ("multi_account", "internal")}
    resolved = api_type(
        declared, multi_account=toggles["multi_account"] is True, internal=toggles["internal"] is True, listed=listed
    )
    offered = [entry.value for entry in listed]
    if resolved is None:
        allowed = dict.fromkeys([*FORM_TYPES, *API_TYPES, *(entry.label for entry in listed if entry.label), *offered])
        yield Failure(
            "type",
            f"Type must be one of {', '.join(map(repr, allowed))}, not {declared!r}{nearest(declared, allowed)}",
        )
        return
    if offered and resolved not in offered and UNKNOWN not in toggles.values():
        yield Failure(
            "type",
            f"Type {declared!r} with its toggles is {resolved!r} for the service, which only offers "
            f"{', '.join(map(repr, offered))}",
        )
    if found := contradiction(
        declared,
        multi_account=_known(values, "multi_account"),
        internal=_known(values, "internal"),
        listed=listed,
    ):
        toggle, why = found
        yield Failure(
            state_key(toggle),
            f"{label(toggle)} contradicts type {declared!r}: {why}. Remove one of the two, or use SLG or MSSP",
        )


def _effective(values: Mapping[str, Any], old: State, name: str) -> Any:
    """Return the value after an update, which doesn't change what is unset."""
    return values[name] if values.get(name) is not None else getattr(old, name)


def _create_only(values: Mapping[str, Any], old: State, listed: Sequence[AccountType]) -> Iterator[Failure]:
    if old.shortname is not None and _known(values, "shortname") != old.shortname:
        return  # this is a replacement, which creates another customer
    for name, spec in FIELDS.items():
        before, after = getattr(old, name), _known(values, name)
        if spec.kind is not Kind.CREATE_ONLY or before is None or after is None or same_text(before, after):
            continue
        yield Failure(
            state_key(name),
            f"{label(name)} belongs to the first admin, whom the service creates together with the customer. It "
            f"can't be changed here: restore {before!r}, and change the user in Fusion",
        )


def _protected_from_replacement(values: Mapping[str, Any], old: State, unprotected: str) -> Iterator[Failure]:
    name = _known(values, "shortname")
    if old.is_protected and old.shortname is not None and name not in (None, old.shortname):
        yield Failure(
            "shortname",
            f"Shortname cannot change from {old.shortname!r} to {name!r}: that deletes the customer and its data, and "
            f"deletion protection is on. If that is intended, apply {unprotected} first, then rename",
        )


_RULES: Final[tuple[_Rule, ...]] = (
    _rollup_covers_data,
    _type_is_known,
    _create_only,
)


def _default_protection(values: Mapping[str, Any], old: State) -> dict[str, bool]:
    """Return the default: on for Active, off for Trial Active; once on, only the program turns it off."""
    status = _known(values, "status")
    if old.deletion_protection:
        return {"deletionProtection": True}
    if status is None:
        return {}
    return {"deletionProtection": status == CustomerStatus.ACTIVE.value}
