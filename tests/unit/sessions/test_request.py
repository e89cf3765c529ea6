"""The validation of a session request, before anything is sent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pulumi_fusion.errors import SessionRefused
from pulumi_fusion.sessions.request import MARKER, SessionRequest, format_duration, format_time_left, parse_duration

GOOD: dict[str, object] = {"customer": "acme-corp", "reason": "INC-1234 ingest check"}


def test_a_valid_session_request_passes() -> None:
    SessionRequest("acme-corp", "INC-1234 ingest check").validate({})
    SessionRequest("acme-corp", "ten chars.", timedelta(minutes=60), write=True, ticket="INC-1234").validate({})


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
def test_each_invalid_part_of_a_session_request_is_named(broken: dict[str, object], said: str) -> None:
    with pytest.raises(SessionRefused) as refused:
        SessionRequest(**{**GOOD, **broken}).validate({})  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert "'acme-corp'" in str(refused.value)
    assert "Nothing was sent" in str(refused.value)


def test_all_invalid_parts_of_a_session_request_are_named_at_once() -> None:
    with pytest.raises(SessionRefused, match=r"reason.*; the duration"):
        SessionRequest("acme-corp", "short", timedelta(hours=2)).validate({})


def test_a_session_inside_a_session_is_refused_by_its_marker() -> None:
    with pytest.raises(SessionRefused, match="a session inside 'acme-corp' already"):
        SessionRequest("other-corp", "INC-1234 ingest check").validate({MARKER: "acme-corp"})


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), (" 5m ", 300), ("0s", 0)])
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["15", "", "m", "1.5h", "-5m", "15 min", "1d", "9999999s", "\u0661\u0665m"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whole number with its unit"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.4, "0 s"), (59.6, "1 min"), (60, "1 min"), (125, "2 min 5 s"), (3600, "60 min")],
)
def test_durations_are_formatted_for_people(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0, "0 s"), (0.4, "1 s"), (59, "59 s"), (59.6, "1 min"), (60, "1 min"), (61, "2 min"), (90, "2 min")],
)
def test_a_remaining_time_is_rounded_up(seconds: float, words: str) -> None:
    assert format_time_left(seconds) == words
