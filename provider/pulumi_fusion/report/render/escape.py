"""Foreign text in Markdown: it stays text, whatever it contains."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["escaped"]

# Hosts of repositories turn @name, #1, !1, :name:, addresses and hashes in the rendered text into links, notifications
# and images. An invisible character inside of them prevents that; a backslash or an entity alone doesn't.
_WORD_JOINER: Final = "&#8288;"
_REFERENCES: Final = "@#!~%$&^:"
_MARKUP: Final = "<>`*_{}[]|\\"
_ESCAPES: Final = {char: f"&#{ord(char)};" for char in _MARKUP} | {
    char: f"&#{ord(char)};{_WORD_JOINER}" for char in _REFERENCES
}
_SPECIAL: Final = re.compile(
    # A place in a catalog can be copied as it is, unless a number is the name of an emoji.
    r"(?P<place>\.ya?ml(?::(?!(?:100|1234):)[0-9]{1,6}){2}(?![0-9]))|"
    rf"""
    # The hash of a commit, which may be the key of a ticket, too. An immutable id has 24 digits, and can be copied.
    (?P<hash> (?<![0-9a-z]) (?! [0-9a-f]{{24}} (?![0-9a-z]) ) [0-9a-f]{{7,}} (?![0-9a-z]) -? )
    | (?<![0-9a-z]) G[HL]- (?=\d)      # an issue of GitHub or GitLab
    | (?-i: [A-Z] [A-Z0-9]+ - (?=\d) ) # the key of a ticket
    | www\.
    | : (?=\S)
    | [{re.escape("".join(_ESCAPES).replace(":", ""))}]
    """,
    re.IGNORECASE | re.VERBOSE,
)

# A hash has at least 7 digits.
_SHORTER_THAN_A_HASH: Final = re.compile(".{1,6}")


def escaped(text: str) -> str:
    """Return printable text of one line as Markdown for a cell of a table, a heading or a sentence."""
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    text = found[0]
    if found["place"]:
        return text
    if found["hash"]:
        return _SHORTER_THAN_A_HASH.sub(rf"\g<0>{_WORD_JOINER}", text)
    return _ESCAPES.get(text) or f"{text[:-1]}{_WORD_JOINER}{text[-1]}"
