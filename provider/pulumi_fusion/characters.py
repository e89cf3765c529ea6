"""Remove control characters from text of external sources."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str, *, keep: str = "") -> str:
    """Return the text without characters that control a terminal or change the direction of writing.

    White space becomes a space, and any other character that isn't printable U+FFFD, except the characters in ``keep``.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
