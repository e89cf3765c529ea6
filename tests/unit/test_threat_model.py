"""Each attack of the threat model has tests."""

from __future__ import annotations

from tests.docs.threats import attacks, marked_tests


def test_every_attack_of_the_threat_model_has_a_test_and_every_mark_an_attack() -> None:
    listed = [anchor for anchor, _ in attacks()]
    assert sorted(listed) == sorted({*listed}), "each attack once"
    assert {*listed} == {*marked_tests()}
