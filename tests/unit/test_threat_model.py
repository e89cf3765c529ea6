"""The threat model lists the tests of its rows."""

from __future__ import annotations

from tests.threats import PAGE, filled, marked_tests, rows


def test_every_row_of_the_threat_model_has_a_test_and_every_mark_a_row() -> None:
    listed = rows(PAGE.read_text())
    assert sorted(listed) == sorted({*listed}), "each row once"
    assert {*listed} == {*marked_tests()}


def test_the_threat_model_lists_its_tests() -> None:
    assert PAGE.read_text() == filled(PAGE.read_text()), "run: python -m tests.threats"
