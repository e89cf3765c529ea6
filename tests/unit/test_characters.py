"""Control characters in texts of external sources."""

from __future__ import annotations

import pytest

from pulumi_fusion import engine
from pulumi_fusion.characters import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("Zürich 東京 🦈", "Zürich 東京 🦈"),
        ("clears\x1b[2J", "clears\ufffd[2J"),
        ("one byte\x9b2J", "one byte\ufffd2J"),
        ("a bell\a", "a bell\ufffd"),
        ("turns\u202eback\u2066", "turns\ufffdback\ufffd"),
        ("a line\r\nand\ta tab", "a line  and a tab"),
        ("a\xa0wide\u3000space\u2028", "a wide space "),
        ("a lone surrogate\udcff", "a lone surrogate\ufffd"),
    ],
)
def test_control_characters_are_replaced(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_line_ends_are_kept_on_request() -> None:
    assert printable("one\ntwo\x1b\n", keep="\n") == "one\ntwo\ufffd\n"


def test_a_warning_of_either_frontend_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    engine.show_warning("", "the organization is x\x1b[2J\u202e")
    assert capsys.readouterr().err == "the organization is x\ufffd[2J\ufffd\n"
