"""The banner of a session, a red line above each prompt, and the window title. Pure texts, for stderr alone.

The vendor's portal shows one at the top of the screen: https://docs.netography.com/docs/manage-customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pulumi_fusion.characters import printable

__all__ = ["PLAIN", "RED", "Banner", "TerminalStyle"]

# The whole line is made red before the text is written: clearing the rest of the line after the text would delete its
# last character where the text exactly fills the line.
RED: Final = "\033[1;97;41m\033[K"
PLAIN: Final = "\033[0m"

# xterm keeps a stack of titles (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, "CSI Ps t"), so the old
# one can be restored; terminals without a stack ignore it.
_PUSH_TITLE, _POP_TITLE = "\033[22;2t", "\033[23;2t"
# Undoes what a full-screen program that was killed left: mouse and paste reports, keypad mode, a hidden cursor,
# colours, the alternate screen. Leaving the alternate screen restores the saved cursor position, so the position is
# saved first: then nothing changes on a terminal that was in its normal state.
_RESET_SCREEN: Final = (
    "\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[?1l\033>\033[?25h\033[0m\0337\033[?1049l"
)


@dataclass(frozen=True)
class TerminalStyle:
    """What stderr can show.

    Args:
        colour: Colours.
        titled: The title of a window.
        is_terminal: It is a terminal.
        screen: No other program of a pipeline, such as a pager, uses the same screen.
    """

    colour: bool
    titled: bool
    is_terminal: bool
    screen: bool = True

    @classmethod
    def of(cls, environ: Mapping[str, str], *, is_terminal: bool, screen: bool = True) -> TerminalStyle:
        """Return the style for an environment: plain text with NO_COLOR (https://no-color.org) or a dumb terminal."""
        able = is_terminal and environ.get("TERM", "dumb") not in ("", "dumb")
        return cls(able and not environ.get("NO_COLOR"), able, is_terminal, screen)

    def line(self, text: str) -> str:
        """Return one line of the banner: red, or marked with ``!!`` where colours aren't available."""
        text = printable(text)
        return f"{RED} {text}{PLAIN}\n" if self.colour else f"!! {text}\n"

    def interrupting_line(self, text: str) -> str:
        """Return a line that interrupts the child's output, which may use raw mode and leave the cursor anywhere."""
        return "\r\n" + self.line(text).replace("\n", "\r\n") if self.is_terminal else self.line(text)

    def title(self, text: str) -> str:
        """Return the sequence that sets the title of the window, or ""."""
        return f"{_PUSH_TITLE}\033]2;{printable(text)}\007" if self.titled else ""

    def restore(self) -> str:
        """Return the sequence that resets the screen and restores the old title, or ""."""
        return (_RESET_SCREEN if self.screen else "") + _POP_TITLE if self.titled else ""


@dataclass(frozen=True)
class Banner:
    """The line above each prompt of a shell, and the title of its window.

    Args:
        line: The text, without the time left.
        title: The title of the window.
        until: When the session ends.
    """

    line: str
    title: str
    until: datetime

    @classmethod
    def of(cls, line: str, title: str, until: datetime) -> Banner:
        """Return a banner whose texts contain no control characters."""
        return cls(printable(line), printable(title), until)
