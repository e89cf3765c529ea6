"""The rule of each field: a function that returns the value as it will be used, or raises ValueError.

Each rule has what JSON Schema can express of it, for the schema of the catalog.
The messages are part of the public interface and don't change.
Source of the rules: the form, https://docs.netography.com/docs/add-customer.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

__all__ = [
    "Failure",
    "FieldRule",
    "boolean",
    "email",
    "flows",
    "is_dns_label",
    "is_shortname",
    "may_be_id",
    "nearest",
    "one_of_days",
    "one_of_texts",
    "quoted",
    "shortname",
    "text",
]

SHORTNAME_LENGTHS: Final = (5, 16)
LARGEST_FLOWS: Final = 2**31 - 1

# pchar of https://www.rfc-editor.org/rfc/rfc3986#section-3.3 without "+", which the form excludes by name,
# and without percent-encoding, which would make two spellings of one name.
_IN_SHORTNAME: Final = r"A-Za-z0-9\-._~!$&'()*,;=:@"
_NOT_IN_SHORTNAME: Final = re.compile(f"[^{_IN_SHORTNAME}]")

# Control characters, line breaks and the usual invisible characters, in the syntax of both JavaScript and Python.
_INVISIBLE: Final = r"\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"

# Zero width non-joiner and zero width joiner.
_JOINERS: Final = "\u200c\u200d"

_DNS_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


T = TypeVar("T")


@dataclass(frozen=True, eq=False)  # the hash is by identity, since a schema has none
class FieldRule(Generic[T]):
    """The rule of a field.

    Args:
        apply: Returns a declared value as it will be used, or raises ValueError.
        schema: A JSON Schema (draft-07) that accepts every value that ``apply`` accepts, and refuses as many of the
            others as it can. ``patternErrorMessage`` is for editors.
    """

    apply: Callable[[Any], T]
    schema: Mapping[str, Any]

    def __call__(self, value: Any) -> T:
        """Return the value as it will be used, or raise ValueError."""
        return self.apply(value)


def _rule(**schema: Any) -> Callable[[Callable[[Any], T]], FieldRule[T]]:
    """Return a decorator that makes a rule of a function and of what JSON Schema can express of it."""
    return lambda apply: FieldRule(apply, schema)


class Failure(NamedTuple):
    """A check failure: the property by state key, "" if it concerns none, and a stable message with what to do."""

    property: str
    reason: str


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the most similar candidate, or "" if none is similar."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    match = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f" (did you mean {by_lower[match[0]]!r}?)" if match else ""


def quoted(value: Any) -> str:
    """Return a value as messages quote it: at most 60 characters, and only the type of a collection."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        whole = repr(value)
        return whole if len(whole) <= 60 else f"{whole[:59]}…"
    return "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else f"a {type(value).__name__}"


@_rule(
    type="string",
    pattern=rf"^[^\s{_INVISIBLE}]([^{_INVISIBLE}]*[^\s{_INVISIBLE}])?$",
    patternErrorMessage="It must not be blank, begin or end with white space, or contain invisible characters.",
)
def text(value: Any) -> str:
    """Return a text that is not blank, of visible characters and joiners, without white space at an end."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {quoted(value)}")
    if not value.strip():
        raise ValueError("must not be blank")
    if value != value.strip():
        raise ValueError(f"must not begin or end with white space: remove it from {quoted(value)}")
    # Cc: control, Cf: invisible format characters, Cs: halves of a character, Zl and Zp: line breaks. A printable text
    # has none of them, and most texts are printable.
    if not value.isprintable() and any(
        unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and not _is_joiner(value, i)
        for i, c in enumerate(value)
    ):
        raise ValueError("must not contain control, invisible or line-breaking characters")
    return value


def _is_joiner(value: str, position: int) -> bool:
    """Return whether the character is ZWNJ or ZWJ between two letters, marks or symbols.

    Persian, many Indic scripts and emoji sequences are spelled with them:
    https://www.unicode.org/reports/tr31/#Layout_and_Format_Control_Characters. Between Latin letters they have no
    effect, but some transliterations contain them. At an end, at a space or in a row they are refused.
    """
    if value[position] not in _JOINERS or not 0 < position < len(value) - 1:
        return False
    return _can_be_joined(value[position - 1]) and _can_be_joined(value[position + 1])


def _can_be_joined(character: str) -> bool:
    # L: letters, M: marks (also the variation selectors of emoji), So and Sk: emoji and their skin tones. The arrow is
    # the one mathematical symbol in an emoji sequence.
    category = unicodedata.category(character)
    return category[0] in "LM" or category in ("So", "Sk") or character == "\u2194"


# An international domain may have other dots: https://www.unicode.org/reports/tr46/#Notation.
@_rule(
    type="string",
    pattern=r"^[^\s@]+@[^\s@]+[.\u3002\uff0e\uff61][^\s@]+$",
    patternErrorMessage="It must be an e-mail address such as admin@example.com.",
)
def email(value: Any) -> str:
    """Return an e-mail address with a valid syntax. Whether it receives mail is not checked."""
    # Imported here: a program that declares customers doesn't need it.
    from email_validator import EmailNotValidError, validate_email

    address = text(value)
    try:
        # test_environment allows .test, which is reserved for tests; other reserved names receive no mail
        # (https://www.rfc-editor.org/rfc/rfc6761). strict enforces 64 characters at most before the @-sign.
        validated = validate_email(address, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as wrong:
        raise ValueError(f"must be an e-mail address such as admin@example.com: {wrong}") from None
    if "." not in validated.domain:
        raise ValueError("must be an e-mail address such as admin@example.com: its domain has no dot")
    return address


@_rule(
    type="string",
    pattern=f"^[{_IN_SHORTNAME}]{{{SHORTNAME_LENGTHS[0]},{SHORTNAME_LENGTHS[1]}}}$",
    patternErrorMessage=f"A shortname has {SHORTNAME_LENGTHS[0]} to {SHORTNAME_LENGTHS[1]} ASCII letters, digits and "
    "-._~!$&'()*,;=:@ only.",
)
def shortname(value: Any) -> str:
    """Return a text of 5 to 16 characters that need no encoding in a path, without a plus sign."""
    name = text(value)
    problems = []
    shortest, longest = SHORTNAME_LENGTHS
    if not shortest <= len(name) <= longest:
        problems.append(f"must have {shortest} to {longest} characters, and {quoted(name)} has {len(name)}")
    if wrong := sorted(set(_NOT_IN_SHORTNAME.findall(name))):
        problems.append(
            "may contain ASCII letters, digits and -._~!$&'()*,;=:@ only (RFC 3986 without + and %), not "
            + " ".join(map(repr, wrong))
        )
    if problems:
        raise ValueError("; ".join(problems))
    return name


def is_shortname(name: str) -> bool:
    """Return whether a customer can have the shortname."""
    try:
        return bool(shortname(name))
    except ValueError:
        return False


def is_dns_label(name: str) -> bool:
    """Return whether a name can be part of a host name.

    https://www.rfc-editor.org/rfc/rfc1035#section-2.3.1
    """
    return _DNS_LABEL.fullmatch(name) is not None


def may_be_id(name: str) -> bool:
    """Return whether a name that is too long for a shortname may be an immutable id, whose form is opaque."""
    return re.fullmatch(r"(?=.*[0-9])[0-9A-Za-z_-]{17,64}", name) is not None


@_rule(type="boolean")
def boolean(value: Any) -> bool:
    """Return True or False; other values are refused."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {quoted(value)}")
    return value


def _integer(value: Any, rule: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        is_number = isinstance(value, str) and re.fullmatch(r"[0-9]+", value)
        hint = " (write it without quotes)" if is_number else ""
        raise ValueError(f"{rule}, not {quoted(value)}{hint}")
    # Pulumi sends every number as a double: https://www.pulumi.com/docs/iac/concepts/inputs-outputs/
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"{rule}, not {quoted(value)}")
        return int(value)
    return value


@_rule(type="integer", minimum=1, maximum=LARGEST_FLOWS)
def flows(value: Any) -> int:
    """Return a number of flows per second."""
    rule = f"must be a whole number of flows per second from 1 to {LARGEST_FLOWS}"
    number = _integer(value, rule)
    if not 1 <= number <= LARGEST_FLOWS:
        raise ValueError(f"{rule}, not {quoted(number)}; leave it out if the contract has none")
    return number


def one_of_days(*allowed: int) -> FieldRule[int]:
    """Return the rule that a value is one of these numbers of days."""
    rule = f"must be one of {', '.join(map(str, allowed))} (days)"

    @_rule(type="integer", enum=list(allowed))
    def days(value: Any) -> int:
        number = _integer(value, rule)
        if number not in allowed:
            raise ValueError(f"{rule}, not {quoted(number)}")
        return number

    return days


def one_of_texts(*allowed: str) -> FieldRule[str]:
    """Return the rule that a value is one of these texts, in this spelling."""
    rule = f"must be one of {', '.join(map(repr, allowed))}"

    @_rule(type="string", enum=list(allowed))
    def one_of(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{rule}, not {quoted(value)}")
        if value not in allowed:
            raise ValueError(f"{rule}, not {quoted(value)}{nearest(value, allowed)}")
        return value

    return one_of
