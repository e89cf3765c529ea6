"""The rule of each field, as a function that returns the value as it will be used or raises ValueError.

The sentences are part of the public interface: they name the rule and the way out and stay as they are.
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
    "could_be_an_id",
    "email",
    "flows",
    "is_dns_label",
    "is_shortname",
    "nearest",
    "one_of_days",
    "one_of_words",
    "shortname",
    "shown",
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
    """One broken rule: the property in the spelling of the state, and a stable sentence about the way out.

    The property is "" for what isn't a matter of one.
    """

    property: str
    reason: str


def nearest(word: str, words: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the word that is most like it, or nothing."""
    by_lower = {candidate.lower(): candidate for candidate in words}
    match = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f" (did you mean {by_lower[match[0]]!r}?)" if match else ""


def shown(value: Any) -> str:
    """A value as a message quotes it: short, and by its type alone where it is a collection."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        quoted = repr(value)
        return quoted if len(quoted) <= 60 else f"{quoted[:59]}…"
    return "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else f"a {type(value).__name__}"


def text(value: Any) -> str:
    """Return a text that is not blank, of visible characters and joiners, without white space at an end."""
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {shown(value)}")
    if not value.strip():
        raise ValueError("must not be blank")
    if value != value.strip():
        raise ValueError(f"must not begin or end with white space: remove it from {shown(value)}")
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
    """An e-mail address by its syntax; whether it takes mail is not asked."""
    # Imported here: a program that declares customers does not pay for it, only what checks them.
    from email_validator import EmailNotValidError, validate_email

    address = text(value)
    try:
        # test_environment lets .test pass, which is there for trying things out; other reserved names take no mail
        # (https://www.rfc-editor.org/rfc/rfc6761). strict holds the 64 characters before the @-sign.
        validated = validate_email(address, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as wrong:
        raise ValueError(f"must be an e-mail address such as admin@example.com: {wrong}") from None
    if "." not in validated.domain:
        raise ValueError("must be an e-mail address such as admin@example.com: its domain has no dot")
    return address


def shortname(value: Any) -> str:
    """5 to 16 characters that stand in a path without being encoded, and no plus sign."""
    name = text(value)
    problems = []
    shortest, longest = SHORTNAME_LENGTHS
    if not shortest <= len(name) <= longest:
        problems.append(f"must have {shortest} to {longest} characters, and {shown(name)} has {len(name)}")
    if wrong := sorted(set(_NOT_IN_SHORTNAME.findall(name))):
        problems.append(
            "may hold ASCII letters, digits and -._~!$&'()*,;=:@ only (RFC 3986 without + and %), not "
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
    """Whether a name can stand in a host name as it is: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.1"""
    return _DNS_LABEL.fullmatch(name) is not None


def could_be_an_id(name: str) -> bool:
    """Return whether a name that is too long for a shortname may be an immutable id, the form of which is opaque."""
    return re.fullmatch(r"(?=.*[0-9])[0-9A-Za-z_-]{17,64}", name) is not None


def boolean(value: Any) -> bool:
    """true or false, and nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {shown(value)}")
    return value


def _integer(value: Any, rule: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = " (write it without quotes)" if isinstance(value, str) else ""
        raise ValueError(f"{rule}, not {shown(value)}{hint}")
    # Pulumi sends every number as a double: https://www.pulumi.com/docs/iac/concepts/inputs-outputs/
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"{rule}, not {shown(value)}")
        return int(value)
    return value


def flows(value: Any) -> int:
    """Flows per second."""
    rule = f"must be a whole number of flows per second from 1 to {LARGEST_FLOWS}"
    number = _integer(value, rule)
    if not 1 <= number <= LARGEST_FLOWS:
        raise ValueError(f"{rule}, not {shown(number)}; leave it out where the contract has none")
    return number


def one_of_days(allowed: tuple[int, ...]) -> Callable[[Any], int]:
    """A rule: one of these numbers of days."""
    rule = f"must be one of {', '.join(map(str, allowed))} (days)"

    def days(value: Any) -> int:
        number = _integer(value, rule)
        if number not in allowed:
            raise ValueError(f"{rule}, not {shown(number)}")
        return number

    return days


def one_of_words(allowed: tuple[str, ...]) -> Callable[[Any], str]:
    """A rule: one of these words, in this spelling."""
    rule = f"must be one of {', '.join(map(repr, allowed))}"

    def word(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{rule}, not {shown(value)}")
        if value not in allowed:
            raise ValueError(f"{rule}, not {shown(value)}{nearest(value, allowed)}")
        return value

    return word
