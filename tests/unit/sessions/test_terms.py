"""What is refused before anything is sent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pulumi_fusion.errors import SessionRefused
from pulumi_fusion.sessions.terms import MARKER, Terms, duration_of, spoken

GOOD: dict[str, object] = {"customer": "acme-corp", "reason": "INC-1234 ingest check"}


def test_good_terms_hold() -> None:
    Terms("acme-corp", "INC-1234 ingest check").hold({})
    Terms("acme-corp", "ten chars.", timedelta(minutes=60), write=True, ticket="INC-1234").hold({})


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"reason": ""}, "the reason must have 10 to 500 characters, and this one has 0"),
        ({"reason": "   a b c     "}, "and this one has 5"),
        ({"reason": "too short"}, "and this one has 9"),
        ({"reason": "x" * 501}, "and this one has 501"),
        ({"reason": "two lines\nof a reason"}, "the reason must be one line of printable characters"),
        ({"reason": "a bell \a in a reason"}, "printable"),
        ({"ticket": " "}, "the ticket must have 1 to 500 characters"),
        ({"duration": timedelta(0)}, "the duration must be 1 s to 60 min, not 0 s"),
        ({"duration": timedelta(seconds=-30)}, "not -30 s"),
        ({"duration": timedelta(minutes=60, seconds=1)}, "not 60 min 1 s"),
    ],
)
def test_each_broken_term_is_named(broken: dict[str, object], said: str) -> None:
    with pytest.raises(SessionRefused) as refused:
        Terms(**{**GOOD, **broken}).hold({})  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert "'acme-corp'" in str(refused.value)
    assert "Nothing was sent" in str(refused.value)


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(SessionRefused, match=r"reason.*; the duration"):
        Terms("acme-corp", "short", timedelta(hours=2)).hold({})


def test_a_session_inside_a_session_is_refused_by_its_marker() -> None:
    with pytest.raises(SessionRefused, match="a session inside 'acme-corp' already"):
        Terms("other-corp", "INC-1234 ingest check").hold({MARKER: "acme-corp"})


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), (" 5m ", 300), ("0s", 0)])
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: int) -> None:
    assert duration_of(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["15", "", "m", "1.5h", "-5m", "15 min", "1d", "9999999s", "\u0661\u0665m"])
def test_whatever_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="whole number with its unit"):
        duration_of(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.4, "0 s"), (59.6, "1 min"), (60, "1 min"), (125, "2 min 5 s"), (3600, "60 min")],
)
def test_durations_are_spoken(seconds: float, words: str) -> None:
    assert spoken(seconds) == words
