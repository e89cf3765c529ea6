"""The red line: whoever works in a customer sees it, until the session ends. Pure texts; stdout is never touched.

The vendor's portal shows one at the top of the screen: https://docs.netography.com/docs/manage-customers.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

__all__ = ["Banner", "Look", "Shell", "shell_with_line"]

# The whole line is made red before anything is written on it, for clearing what follows the text takes a character away
# where the text just fills the line.
_RED: Final = "\033[1;97;41m\033[K"
_PLAIN: Final = "\033[0m"

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
    """What the place of the line can show: ``colour``, a window's ``title``, and whether it ``is_terminal`` at all."""

    colour: bool
    titled: bool
    is_terminal: bool

    @classmethod
    def of(cls, environ: Mapping[str, str], *, is_terminal: bool) -> Look:
        """NO_COLOR (https://no-color.org) and a dumb terminal get the words alone."""
        able = is_terminal and environ.get("TERM", "dumb") not in ("", "dumb")
        return cls(able and not environ.get("NO_COLOR"), able, is_terminal)

    def line(self, text: str) -> str:
        """One line of the notice, with what sets it apart even where no colour does."""
        return f"{_RED} {text}{_PLAIN}\n" if self.colour else f"!! {text}\n"

    def amid(self, text: str) -> str:
        """The line amid what the child writes, which may have the terminal in raw mode and the cursor anywhere."""
        return "\r\n" + self.line(text).replace("\n", "\r\n") if self.is_terminal else self.line(text)

    def title(self, text: str) -> str:
        """What makes ``text`` the title of the window, or nothing."""
        return f"{_TITLE_KEEP}\033]2;{text}\007" if self.titled else ""

    def restored(self) -> str:
        """What brings back the old title and a screen as it should be, or nothing."""
        return _SCREEN_BACK + _TITLE_BACK if self.titled else ""


@dataclass(frozen=True)
class Banner:
    """What a shell's prompt has above it: ``line``, without the time, until ``until``; and the window's ``title``."""

    line: str
    title: str
    until: datetime


@dataclass(frozen=True)
class Shell:
    """How to start a shell whose every prompt has the line above it, and with which variables."""

    command: tuple[str, ...]
    variables: Mapping[str, str]


def shell_with_line(program: str, banner: Banner, look: Look, folder: Path, environ: Mapping[str, str]) -> Shell:
    """``program`` (bash, zsh, fish, or another that reads ENV as POSIX says) with the line at every prompt.

    ``folder`` is a private one for start files; the user's own are read first.
    """
    name = Path(program).name
    before, after = (_RED, _PLAIN) if look.colour else ("!!", "")
    values = {
        "before": _quoted(before),
        "line": shlex.quote(banner.line),
        "after": _quoted(after),
        "title": shlex.quote(banner.title if look.titled else ""),
        "ends": int(banner.until.timestamp()),
    }
    if name == "bash":
        start = folder / "bashrc"
        start.write_text("[ -r ~/.bashrc ] && . ~/.bashrc\n" + _POSIX.format(**values) + _BASH)
        return Shell((program, "--rcfile", str(start), "-i"), {})
    if name == "zsh":
        own = f"export ZDOTDIR={shlex.quote(environ['ZDOTDIR'])}" if environ.get("ZDOTDIR") else "unset ZDOTDIR"
        (folder / ".zshenv").write_text(_ZSHENV.format(own=own, ours=shlex.quote(str(folder))))
        (folder / ".zshrc").write_text(_ZSHRC.format(ours=shlex.quote(str(folder))) + _POSIX.format(**values) + _ZSH)
        return Shell((program, "-i"), {"ZDOTDIR": str(folder)})
    if name == "fish":
        texts = {"line": _fish_quoted(banner.line), "title": _fish_quoted(banner.title)}
        title = _FISH_TITLE.format(**texts) if look.titled else ""
        return Shell((program, "-i", "-C", _FISH.format(**{**values, **texts}) + title), {})
    own = f"ENV={shlex.quote(environ['ENV'])}" if environ.get("ENV") else "unset ENV"
    start = folder / "shrc"
    until = shlex.quote(f"{banner.until:%H:%M:%S}")
    start.write_text(_SH.format(own=own, until=until, **values))
    return Shell((program, "-i"), {"ENV": str(start)})


def _quoted(text: str) -> str:
    return "'" + text.replace("\033", "\\033") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# Printed above the prompt and not put into it: users' start files and themes set their prompt anew each time.
# The title is set each time for the same reason.
_POSIX: Final = """
__fusion_line={line} __fusion_title={title}
__fusion_red_line() {{
    local left=$(( ({ends} - ${{EPOCHSECONDS:-$(date +%s)}} + 59) / 60 ))
    printf '%b %s, %s min left%b\\n' {before} "$__fusion_line" "$(( left > 0 ? left : 0 ))" {after} >&2
    [ -z "$__fusion_title" ] || printf '\\033]2;%s\\007' "$__fusion_title" >&2
}}
"""

# Debian's and others' prompts have a title within, so that this has to come last in the prompt itself. The last command
# of PROMPT_COMMAND may end with a semicolon, hence the new line. Ctrl-L clears the line away, hence the key.
_BASH: Final = r"""
__fusion_prompt() {
    __fusion_red_line
    [[ -z $__fusion_title || $PS1 == *'$__fusion_title'* ]] || PS1+='\[\e]2;$__fusion_title\a\]'
}
case $(declare -p PROMPT_COMMAND 2>/dev/null) in
    'declare -a'*) PROMPT_COMMAND+=(__fusion_prompt) ;;
    *) PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND
}__fusion_prompt" ;;
esac
bind -x '"\C-l": clear >&2; __fusion_red_line' 2>/dev/null
"""

# zsh takes its start files from ZDOTDIR alone, and a user's .zshenv may well set that.
_ZSHENV: Final = """{own}
[ -r "${{ZDOTDIR:-$HOME}}/.zshenv" ] && . "${{ZDOTDIR:-$HOME}}/.zshenv"
__fusion_own=${{ZDOTDIR-}}
export ZDOTDIR={ours}
"""
_ZSHRC: Final = """
if [ -n "$__fusion_own" ]; then ZDOTDIR=$__fusion_own; else unset ZDOTDIR; fi
unset __fusion_own
# The system's start file may have put it where the others are.
case ${{HISTFILE-}} in {ours}/*) HISTFILE=${{ZDOTDIR:-$HOME}}/.zsh_history ;; esac
[ -r "${{ZDOTDIR:-$HOME}}/.zshrc" ] && . "${{ZDOTDIR:-$HOME}}/.zshrc"
"""
_ZSH: Final = r"""
zmodload zsh/datetime 2>/dev/null
precmd_functions+=(__fusion_red_line)
__fusion_clear() { clear >&2; __fusion_red_line; zle .redisplay; zle .reset-prompt }
zle -N clear-screen __fusion_clear
"""

_FISH: Final = """
function __fusion_red_line --on-event fish_prompt
    set -l left (math -s0 '('{ends}' - '(date +%s)' + 59) / 60')
    test $left -gt 0; or set left 0
    printf '%b %s, %s min left%b\\n' {before} {line} $left {after} >&2
end
bind \\cl 'clear >&2; __fusion_red_line; commandline -f repaint'
"""
_FISH_TITLE: Final = """
function fish_title
    echo {title}
end
"""

# https://pubs.opengroup.org/onlinepubs/9799919799/utilities/sh.html, ENV: its value is subject to parameter expansion,
# and so is PS1; what comes out of that is not expanded again.
_SH: Final = """{own}
if [ -n "${{ENV-}}" ]; then
    eval "__fusion_own=\\"$ENV\\""
    [ -r "$__fusion_own" ] && . "$__fusion_own"
fi
__fusion_line=$(printf '%b %s, until %s%b' {before} {line} {until} {after})
PS1='$__fusion_line
'"${{PS1:-$ }}"
"""
