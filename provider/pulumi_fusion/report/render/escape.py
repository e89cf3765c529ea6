"""Foreign text in Markdown: it stays text, whatever it contains."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["escaped"]

# Hosts of repositories turn @name, #1, !1, :name: and addresses in the rendered text into links, notifications and
# images. An invisible character after their first character prevents that; a backslash or an entity alone doesn't.
_WORD_JOINER: Final = "&#8288;"
_REFERENCES: Final = "@#!~%$&^:"
_MARKUP: Final = "<>`*_{}[]|\\"
_ESCAPES: Final = {char: f"&#{ord(char)};" for char in _MARKUP} | {
    char: f"&#{ord(char)};{_WORD_JOINER}" for char in _REFERENCES
}
_SPECIAL: Final = re.compile(
    r"www\.|\bG[HL]-(?=\d)|:(?=\S)|[" + re.escape("".join(_ESCAPES).replace(":", "")) + "]", re.IGNORECASE
)


def escaped(text: str) -> str:
    """Return printable text of one line as Markdown for a cell of a table, a heading or a sentence."""
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    text = found[0]
    return _ESCAPES.get(text) or f"{text[:-1]}&#{ord(text[-1])};{_WORD_JOINER}"
