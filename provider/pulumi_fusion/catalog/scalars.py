"""What an unquoted text of a YAML file is: a text, a number, true or false, or unclear.

YAML 1.1 and 1.2 differ: ``NO`` is false in 1.1 and a text in 1.2, ``010`` is 8 in 1.1 and 10 in 1.2. A reader, an
editor and a formatter may each use another version. Only what both read in the same way is accepted without quotes.
https://yaml.org/spec/1.2.2/#103-core-schema, https://yaml.org/type/
"""

from __future__ import annotations

import re
from typing import Final

import yaml

__all__ = ["AmbiguousError", "plain_value"]

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_FRACTION: Final = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
# https://yaml.org/spec/1.2.2/#1032-tag-resolution, and what readers that accept underscores take for a number.
_NOT_TEXT_IN_1_2: Final = re.compile(
    r"true|True|TRUE|false|False|FALSE|[-+.]*[0-9][-+.:_0-9eE]*|0o[0-7_]+|0x[0-9a-fA-F_]+"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_IN_1_1: Final = yaml.resolver.Resolver()
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
# Python refuses to convert longer ones. https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
_LONGEST_NUMBER: Final = 30


class AmbiguousError(ValueError):
    """YAML readers differ about the text, or it means that there is no value. The message has what to do."""


def plain_value(text: str, *, hidden: bool = False) -> str | int | float | bool:
    """Return the value of an unquoted text. Raises AmbiguousError, whose message hasn't the text if it is hidden."""
    if text in ("true", "false"):
        return text == "true"
    if len(text) <= _LONGEST_NUMBER and _INTEGER.fullmatch(text):
        return int(text)
    if len(text) <= _LONGEST_NUMBER and _FRACTION.fullmatch(text):
        return float(text)
    if text in ("", "~", "null", "Null", "NULL"):
        raise AmbiguousError("it has no value: write one, or remove the line")
    tag = _IN_1_1.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    if tag == _TEXT_TAG and not _NOT_TEXT_IN_1_2.fullmatch(text):
        return text
    shown = "it" if hidden else text
    if tag.endswith(":bool"):
        raise AmbiguousError(
            f"some readers of YAML take {shown} for true or false: write one of these, or put the text in quotes"
        )
    if tag.endswith(":timestamp"):
        raise AmbiguousError(f"some readers of YAML take {shown} for a date: put it in quotes")
    raise AmbiguousError(
        f"some readers of YAML take {shown} for a number: write the number in decimal digits, or put the text in quotes"
    )
