"""The clock of the emulator."""

from __future__ import annotations

import pytest

from fusion_emulator.clock import Clock, seconds_of, text_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2027-01-01T00:00:00Z", 1_798_761_600.0),
        ("2027-01-01T01:30:00+01:30", 1_798_761_600.0),
        ("2026-12-31T14:00:00.000-10:00", 1_798_761_600.0),
        ("2027-01-01T00:00:00.5Z", 1_798_761_600.5),
        ("2027-01-01T00:00:00.000001Z", 1_798_761_600.000001),
    ],
)
def test_a_time_with_a_zone_is_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1798761600",
        "2027-01-01",
        "2027-01-01T00:00:00",
        "2027-01-01T00:00Z",
        "2027-01-01 00:00:00Z",
        "2027-01-01T00:00:00 Z",
        "2027-01-01T00:00:00Z\n",
        "2027-01-01t00:00:00z",
        "20270101T000000Z",
        "2027-W01-1T00:00:00Z",
        "\u0662\u0660\u0662\u0667-01-01T00:00:00Z",
        "2027-01-01T00:00:00.1234567Z",
        "2027-01-01T00:00:00+0100",
        "2027-13-01T00:00:00Z",
        "2027-02-29T00:00:00Z",
        "2027-01-01T24:00:00Z",
        "2027-01-01T00:00:60Z",
        "2027-01-01T00:00:00+24:00",
        "0000-01-01T00:00:00Z",
    ],
)
def test_what_is_not_a_time_with_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        seconds_of(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_of_distant_years_are_read(text: str) -> None:
    with pytest.raises(ValueError, match="outside the years 1970 to 8999"):
        Clock(lambda: 0.0).set(seconds_of(text))


def test_a_time_is_written_as_it_is_read() -> None:
    assert text_of(1_798_761_600.25) == "2027-01-01T00:00:00.250Z"
    assert seconds_of(text_of(1_798_761_600.25)) == 1_798_761_600.25
