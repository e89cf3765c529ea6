"""The red line: whoever works in a customer sees it, until the session ends. Pure texts; stdout is never touched.

The vendor's portal shows one at the top of the screen: https://docs.netography.com/docs/manage-customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pulumi_fusion.characters import printable

__all__ = ["PLAIN", "RED", "Banner", "Look"]

# The whole line is made red before anything is written on it, for clearing what follows the text takes a character away
# where the text just fills the line.
RED: Final = "\033[1;97;41m\033[K"
PLAIN: Final = "\033[0m"

# xterm keeps a stack of titles (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, "CSI Ps t"), so that the old
# one comes back; terminals without a stack ignore it.
_TITLE_KEEP, _TITLE_BACK = "\033[22;2t", "\033[23;2t"
# What a full-screen program that was killed leaves behind: mouse and paste reports, keypad mode, a hidden cursor,
# colours, its own screen. Leaving that brings back the cursor's saved place, so on a terminal in order it is saved just
# before and nothing changes; a screen of its own has another saved place.
_SCREEN_BACK: Final = (
    "\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[?1l\033>\033[?25h\033[0m\0337\033[?1049l"
)


@dataclass(frozen=True)
class Look:
    """What the place of the line can show: ``colour``, a window's ``title``, and whether it ``is_terminal`` at all.

    ``screen``: no other program of a pipeline, such as a pager, uses the screen.
    """

    colour: bool
    titled: bool
    is_terminal: bool
    screen: bool = True

    @classmethod
    def of(cls, environ: Mapping[str, str], *, is_terminal: bool, screen: bool = True) -> Look:
        """NO_COLOR (https://no-color.org) and a dumb terminal get the words alone."""
        able = is_terminal and environ.get("TERM", "dumb") not in ("", "dumb")
        return cls(able and not environ.get("NO_COLOR"), able, is_terminal, screen)

    def line(self, text: str) -> str:
        """One line of the notice, with what sets it apart even where no colour does."""
        text = printable(text)
        return f"{RED} {text}{PLAIN}\n" if self.colour else f"!! {text}\n"

    def amid(self, text: str) -> str:
        """The line amid what the child writes, which may have the terminal in raw mode and the cursor anywhere."""
        return "\r\n" + self.line(text).replace("\n", "\r\n") if self.is_terminal else self.line(text)

    def title(self, text: str) -> str:
        """What makes ``text`` the title of the window, or nothing."""
        return f"{_TITLE_KEEP}\033]2;{printable(text)}\007" if self.titled else ""

    def restored(self) -> str:
        """What brings back the old title and a screen as it should be, or nothing."""
        return (_SCREEN_BACK if self.screen else "") + _TITLE_BACK if self.titled else ""


@dataclass(frozen=True)
class Banner:
    """What a shell's prompt has above it: ``line``, without the time, until ``until``; and the window's ``title``."""

    line: str
    title: str
    until: datetime

    @classmethod
    def of(cls, line: str, title: str, until: datetime) -> Banner:
        """Return a banner whose texts hold nothing that a terminal would obey."""
        return cls(printable(line), printable(title), until)
