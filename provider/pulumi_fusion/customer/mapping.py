"""The form's words to the API's and back, each in one place.

Facts: https://docs.netography.com/api-reference/netography-apis/resellers. How the fields of a record are
found is told by the aliases of :class:`~pulumi_fusion.customer.model.Account`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_fusion.customer.model import Account, AccountType, CustomerStatus, Inputs, State

__all__ = [
    "API_TYPES",
    "FORM_TYPES",
    "api_type",
    "contradiction",
    "echoes",
    "from_state",
    "merge",
    "same_text",
    "same_type",
    "to_create",
    "to_update",
]

# Inference: no public page says how the form's two types and two toggles become the API's one type. The
# service's own list (GET /customers/types) overrules this table where a word stands in it as a label.
FORM_TYPES: Final[Mapping[str, str]] = {"SLG": "customer", "MSSP": "reseller"}
INTERNAL_TYPE: Final = "staff"

API_TYPES: Final = ("customer", "reseller", "staff")
"""The values that the API documents."""

_TRIAL: Final[Mapping[str, bool]] = {
    CustomerStatus.ACTIVE.value: False,
    CustomerStatus.TRIAL_ACTIVE.value: True,
}
_STATUS: Final = {trial: status for status, trial in _TRIAL.items()}

# What an account echoes of what was sent: field of the request -> field of Account.
_ECHOED: Final[Mapping[str, str]] = {
    "shortname": "shortname",
    "retention": "data_retention",
    "rollupRetention": "rollup_retention",
    "trial": "trial",
    "organization": "organization",
    "type": "type",
    "fps": "fps",
}


def api_type(word: str, *, multi_account: bool, internal: bool, listed: Sequence[AccountType] = ()) -> str | None:
    """The API's type for a word of the form and its toggles, or None when nobody knows the word.

    ``listed`` is the service's own list, empty when it could not be asked.
    """
    labels = {entry.label: entry.value for entry in listed if entry.label}
    if word in API_TYPES or any(word == entry.value for entry in listed):
        return word
    if word in FORM_TYPES:
        if internal:
            return INTERNAL_TYPE
        effective = "MSSP" if multi_account else word
        return labels.get(effective, FORM_TYPES[effective])
    return labels.get(word)


def contradiction(
    word: str, *, multi_account: bool | None, internal: bool | None, listed: Sequence[AccountType] = ()
) -> tuple[str, str] | None:
    """Which toggle an API type given directly contradicts, and what it says instead; None where all agree.

    A toggle that is not set contradicts nothing, and a word of the form leaves both toggles free.
    """
    if word in FORM_TYPES:
        return None
    given = api_type(word, multi_account=False, internal=False, listed=listed)
    reseller = api_type("MSSP", multi_account=False, internal=False, listed=listed)
    if internal is True and given != INTERNAL_TYPE:
        return "internal", f'an internal account is of type "{INTERNAL_TYPE}"'
    if internal is False and given == INTERNAL_TYPE:
        return "internal", f'type "{INTERNAL_TYPE}" is that of an internal account'
    if multi_account is True and given not in (reseller, INTERNAL_TYPE):
        return "multi_account", f'an account with multiple accounts is of type "{reseller}"'
    return None


def to_create(inputs: Inputs, account_type: str) -> dict[str, Any]:
    """The body of POST /customer."""
    return {
        "shortname": inputs.shortname,
        "username": inputs.email,
        "given_name": inputs.given_name,
        "family_name": inputs.family_name,
        **to_update(inputs, account_type),
    }


def to_update(
    inputs: Inputs | State, account_type: str | None, *, live: Account | None = None, known: State | None = None
) -> dict[str, Any]:
    """The body of PUT /customer/{shortname}: the complete object, for the API makes no difference of its own.

    What the program does not manage keeps the value that the service shows, or else the last one known. A field that
    nobody knows is not in the body.
    """
    shown, last = live or Account(shortname=""), known or State()
    body: dict[str, Any] = {
        "organization": _first(inputs.organization, shown.organization, last.organization),
        "type": account_type,
        "trial": _first(_TRIAL.get(inputs.status or ""), shown.trial, _TRIAL.get(last.status or "")),
        "retention": _first(inputs.data_retention, shown.data_retention, last.data_retention),
        "rollupRetention": _first(inputs.rollup_retention, shown.rollup_retention, last.rollup_retention),
        "fps": _first(inputs.contractual_flows_per_second, shown.fps, last.contractual_flows_per_second),
    }
    return {field: value for field, value in body.items() if value is not None}


def _first(*candidates: Any) -> Any:
    """Return the first value that is known."""
    return next((value for value in candidates if value is not None), None)


def from_state(known: State, listed: Sequence[AccountType] = ()) -> dict[str, Any]:
    """What a create with these values would have sent, as far as they are known."""
    sent = {
        "organization": known.organization,
        "type": known_type(known, listed),
        "trial": _TRIAL.get(known.status or ""),
        "retention": known.data_retention,
        "rollupRetention": known.rollup_retention,
    }
    return {field: value for field, value in sent.items() if value is not None}


def echoes(account: Account, body: Mapping[str, Any]) -> list[str]:
    """The fields of a request that an account shows with another value; what it does not show is no difference."""
    return [
        sent
        for sent, field in _ECHOED.items()
        if sent in body and (shown := getattr(account, field)) is not None and not same_text(shown, body[sent])
    ]


def merge(account: Account, known: State, listed: Sequence[AccountType] = ()) -> State:
    """What the service shows, laid over what was known."""
    shown: dict[str, Any] = {
        "shortname": account.shortname,
        # The program's spelling stays, so that a service which normalizes it causes no difference.
        "organization": None if same_text(account.organization, known.organization) else account.organization,
        "status": None if account.trial is None else _STATUS[account.trial],
        "contractual_flows_per_second": account.fps,
        "data_retention": account.data_retention,
        "rollup_retention": account.rollup_retention,
        "customer_id": account.id,
        "ingest_ip": account.ingest_ip,
        "ingest_port": account.ingest_port,
        "parent": account.parent,
        "node": account.node,
    }
    if account.type is not None and account.type != known_type(known, listed):
        shown["type"] = account.type
    return known.model_copy(update={name: value for name, value in shown.items() if value is not None})


def known_type(known: State, listed: Sequence[AccountType] = ()) -> str | None:
    """The API's type for the type and toggles in state, or None when the state has none that is known."""
    if known.type is None:
        return None
    return api_type(
        known.type,
        multi_account=bool(known.multi_account),
        internal=bool(known.internal),
        listed=listed,
    )


def same_text(one: Any, other: Any) -> bool:
    """Return whether two values are equal, texts without regard to Unicode normalization form and white space.

    A service may store a text in another form than it was sent in. Compatibility forms count as equal as well, for a
    service may store those, and a difference that no update removes would show in every preview.
    """
    if isinstance(one, str) and isinstance(other, str):
        return _folded(one) == _folded(other)
    return bool(one == other)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def same_type(one: State, other: State) -> bool:
    """Whether two states name one type of the API, in whatever words: ``SLG`` is ``customer``."""
    resolved = known_type(one)
    return resolved is not None and resolved == known_type(other)
