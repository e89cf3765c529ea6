"""Which characters of a foreign text reach a screen."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str, *, keep: str = "") -> str:
    """Return the text without what moves a terminal's cursor, changes its state or turns the direction of writing.

    Other white space becomes a space, and everything else that is not printable U+FFFD. ``keep`` are characters that
    stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
