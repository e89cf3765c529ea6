"""An unquoted value that the catalog accepts has the same value for readers of YAML 1.1 and of YAML 1.2."""

from __future__ import annotations

import io

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pulumi_fusion.catalog.scalars import AmbiguousError, plain_value

NUMBERS = st.from_regex(r"[-+]?[0-9_.:eExXoO]{1,8}", fullmatch=True)
WORDS = st.sampled_from(["yes", "NO", "On", "off", "y", "N", "true", "True", "null", "~", ".inf", ".NaN", "=", "<<"])
TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(NUMBERS | WORDS | TEXTS | st.dates().map(str) | st.datetimes().map(str))
def test_it_is_read_alike_by_readers_of_both_versions(text: str) -> None:
    document = f"key: {text}\n"
    try:
        own = plain_value(text)
        by_1_1 = yaml.safe_load(document)
        by_1_2 = YAML(typ="safe", pure=True).load(io.StringIO(document))
    except (AmbiguousError, YAMLError, yaml.YAMLError, ValueError):
        return
    if by_1_1 != {"key": text} and not isinstance(by_1_1.get("key"), (int, float, bool)):
        return  # the text has a syntax of its own, such as a comment
    assert by_1_1 == by_1_2 == {"key": own}
    assert type(by_1_1["key"]) is type(own)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("90", 90), ("-1", -1), ("0", 0), ("7.5", 7.5)])
def test_numbers_and_switches_need_no_quotes(text: str, value: object) -> None:
    assert (plain_value(text), type(plain_value(text))) == (value, type(value))


def test_a_number_of_any_length_is_refused() -> None:
    with pytest.raises(AmbiguousError):
        plain_value("9" * 100_000)
