"""The rule of each field: a function that returns the value as it will be used, or raises ValueError.

The messages are part of the public interface and don't change.
Source of the rules: the form, https://docs.netography.com/docs/add-customer.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

__all__ = [
    "Failure",
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
_NOT_IN_SHORTNAME: Final = re.compile(r"[^A-Za-z0-9\-._~!$&'()*,;=:@]")

# Zero width non-joiner and zero width joiner.
_JOINERS: Final = "\u200c\u200d"

_DNS_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


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


def text(value: Any) -> str:
    """Return a text that is not blank, of visible characters and joiners, without white space at an end."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {quoted(value)}")
    if not value.strip():
        raise ValueError("must not be blank")
    if value != value.strip():
        raise ValueError(f"must not begin or end with white space: remove it from {quoted(value)}")
    # Cc: control, Cf: invisible format characters, Cs: halves of a character, Zl and Zp: line breaks.
    if any(
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


def boolean(value: Any) -> bool:
    """Return True or False; other values are refused."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {quoted(value)}")
    return value


def _integer(value: Any, rule: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = " (write it without quotes)" if isinstance(value, str) else ""
        raise ValueError(f"{rule}, not {quoted(value)}{hint}")
    # Pulumi sends every number as a double: https://www.pulumi.com/docs/iac/concepts/inputs-outputs/
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"{rule}, not {quoted(value)}")
        return int(value)
    return value


def flows(value: Any) -> int:
    """Return a number of flows per second."""
    rule = f"must be a whole number of flows per second from 1 to {LARGEST_FLOWS}"
    number = _integer(value, rule)
    if not 1 <= number <= LARGEST_FLOWS:
        raise ValueError(f"{rule}, not {quoted(number)}; leave it out if the contract has none")
    return number


def one_of_days(*allowed: int) -> Callable[[Any], int]:
    """Return the rule that a value is one of these numbers of days."""
    rule = f"must be one of {', '.join(map(str, allowed))} (days)"

    def days(value: Any) -> int:
        number = _integer(value, rule)
        if number not in allowed:
            raise ValueError(f"{rule}, not {quoted(number)}")
        return number

    return days


def one_of_texts(*allowed: str) -> Callable[[Any], str]:
    """Return the rule that a value is one of these texts, in this spelling."""
    rule = f"must be one of {', '.join(map(repr, allowed))}"

    def one_of(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{rule}, not {quoted(value)}")
        if value not in allowed:
            raise ValueError(f"{rule}, not {quoted(value)}{nearest(value, allowed)}")
        return value

    return one_of
