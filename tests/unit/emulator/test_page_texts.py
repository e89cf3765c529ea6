"""How the page writes texts, numbers and times."""

from __future__ import annotations

import pytest

from fusion_emulator.page.texts import counted, duration, moment, unix_seconds, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller & Söhne", "Müller & Söhne"),
        ("عميل", "عميل"),
        ("👩\u200d🚀", "👩\u200d🚀"),  # joiners are a part of emoji, and of words in Persian and Hindi
        ("a\tb\x00\x1b\x7f", "a\\u0009b\\u0000\\u001b\\u007f"),
        ("\u202egnirts\u2028\ufeff\ud800", "\\u202egnirts\\u2028\\ufeff\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        (404, "404"),
        ("x" * 501, "x" * 500 + "…"),
    ],
)
def test_a_text_is_shown_with_its_control_characters(text: object, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.1, "1 s"),
        (59.1, "1 min 0 s"),
        (872, "14 min 32 s"),
        (3600, "1 h 0 min"),
        (90061, "1 d 1 h"),
        (31536000, "365 d 0 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_number_is_written_with_its_noun() -> None:
    assert [counted(number, "reply", "replies") for number in (0, 1, 12345)] == [
        "0 replies",
        "1 reply",
        "12\u202f345 replies",
    ]


@pytest.mark.parametrize("text", ["", "tomorrow", "2027-01-15", "2027-13-15 08:00", "2027-01-15 08:00:00+02:00"])
def test_what_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time such as 2026-11-28 04:35:00"):
        unix_seconds(text)


def test_a_time_is_written_and_read_in_utc() -> None:
    assert moment(1_800_000_000) == "2027-01-15 08:00:00"
    assert moment(1e18).startswith("9999-")
    for text in ("2027-01-15 08:00:00", " 2027-01-15 08:00", "2027-01-15T08:00:00Z", "2027-01-15T10:00:00+02:00"):
        assert unix_seconds(text) == 1_800_000_000
