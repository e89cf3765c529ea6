"""Start a shell with the banner above every prompt, also in the shells that are started inside it.

The start files of every kind of shell are in one folder, and environment variables name them, so that a zsh inside a
bash finds its own.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pulumi_fusion.sessions.banner import PLAIN, RED, Banner, TerminalStyle

__all__ = ["Shell", "is_shell", "shell_with_banner", "shell_without_banner"]

# They read the file that ENV names: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/sh.html
_POSIX_SHELLS: Final = frozenset({"sh", "ash", "dash", "ksh", "ksh93", "mksh", "lksh", "oksh", "pdksh", "posh", "yash"})
_OTHER_SHELLS: Final = frozenset({"bash", "zsh", "fish", "csh", "tcsh", "nu", "pwsh", "xonsh", "elvish"})


@dataclass(frozen=True)
class Shell:
    """How to start a shell.

    Args:
        command: Its argv.
        variables: Environment variables that it needs.
        note: A sentence on what it can't show, or "".
    """

    command: tuple[str, ...]
    variables: Mapping[str, str]
    note: str = ""


def is_shell(program: str) -> bool:
    """Return whether a program of this name is a shell, which is interactive without arguments."""
    return Path(program).name in _POSIX_SHELLS | _OTHER_SHELLS


def shell_without_banner(program: str, why: str) -> Shell:
    """Return the shell without a banner, and a note with the reason."""
    return Shell((program,), {}, f"NO LINE above the prompts: {why}. Only this notice shows that this is a session")


def shell_with_banner(
    program: str, banner: Banner, style: TerminalStyle, folder: Path, environ: Mapping[str, str]
) -> Shell:
    """Return how to start ``program`` with the banner above every prompt, or without it and a note.

    Args:
        program: The path of the shell.
        banner: What to show.
        style: What the terminal can show.
        folder: A private folder for start files, which also run the user's own.
        environ: The environment of the shell.
    """
    name = Path(program).name
    variables, fish = _start_files(banner, style, folder, environ)
    if name == "bash":
        return Shell((program, "--rcfile", str(folder / "bashrc"), "-i"), variables)
    if name == "fish":
        return Shell((program, "-i", "-C", fish), variables)
    if name == "zsh" or name in _POSIX_SHELLS:
        return Shell((program, "-i"), variables)
    bare = shell_without_banner(program, f"{name} has no start file that could show it")
    return Shell(bare.command, variables, bare.note)


def _start_files(
    banner: Banner, style: TerminalStyle, folder: Path, environ: Mapping[str, str]
) -> tuple[dict[str, str], str]:
    """Write the start files of all shells; return the variables that name them, and the commands for fish."""
    before, after = (RED, PLAIN) if style.colour else ("!!", "")
    title = banner.title if style.titled else ""
    values = {
        "before": _quoted(before),
        "line": shlex.quote(banner.line),
        "after": _quoted(after),
        "title": shlex.quote(title),
        "ends": int(banner.until.timestamp()),
        "until": shlex.quote(f"{banner.until:%H:%M:%S}"),
        "folder": shlex.quote(str(folder)),
        "bashrc": shlex.quote(str(folder / "bashrc")),
        "shrc": shlex.quote(str(folder / "shrc")),
        "own_zdotdir": _restored("export ZDOTDIR", "ZDOTDIR", environ),
        "own_env": _restored("ENV", "ENV", environ),
    }
    # Sourced instead of called: a bash that reads other start files has the variable but not the function.
    hook = f". {shlex.quote(str(folder / 'prompt'))}"
    line = _LINE.format(**values)
    (folder / "prompt").write_text(_BASH_PROMPT.format(line=line))
    (folder / "bashrc").write_text(_BASHRC.format(line=line, hook=shlex.quote(hook), bash=_BASH.format(**values)))
    (folder / ".zshenv").write_text(_ZSHENV.format(**values))
    (folder / ".zprofile").write_text(_ZPROFILE)
    (folder / ".zshrc").write_text(_ZSHRC.format(**values) + line + _BASH.format(**values) + _ZSH.format(**values))
    (folder / "shrc").write_text(_SH.format(**values))
    texts = {"line": _fish_quoted(banner.line), "title": _fish_quoted(banner.title)}
    fish = _FISH.format(**{**values, **texts}) + (_FISH_TITLE.format(**texts) if title else "")
    # https://fishshell.com/docs/current/language.html#configuration-files
    (folder / "fish" / "vendor_conf.d").mkdir(parents=True)
    (folder / "fish" / "vendor_conf.d" / "fusion-masquerade.fish").write_text(f"status is-interactive; or exit\n{fish}")
    own = environ.get("PROMPT_COMMAND", "")
    return {
        "ENV": str(folder / "shrc"),
        "ZDOTDIR": str(folder),
        "XDG_DATA_DIRS": f"{folder}:{environ.get('XDG_DATA_DIRS') or '/usr/local/share:/usr/share'}",
        "PROMPT_COMMAND": f"{own}\n{hook}" if own else hook,
    }, fish


def _restored(assign: str, name: str, environ: Mapping[str, str]) -> str:
    """Return the command that restores the user's value of a variable."""
    return f"{assign}={shlex.quote(environ[name])}" if environ.get(name) else f"unset {name}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\033", "\\033") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# Printed above the prompt instead of inserted into it, since users' start files and themes replace the prompt each
# time. The title is set each time for the same reason.
_LINE: Final = """
__fusion_line={line} __fusion_title={title}
__fusion_banner() {{
    local left=$(( {ends} - ${{EPOCHSECONDS:-$(date +%s)}} )) unit=s
    [ "$left" -lt 60 ] || {{ left=$(( (left + 59) / 60 )); unit=min; }}
    printf '%b %s, %s %s left%b\\n' {before} "$__fusion_line" "$(( left > 0 ? left : 0 ))" "$unit" {after} >&2
    [ -z "$__fusion_title" ] || printf '\\033]2;%s\\007' "$__fusion_title" >&2
}}
"""

# A bash that is started by hand would use PROMPT_COMMAND of the user's start files. The keyword `function` keeps an
# alias of this name from being expanded.
_BASH: Final = """
function bash {{
    case "$#:${{1-}}" in
        0:|1:-i) command bash --rcfile {bashrc} -i ;;
        *) command bash "$@" ;;
    esac
}}
"""

# The commands that the user's start files put into PROMPT_COMMAND are run by this file. So the variable, which nested
# shells inherit, names no function that they could lack. The prompts of Debian and others set a title, so the title of
# the session is appended to the prompt itself.
_BASH_PROMPT: Final = """eval "${{__fusion_own-}}"
{line}
__fusion_banner
[[ -z $__fusion_title || $PS1 == *'$__fusion_title'* ]] || PS1+='\\[\\e]2;$__fusion_title\\a\\]'
"""
# Ctrl-L clears the banner, so the key prints it again.
_BASHRC: Final = """[ -r ~/.bashrc ] && . ~/.bashrc
{line}{bash}
__fusion_hook={hook}
__fusion_own=$(IFS=$'\\n'; printf '%s' "${{PROMPT_COMMAND[*]//"$__fusion_hook"/:}}")
unset PROMPT_COMMAND
export PROMPT_COMMAND=$__fusion_hook
bind -x '"\\C-l": clear >&2; __fusion_banner' 2>/dev/null
"""

# zsh reads its start files from ZDOTDIR alone, and a user's .zshenv may set that.
_ZSHENV: Final = """{own_zdotdir}
[ -r "${{ZDOTDIR:-$HOME}}/.zshenv" ] && . "${{ZDOTDIR:-$HOME}}/.zshenv"
if [[ -o interactive ]]; then
    __fusion_own=${{ZDOTDIR-}}
    export ZDOTDIR={folder}
fi
"""
_ZPROFILE: Final = """[ -r "${__fusion_own:-$HOME}/.zprofile" ] && . "${__fusion_own:-$HOME}/.zprofile"
"""
_ZSHRC: Final = """
if [ -n "$__fusion_own" ]; then ZDOTDIR=$__fusion_own; else unset ZDOTDIR; fi
unset __fusion_own
# The system's start file may have set it to this folder.
case ${{HISTFILE-}} in {folder}/*) HISTFILE=${{ZDOTDIR:-$HOME}}/.zsh_history ;; esac
[ -r "${{ZDOTDIR:-$HOME}}/.zshrc" ] && . "${{ZDOTDIR:-$HOME}}/.zshrc"
"""
# Commands, and so a nested zsh, get the folder of the session's start files; this shell itself has the user's value.
_ZSH: Final = """
zmodload zsh/datetime 2>/dev/null
__fusion_before_command() {{ __fusion_zdotdir=${{ZDOTDIR-}}; export ZDOTDIR={folder} }}
__fusion_after_command() {{
    [[ ${{ZDOTDIR-}} == {folder} ]] || return 0
    if [[ -n ${{__fusion_zdotdir-}} ]]; then ZDOTDIR=$__fusion_zdotdir; else unset ZDOTDIR; fi
}}
preexec_functions+=(__fusion_before_command)
precmd_functions=(__fusion_after_command $precmd_functions __fusion_banner)
__fusion_clear() {{ clear >&2; __fusion_banner; zle .redisplay; zle .reset-prompt }}
zle -N clear-screen __fusion_clear
"""

_FISH: Final = """
function __fusion_banner --on-event fish_prompt
    set -l left (math {ends}' - '(date +%s))
    set -l unit s
    test $left -gt 0; or set left 0
    if test $left -ge 60
        set left (math -s0 '('$left' + 59) / 60')
        set unit min
    end
    printf '%b %s, %s %s left%b\\n' {before} {line} $left $unit {after} >&2
end
bind \\cl 'clear >&2; __fusion_banner; commandline -f repaint'
"""
_FISH_TITLE: Final = """
function fish_title
    echo {title}
end
"""

# https://pubs.opengroup.org/onlinepubs/9799919799/utilities/sh.html, ENV: its value is subject to parameter expansion,
# and so is PS1; the result isn't expanded again. A bash that is called sh has PROMPT_COMMAND as well.
_SH: Final = """{own_env}
if [ -n "${{ENV-}}" ]; then
    eval "__fusion_own=\\"$ENV\\""
    [ -r "$__fusion_own" ] && . "$__fusion_own"
fi
export ENV={shrc}
__fusion_line=$(printf '%b %s, until %s%b' {before} {line} {until} {after})
case "${{BASH_VERSION:+${{PROMPT_COMMAND-}}}}${{PS1-}}" in
    *{folder}*|*__fusion_line*) ;;
    *) PS1='$__fusion_line
'"${{PS1:-$ }}" ;;
esac
"""
