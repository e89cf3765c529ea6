"""Convert between the form's values and the API's.

Facts: https://docs.netography.com/api-reference/netography-apis/resellers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_fusion.customer.model import FIELDS, OUTPUTS, Account, AccountType, Fields, FieldSpec, Inputs, Kind, State
from pulumi_fusion.customer.names import label

__all__ = [
    "API_TYPES",
    "FORM_TYPES",
    "REQUIRED_IN_PUT",
    "api_type",
    "contradiction",
    "echoes",
    "from_state",
    "known_type",
    "merge",
    "not_shown",
    "same_text",
    "same_type",
    "to_create",
    "to_update",
]

# Inference: no public page documents how the form's two types and two toggles become the API's one type. The service's
# own list (GET /customers/types) overrides this table for a text that is a label there.
FORM_TYPES: Final[Mapping[str, str]] = {"SLG": "customer", "MSSP": "reseller"}
INTERNAL_TYPE: Final = "staff"

API_TYPES: Final = ("customer", "reseller", "staff")
"""The values that the API documents."""

_IN_PUT: Final = {name: spec for name, spec in FIELDS.items() if spec.kind is Kind.UPDATE and spec.sent}
_IN_POST_ONLY: Final = {name: spec for name, spec in FIELDS.items() if spec.sent and name not in _IN_PUT}
_IN_RECORD: Final = {name: spec for name, spec in {**FIELDS, **OUTPUTS}.items() if spec.shown}

REQUIRED_IN_PUT: Final = tuple(spec.sent for spec in _IN_PUT.values() if spec.sent and spec.required)
"""What the body of every PUT must contain: a field that is missing may be reset."""


def api_type(declared: str, *, multi_account: bool, internal: bool, listed: Sequence[AccountType] = ()) -> str | None:
    """Return the API's type for a declared type and its toggles, or None if it is an unknown type.

    ``listed`` is the service's own list, empty if it could not be read.
    """
    labels = {entry.label: entry.value for entry in listed if entry.label}
    if declared in API_TYPES or any(declared == entry.value for entry in listed):
        return declared
    if declared in FORM_TYPES:
        if internal:
            return INTERNAL_TYPE
        effective = "MSSP" if multi_account else declared
        return labels.get(effective, FORM_TYPES[effective])
    return labels.get(declared)


def contradiction(
    declared: str, *, multi_account: bool | None, internal: bool | None, listed: Sequence[AccountType] = ()
) -> tuple[str, str] | None:
    """Return the toggle that contradicts a declared API type, and why; None if both agree with it.

    An unset toggle contradicts nothing, and a type of the form allows any toggle.
    """
    if declared in FORM_TYPES:
        return None
    resolved = api_type(declared, multi_account=False, internal=False, listed=listed)
    reseller = api_type("MSSP", multi_account=False, internal=False, listed=listed)
    if internal is True and resolved != INTERNAL_TYPE:
        return "internal", f'an internal account is of type "{INTERNAL_TYPE}"'
    if internal is False and resolved == INTERNAL_TYPE:
        return "internal", f'type "{INTERNAL_TYPE}" is that of an internal account'
    if multi_account is True and resolved not in (reseller, INTERNAL_TYPE):
        return "multi_account", f'an account with multiple accounts is of type "{reseller}"'
    return None


def to_create(inputs: Inputs, account_type: str) -> dict[str, Any]:
    """Return the body of POST /customer."""
    return {**_body(inputs, _IN_POST_ONLY), **to_update(inputs, account_type)}


def to_update(
    inputs: Fields, account_type: str | None, *, live: Account | None = None, known: State | None = None
) -> dict[str, Any]:
    """Return the body of PUT /customer/{shortname}, which replaces all settings.

    A field that the program does not manage has the value of the live account, or else the last known one. A field
    with no known value is left out.
    """
    shown = {spec.sent: spec.read(live) for spec in _IN_PUT.values()}
    sent = {**_body(known or State(), _IN_PUT), **_without_none(shown), **_body(inputs, _IN_PUT), "type": account_type}
    return _without_none(sent)


def from_state(known: State, listed: Sequence[AccountType] = ()) -> dict[str, Any]:
    """Return what a create with these values would have sent, as far as they are known."""
    return _without_none({**_body(known, _IN_PUT), "type": known_type(known, listed)})


def _body(values: Fields, specs: Mapping[str, FieldSpec]) -> dict[str, Any]:
    return _without_none({spec.sent: spec.to_api(getattr(values, name)) for name, spec in specs.items()})


def _without_none(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def echoes(account: Account, body: Mapping[str, Any]) -> list[str]:
    """Return the fields of a request that the account shows with another value; a missing one isn't a difference."""
    return [
        spec.sent
        for spec in _IN_RECORD.values()
        if spec.sent
        and spec.sent in body
        and (shown := spec.read(account)) is not None
        and not same_text(shown, body[spec.sent])
    ]


def not_shown(known: State, *kinds: Kind) -> list[str]:
    """Return the labels of the fields of these kinds that a program sends and the state of an import lacks."""
    return [
        label(name)
        for name, spec in FIELDS.items()
        if spec.sent and spec.kind in kinds and getattr(known, name) is None
    ]


def merge(account: Account, known: State, listed: Sequence[AccountType] = ()) -> State:
    """Return the known state, updated by what the service shows."""
    shown = {name: spec.from_api(spec.read(account)) for name, spec in _IN_RECORD.items()}
    if account.type == known_type(known, listed):
        del shown["type"]
    # The program's spelling stays, so that a service which normalizes a text causes no difference.
    changed = {name: value for name, value in shown.items() if not same_text(value, getattr(known, name))}
    return known.model_copy(update=_without_none(changed))


def known_type(known: Fields, listed: Sequence[AccountType] = ()) -> str | None:
    """Return the API's type for the type and toggles of inputs or a state; None if they have no known type."""
    toggles = {"multi_account": bool(known.multi_account), "internal": bool(known.internal)}
    return None if known.type is None else api_type(known.type, listed=listed, **toggles)


def same_text(one: Any, other: Any) -> bool:
    """Return whether two values are equal, regardless of the Unicode normalization form and white space of texts.

    A service may store a text in another form than it was sent in. Compatibility forms count as equal too: otherwise a
    service that stores those would cause a difference in every preview, which no update removes.
    """
    if isinstance(one, str) and isinstance(other, str):
        return _normalized(one) == _normalized(other)
    return bool(one == other)


def _normalized(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def same_type(one: State, other: State) -> bool:
    """Return whether two states mean the same type of the API: ``SLG`` is ``customer``."""
    resolved = known_type(one)
    return resolved is not None and resolved == known_type(other)
