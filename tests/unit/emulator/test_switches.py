"""Values of switches, from text and from code."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fusion_emulator import Switches, UnknownSwitch


def test_text_is_parsed_to_the_value_of_a_switch() -> None:
    switches = Switches().with_text(
        "duplicate=400",
        "list-includes-caller=true",
        "stale_reads=3",
        "token_lifetime=0.5",
        "types=a=A,b",
        "record=extended",
    )
    assert (switches.duplicate, switches.list_includes_caller, switches.stale_reads) == (400, True, 3)
    assert (switches.token_lifetime, switches.record) == (0.5, "extended")
    assert switches.account_types == {"a": "A", "b": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "nothing=1",
        "duplicate",
        "duplicate=418",
        "stale_reads=-1",
        "stale_reads=x",
        "token_lifetime=0",
        "token_lifetime=inf",
        "token_lifetime=nan",
        "token_lifetime=1e10",
        "user_rate=5/inf",
        "user_rate=5/nan",
        "list_includes_caller=yes",
        "customer_rate=50",
        "customer_rate=0/3",
        "customer_rate=5/0",
        "types=",
        "types=,",
    ],
)
def test_an_unknown_switch_or_value_in_text_is_refused(text: str) -> None:
    with pytest.raises(UnknownSwitch, match=text.partition("=")[0]):
        Switches().with_text(text)


@pytest.mark.parametrize(
    "change",
    [
        {"duplicate": "409"},
        {"stale_reads": True},
        {"list_includes_caller": 1},
        {"record": "full"},
        {"types": 1},
        {"token_lifetime": 10**400},
    ],
)
def test_a_switch_value_of_another_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UnknownSwitch):
        dataclasses.replace(Switches(), **change)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"list_limit": "1000"}, 'list_limit="1000": expected a number and not a text, in JSON: 1000'),
        ({"duplicate": "409"}, 'duplicate="409": expected a number and not a text, in JSON: 409'),
        ({"token_lifetime": "0.5"}, 'token_lifetime="0.5": expected a number and not a text, in JSON: 0.5'),
        ({"unique_emails": "True"}, 'unique_emails="True": expected a boolean and not a text, in JSON: true'),
        ({"list_limit": "x"}, "list_limit=x: expected a whole number from 0 to"),
        ({"types": ","}, "types: expected value=label pairs or values, separated by commas"),
    ],
)
def test_the_error_names_the_type_of_the_value(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(UnknownSwitch) as refused:
        Switches().changed(change)
    assert str(refused.value).startswith(f"switch {expected}")


def test_a_change_of_an_unknown_switch_lists_the_switches() -> None:
    with pytest.raises(UnknownSwitch, match=r"'self'.*absence, .*types"):
        Switches().changed({"self": 1})
