"""The rules that the vendor does not publish, as switches: the real service may follow any of their values."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from fusion_emulator.fields import SPACE, is_utf_8
from fusion_emulator.json_numbers import LARGEST

__all__ = ["RateLimit", "Switches", "UnknownSwitch", "schemas"]

T = TypeVar("T")

MAX_SECONDS: Final = 1e9
"""About 30 years: the end of every such time can be written as a date."""


class UnknownSwitch(ValueError):
    """A switch or its value does not exist; the text names those that do."""


@dataclass(frozen=True)
class RateLimit:
    """At most ``count`` requests in any ``window`` seconds, per account."""

    count: int
    window: float

    @classmethod
    def parse(cls, text: str) -> RateLimit | None:
        """Return the limit of ``"50/300"``, 50 requests in 300 seconds; None for ``"off"``. Raises ValueError."""
        if text == "off":
            return None
        count, slash, window = text.partition("/")
        limit = cls(int(count), float(window)) if slash else None
        if limit is None or limit.count < 1 or not 0 < limit.window <= MAX_SECONDS:
            raise ValueError(f"{text!r} is neither 'off' nor COUNT/SECONDS")
        return limit


def _switch(default: T, decides: str) -> T:
    """Return a field with a text for the page and the documents."""
    switch: T = dataclasses.field(default=default, metadata={"decides": decides})
    return switch


@dataclass(frozen=True)
class Switches:
    """One possible service. Every field is an inference; its default is the most likely value."""

    record: Literal["strict", "extended"] = _switch(
        "strict",
        "A record has the documented fields; `extended` adds organization, type and fps.",
    )
    duplicate: Literal[409, 400] = _switch(
        409,
        "A taken shortname is a conflict; 400 is the only status that the create page documents for it.",
    )
    absence: Literal[404, 400, 403] = _switch(
        404,
        "An account that does not exist, or that the token may not see, is 404. None is documented.",
    )
    delete_parent: Literal["refused", "cascades"] = _switch(
        "refused",
        "An account with sub-accounts is not deleted (409); `cascades` deletes them with it.",
    )
    masquerade: Literal["allowed", "401", "404", "parent-token"] = _switch(
        "allowed",
        "The `shortname` claim of a request token may name a descendant. `401` and `404` refuse every such claim; "
        "`parent-token` ignores it and answers with a token of the key's own account.",
    )
    types: str = _switch(
        "customer=SLG,reseller=MSSP,staff=Staff",
        "The labels of the three documented account types; `value=label` pairs, comma separated. A value without a "
        "label is its own label.",
    )
    parents: Literal["any", "reseller"] = _switch(
        "any",
        "Any account may have sub-accounts; `reseller` lets only accounts of that type create them (403).",
    )
    customer_rate: str = _switch(
        "off",
        "POST /customer has no limit of its own; `COUNT/SECONDS` gives it one.",
    )
    user_rate: str = _switch(
        "50/300",
        "POST /user is documented as limited to 50 requests per 300 seconds; inference: per account.",
    )
    retry_after: Literal["none", "seconds", "date"] = _switch(
        "none",
        "A 429 carries no Retry-After; none is documented.",
    )
    put_omitted: Literal["resets", "keeps"] = _switch(
        "resets",
        'PUT "does not do a diff", so an omitted trial or fps is reset; `keeps` preserves it.',
    )
    list_scope: Literal["direct", "subtree"] = _switch(
        "direct",
        "GET /customers lists the direct sub-accounts; `subtree` also theirs.",
    )
    list_includes_caller: bool = _switch(
        False,
        "GET /customers does not list the account that makes the request.",
    )
    list_limit: int = _switch(
        1000,
        "The documented maxItems; inference: further accounts are silently left out. 0 means no limit.",
    )
    texts: Literal["kept", "NFC", "NFD", "NFKC"] = _switch(
        "kept",
        "A text is stored as it was sent; the others store its Unicode normalization form, with single spaces for all"
        " white space.",
    )
    single_as: Literal["object", "list"] = _switch(
        "object",
        "One record is an object, as documented; `list` wraps it, as the vendor's other create pages do.",
    )
    stale_reads: int = _switch(
        0,
        "Reads see a write at once; K lets the next K reads of that account see the state before it.",
    )
    stale_children: int = _switch(
        0,
        "An account counts its sub-accounts as they are; K lets its next K reads still count a deleted one.",
    )
    unique_shortnames: bool = _switch(
        True,
        "A shortname is taken once on the whole platform, since it is a host name of the login page.",
    )
    unique_emails: bool = _switch(
        False,
        "One person may be the first administrator of several accounts.",
    )
    token_names_account: bool = _switch(
        True,
        "The access token carries the shortname of the account that it acts in.",
    )
    token_lifetime: float = _switch(
        86400.0,
        "The lifetime of an access token in seconds; 86400 in the vendor's samples.",
    )
    iat: Literal["strict", "wide"] = _switch(
        "strict",
        "A request token is at most 5 minutes old or early; `wide` allows a day.",
    )
    replay: Literal["refused", "accepted"] = _switch(
        "refused",
        "A request token works once, by its jti.",
    )
    padded_credential: bool = _switch(
        False,
        "The portal shows NETOSECRET without the padding of base64, as the vendor's sample has none; the vendor's own"
        " client decodes only a padded one.",
    )
    allow_list_status: Literal[403, 401] = _switch(
        403,
        "The status for an address that is not in the list of `access-allowed-ips`. None is documented.",
    )
    allow_list_lockout: Literal["accepted", "refused"] = _switch(
        "accepted",
        "A list without the address that sends it is stored and blocks it; `refused` answers 400.",
    )

    def __post_init__(self) -> None:
        """Raise UnknownSwitch for a value that is not allowed."""
        for name, value in dataclasses.asdict(self).items():
            _require(name, value)
        if not self.account_types:
            raise UnknownSwitch("switch types: expected value=label pairs or values, separated by commas")

    @property
    def account_types(self) -> Mapping[str, str]:
        """The label of every account type, by its value."""
        pairs = (pair.partition("=") for pair in self.types.split(","))
        return {value.strip(): label.strip() or value.strip() for value, _, label in pairs if value.strip()}

    def changed(self, changes: Mapping[str, Any]) -> Switches:
        """Return switches with these values by name, or raise UnknownSwitch."""
        for name in changes:
            _hint(name)
        return dataclasses.replace(self, **changes)

    def with_text(self, *settings: str) -> Switches:
        """Return switches with ``name=value`` texts applied, or raise UnknownSwitch."""
        changes: dict[str, Any] = {}
        for setting in settings:
            name, _, text = setting.partition("=")
            name = name.strip().replace("-", "_")
            changes[name] = _parse(name, text.strip())
        return self.changed(changes)


@functools.cache
def _hints() -> Mapping[str, Any]:
    return get_type_hints(Switches)


def _hint(name: str) -> Any:
    hints = _hints()
    if name not in hints:
        raise UnknownSwitch(f"no switch {name!r}; there are: {', '.join(sorted(hints))}")
    return hints[name]


def _parse(name: str, text: str) -> Any:
    hint = _hint(name)
    if get_origin(hint) is Literal:
        for value in get_args(hint):
            if str(value) == text:
                return value
        raise _refusal(name, text)
    if hint is bool:
        if text.lower() not in ("true", "false"):
            raise _refusal(name, text)
        return text.lower() == "true"
    try:
        return hint(text)
    except ValueError:
        raise _refusal(name, text) from None


def _require(name: str, value: object) -> None:
    hint = _hint(name)
    if get_origin(hint) is Literal:
        fits = any(value == each and type(value) is type(each) for each in get_args(hint))
    elif hint is float:
        fits = type(value) in (int, float) and 0 < value <= MAX_SECONDS  # type: ignore[operator]  # it is a number
    elif hint is int:
        fits = type(value) is int and 0 <= value <= LARGEST
    else:
        fits = type(value) is hint and (not isinstance(value, str) or is_utf_8(value))
    if name.endswith("_rate"):
        try:
            RateLimit.parse(str(value))
        except ValueError:
            fits = False
    if not fits:
        raise _quoted(name, value) or _refusal(name, value)


def _quoted(name: str, value: object) -> UnknownSwitch | None:
    """Return the error for a text that has a number or a boolean, None for another value."""
    if not isinstance(value, str):
        return None
    try:
        meant = _parse(name, value)
    except UnknownSwitch:
        return None
    if isinstance(meant, str):
        return None
    kind = "boolean" if isinstance(meant, bool) else "number"
    return UnknownSwitch(f'switch {name}="{value}": expected a {kind} and not a text, in JSON: {json.dumps(meant)}')


def schemas() -> dict[str, dict[str, Any]]:
    """Return a JSON Schema of the values of each switch, by its name."""
    return {each.name: _schema(each.name) for each in dataclasses.fields(Switches)}


def _schema(name: str) -> dict[str, Any]:
    hint = _hint(name)
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if name.endswith("_rate"):
        return {"type": "string", "pattern": "^(off|[1-9][0-9]{0,8}/[1-9][0-9]{0,8})$"}
    if name == "types":
        # A value before "=", at the start or after a comma.
        return {"type": "string", "pattern": rf"^([\s\S]*,)?[^,=]*[^,={SPACE}][\s\S]*$"}
    kinds: dict[Any, dict[str, Any]] = {
        bool: {"type": "boolean"},
        int: {"type": "integer", "minimum": 0, "maximum": LARGEST},
        float: {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_SECONDS},
    }
    return kinds[hint]


def _refusal(name: str, value: object) -> UnknownSwitch:
    hint = _hint(name)
    if get_origin(hint) is Literal:
        allowed = " | ".join(str(each) for each in get_args(hint))
    elif name.endswith("_rate"):
        allowed = "off | COUNT/SECONDS"
    else:
        allowed = {
            bool: "true | false",
            int: f"a whole number from 0 to {LARGEST}",
            float: f"seconds above 0, at most {MAX_SECONDS:.0f}",
        }.get(hint, "a text in UTF-8")
    return UnknownSwitch(f"switch {name}={value}: expected {allowed}")
