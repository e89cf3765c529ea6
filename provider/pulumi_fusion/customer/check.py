"""The check: every failure at once, each with its property; it never raises and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from pulumi_fusion.customer.mapping import API_TYPES, FORM_TYPES, api_type, contradiction, same_text
from pulumi_fusion.customer.model import FIELDS, AccountType, CustomerStatus, Inputs, State, label, state_key
from pulumi_fusion.customer.rules import Failure, nearest
from pulumi_fusion.customer.words import UNKNOWN

__all__ = ["Checked", "check", "sentence"]


class Checked(NamedTuple):
    """The inputs as they will be used (keys of the state, defaults filled in, unknown values as they came)
    and every failure.
    """

    inputs: dict[str, Any]
    failures: list[Failure]


def check(raw: Mapping[str, Any], old: Mapping[str, Any] | None, listed: Sequence[AccountType] = ()) -> Checked:
    """Check what a program declares.

    ``raw`` and ``old`` map keys of the state to plain values or ``UNKNOWN``; ``old`` holds the inputs that
    were last applied, None for a new customer. ``listed`` is the service's own list of account types, empty
    where it was not asked.
    """
    known_before = State.recall(old or {})
    values, failures = _fields(raw, known_before)
    failures += _unknown_properties(raw)
    for rule in _RULES:
        failures += rule(values, known_before, listed)
    inputs = {state_key(name): value for name, value in values.items() if value is not None}
    if "deletionProtection" not in raw or raw["deletionProtection"] is None:
        inputs |= _default_protection(values, known_before)
    return Checked(inputs, failures)


def _fields(raw: Mapping[str, Any], old: State) -> tuple[dict[str, Any], list[Failure]]:
    """Each field by its own rule. A value that breaks it is left out, so that no later rule trips over it."""
    values: dict[str, Any] = {}
    failures: list[Failure] = []
    for name, adapter in FIELDS.items():
        key = state_key(name)
        value = raw.get(key)
        if value is UNKNOWN:
            values[name] = UNKNOWN
        elif value is not None:
            try:
                values[name] = adapter.validate_python(value)
            except ValidationError as wrong:
                failures += [Failure(key, f"{label(name)} {sentence(error)}") for error in wrong.errors()]
        elif Inputs.model_fields[name].is_required() and not _left_as_imported(name, raw, old):
            failures.append(Failure(key, f"{label(name)} is required"))
    return values, failures


def _left_as_imported(name: str, raw: Mapping[str, Any], old: State) -> bool:
    """Return whether a field is missing because the service never showed it at the import of this same customer.

    Under ``ignoreChanges`` the engine puts the old value, so none, in the place of the program's before the check.
    """
    same_customer = old.shortname is not None and raw.get("shortname") in (old.shortname, UNKNOWN)
    return same_customer and getattr(old, name) is None


def sentence(error: Any) -> str:
    """What is wrong, of one error that pydantic tells: in our words, where they are ours."""
    raised = error.get("ctx", {}).get("error")
    return str(raised) if raised else str(error["msg"])


def _unknown_properties(raw: Mapping[str, Any]) -> Iterator[Failure]:
    keys = [state_key(name) for name in Inputs.model_fields]
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
    word = _known(values, "type")
    if word is None:
        return
    toggles = {name: _effective(values, old, name) for name in ("multi_account", "internal")}
    resolved = api_type(
        word, multi_account=toggles["multi_account"] is True, internal=toggles["internal"] is True, listed=listed
    )
    offered = [entry.value for entry in listed]
    if resolved is None:
        words = dict.fromkeys([*FORM_TYPES, *API_TYPES, *(entry.label for entry in listed if entry.label), *offered])
        yield Failure("type", f"Type must be one of {', '.join(map(repr, words))}, not {word!r}{nearest(word, words)}")
        return
    if offered and resolved not in offered and UNKNOWN not in toggles.values():
        yield Failure(
            "type",
            f"Type {word!r} with its toggles is {resolved!r} for the service, which offers "
            f"{', '.join(map(repr, offered))} only",
        )
    if found := contradiction(
        word,
        multi_account=_known(values, "multi_account"),
        internal=_known(values, "internal"),
        listed=listed,
    ):
        toggle, why = found
        yield Failure(
            state_key(toggle),
            f"{label(toggle)} contradicts type {word!r}: {why}. Leave one of the two out, or use SLG or MSSP",
        )


def _effective(values: Mapping[str, Any], old: State, name: str) -> Any:
    """The value that will hold: what is not set stays as it was."""
    return values[name] if values.get(name) is not None else getattr(old, name)


def _created_only_once(values: Mapping[str, Any], old: State, listed: Sequence[AccountType]) -> Iterator[Failure]:
    if old.shortname is not None and _known(values, "shortname") != old.shortname:
        return  # another customer is made, with a first admin of its own
    for name in ("email", "given_name", "family_name"):
        before, after = getattr(old, name), _known(values, name)
        if before is not None and after is not None and not same_text(before, after):
            yield Failure(
                state_key(name),
                f"{label(name)} belongs to the first admin, whom the service makes together with the customer and "
                f"takes no changes of here: write {before!r} again, and change the user in Fusion",
            )


def _protected_from_replacement(
    values: Mapping[str, Any], old: State, listed: Sequence[AccountType]
) -> Iterator[Failure]:
    name = _known(values, "shortname")
    if old.deletion_protection and old.shortname is not None and name not in (None, old.shortname):
        yield Failure(
            "shortname",
            f"Shortname cannot change from {old.shortname!r} to {name!r}: that deletes the customer and its data, and "
            "deletion protection is on. If that is meant, apply deletionProtection=false first, then rename",
        )


_RULES: Final[tuple[_Rule, ...]] = (
    _rollup_covers_data,
    _type_is_known,
    _created_only_once,
    _protected_from_replacement,
)


def _default_protection(values: Mapping[str, Any], old: State) -> dict[str, bool]:
    """On for Active, off for Trial Active; and once on, only the program's own word turns it off."""
    status = _known(values, "status")
    if old.deletion_protection:
        return {"deletionProtection": True}
    if status is None:
        return {}
    return {"deletionProtection": status == CustomerStatus.ACTIVE.value}
