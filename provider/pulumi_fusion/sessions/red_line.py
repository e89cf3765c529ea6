"""The red line: whoever works in a customer sees it, until the session ends. Pure texts; stdout is never touched.

The vendor's portal shows one at the top of the screen: https://docs.netography.com/docs/manage-customers.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pulumi_fusion.sessions.terms import MARKER

__all__ = ["Look", "Shell", "shell_with_line"]

_RED: Final = "\033[1;97;41m"
_PLAIN: Final = "\033[0m"

# xterm keeps a stack of titles (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, "CSI Ps t"), so that the old
# one comes back; terminals without a stack ignore it.
_TITLE_KEEP, _TITLE_BACK = "\033[22;2t", "\033[23;2t"


@dataclass(frozen=True)
class Look:
    """What the place of the line can show: ``colour``, and whether it ``is_terminal`` with a title."""

    colour: bool
    is_terminal: bool

    @classmethod
    def of(cls, environ: Mapping[str, str], *, is_terminal: bool) -> Look:
        """NO_COLOR (https://no-color.org) and a dumb terminal get the words alone."""
        able = is_terminal and environ.get("TERM", "dumb") not in ("", "dumb")
        return cls(able and not environ.get("NO_COLOR"), able)

    def line(self, text: str) -> str:
        """One line of the notice, with what sets it apart even where no colour does."""
        return f"{_RED} {text} {_PLAIN}" if self.colour else f"!! {text}"

    def title(self, text: str) -> str:
        """What makes ``text`` the title of the window, or nothing."""
        return f"{_TITLE_KEEP}\033]2;{text}\007" if self.is_terminal else ""

    def title_back(self) -> str:
        """What brings the old title back, or nothing."""
        return _TITLE_BACK if self.is_terminal else ""


@dataclass(frozen=True)
class Shell:
    """How to start a shell whose every prompt has the line above it, and with which variables."""

    command: tuple[str, ...]
    variables: Mapping[str, str]


def shell_with_line(program: str, text: str, ends: int, look: Look, folder: Path, environ: Mapping[str, str]) -> Shell:
    """``program`` (bash, zsh, fish, or another that keeps PS1) with the line in every prompt.

    ``text`` is the line without the time, ``ends`` the Unix time of the end, ``folder`` a private folder for start
    files; the user's own start files are read first.
    """
    name = Path(program).name
    before, after = (_RED, _PLAIN) if look.colour else ("!!", "")
    if name in ("bash", "zsh"):
        show = _POSIX.format(before=_quoted(before), text=shlex.quote(text), ends=ends, after=_quoted(after))
    if name == "bash":
        start = folder / "bashrc"
        start.write_text(f"[ -r ~/.bashrc ] && . ~/.bashrc\n{show}{_BASH}")
        return Shell((program, "--rcfile", str(start), "-i"), {})
    if name == "zsh":
        own = environ.get("ZDOTDIR") or environ.get("HOME", "")
        # zsh takes its start files from ZDOTDIR alone; each hands on to the user's own.
        for each in (".zshenv", ".zprofile"):
            (folder / each).write_text(f"[ -r {shlex.quote(own)}/{each} ] && . {shlex.quote(own)}/{each}\n")
        back = f"ZDOTDIR={shlex.quote(own)}\n[ -r $ZDOTDIR/.zshrc ] && . $ZDOTDIR/.zshrc\n"
        (folder / ".zshrc").write_text(f"{back}{show}{_ZSH}")
        return Shell((program, "-i"), {"ZDOTDIR": str(folder)})
    if name == "fish":
        show = _FISH.format(before=_quoted(before), text=_fish_quoted(text), ends=ends, after=_quoted(after))
        return Shell((program, "-i", "-C", show), {})
    # Every other shell has a prompt in PS1 that it takes from the environment, unless a start file sets it.
    plain = f"[MASQUERADE ${MARKER}] "
    return Shell((program, "-i"), {"PS1": f"{before}{plain}{after}$ " if look.colour else f"!! {plain}$ "})


def _quoted(text: str) -> str:
    return "'" + text.replace("\033", "\\033") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# Printed above the prompt and not put into it: users' start files and themes set their prompt anew each time.
_POSIX: Final = """
__fusion_red_line() {{
    local left=$(( ({ends} - $(date +%s) + 59) / 60 ))
    printf '%b %s, %s min left %b\\n' {before} {text} "$left" {after} >&2
}}
"""
_BASH: Final = """
case $(declare -p PROMPT_COMMAND 2>/dev/null) in
    'declare -a'*) PROMPT_COMMAND+=(__fusion_red_line) ;;
    *) PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND; }__fusion_red_line" ;;
esac
"""
_ZSH: Final = """
precmd_functions+=(__fusion_red_line)
"""
_FISH: Final = """
function __fusion_red_line --on-event fish_prompt
    set -l left (math -s0 '('{ends}' - '(date +%s)' + 59) / 60')
    printf '%b %s, %s min left %b\\n' {before} {text} $left {after} >&2
end
"""
