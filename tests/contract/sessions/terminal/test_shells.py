"""The banner above the prompt in each shell, also in nested ones, or a notice that there is none."""

from __future__ import annotations

import shlex
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pulumi_fusion.sessions.banner import Banner, TerminalStyle
from pulumi_fusion.sessions.shells import shell_with_banner
from tests.contract.cli.terminal import Terminal, patched
from tests.contract.sessions.terminal.conftest import BASHRC, LINE, PROMPT, RED, Sit

START_FILES = {
    "zsh": {
        # Many users have their start files elsewhere, and no hooks in them.
        ".zshenv": "export ZDOTDIR=$HOME/elsewhere\n",
        "elsewhere/.zshrc": "precmd_functions=()\nPROMPT='mine> '\nalias greet='echo hello'\nHISTFILE=$HOME/history\n",
    },
    "fish": {".config/fish/config.fish": "function fish_prompt; echo 'mine> '; end\nfunction greet; echo hello; end\n"},
    "sh": {".shinit": "PS1='mine> '\nalias greet='echo hello'\n"},
}


@pytest.mark.parametrize("name", START_FILES)
def test_other_shells_show_the_banner_and_read_the_users_start_files(name: str, sit: Sit, desk: Terminal) -> None:
    """For a shell that isn't installed, only its start files are checked, in the test below."""
    program = shutil.which(name)
    if program is None:
        return
    for path, text in START_FILES[name].items():
        desk.folder.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        desk.folder.joinpath(path).write_text(text)
    terminal = sit(SHELL=program, ENV="$HOME/.shinit")
    terminal.see("reason: INC-1234")
    for _ in range(2):
        terminal.see(RED + LINE)
        terminal.see("mine> ")
        terminal.enter("greet")
        terminal.see(r"hello\r?\n")
    terminal.see("mine> ")
    terminal.enter("exit 7")
    terminal.see("MASQUERADE ENDED .*: exit code 7")
    assert terminal.end() == 7


BANNER = Banner("MASQUERADE o'b$(id) from home", "MASQUERADE o'b$(id)", datetime(2026, 1, 1, tzinfo=timezone.utc))


@pytest.mark.parametrize("outer", ["bash", "zsh", "fish", "dash"])
def test_every_shell_shows_the_banner_after_the_users_start_files(outer: str, tmp_path: Path) -> None:
    """In any shell, since others may be started inside it."""
    environ = {"ZDOTDIR": "/own", "ENV": "/own/shinit", "PROMPT_COMMAND": "own", "XDG_DATA_DIRS": "/own/share"}
    shell = shell_with_banner(f"/bin/{outer}", BANNER, TerminalStyle(True, True, True), tmp_path, environ)
    assert (shell.command[0], shell.note) == (f"/bin/{outer}", "")
    assert shell.variables == {
        "ENV": str(tmp_path / "shrc"),
        "ZDOTDIR": str(tmp_path),
        "XDG_DATA_DIRS": f"{tmp_path}:/own/share",
        "PROMPT_COMMAND": f"own\n. {tmp_path}/prompt",
    }
    quoted = shlex.quote(BANNER.line)
    for path, own in (("bashrc", ". ~/.bashrc"), ("prompt", "__fusion_own"), (".zshrc", "/.zshrc"), ("shrc", "$ENV")):
        text = (tmp_path / path).read_text()
        assert text.index(quoted) > text.index(own)
    assert "ZDOTDIR=/own" in (tmp_path / ".zshenv").read_text()
    assert "ENV=/own/shinit" in (tmp_path / "shrc").read_text()
    fish = (tmp_path / "fish" / "vendor_conf.d" / "fusion-masquerade.fish").read_text()
    assert r"'MASQUERADE o\'b$(id) from home'" in fish
    assert shell.command[-1] in fish if outer == "fish" else shell.command[-1] == "-i"


def installed(*names: str) -> list[str]:
    return [name for name in names if shutil.which(name)]


@pytest.mark.parametrize("outer", installed("bash", "zsh", "fish", "sh"))
def test_nested_shells_show_the_banner(outer: str, sit: Sit, desk: Terminal) -> None:
    for path, text in {
        ".bashrc": BASHRC,
        **{path: text for each in START_FILES.values() for path, text in each.items()},
    }.items():
        desk.folder.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        desk.folder.joinpath(path).write_text(text)
    terminal = sit(SHELL=shutil.which(outer) or "", ENV="$HOME/.shinit")
    terminal.see("reason: INC-1234")
    for inner in installed("bash", "zsh", "fish", "sh"):
        if inner == "bash" and outer in ("fish", "sh"):
            desk.folder.joinpath(".bashrc").write_text("PS1='mine> '\n")
        terminal.see(RED + LINE)
        terminal.see("mine> ")
        terminal.enter(f"{inner}")
        for _ in range(2):
            terminal.see(RED + LINE)
            terminal.see("mine> ")
            terminal.enter("echo in'side'")
            terminal.see(r"inside\r?\n")
        terminal.see("mine> ")
        terminal.enter("exit")
    terminal.see(RED + LINE)
    terminal.see("mine> ")
    terminal.enter("exit")
    terminal.see("MASQUERADE ENDED")


@pytest.mark.parametrize("given", ["bash", "/bin/bash", "sh"])
def test_a_shell_as_the_command_shows_the_banner(given: str, sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".bashrc").write_text("PS1='mine> '\n")
    desk.folder.joinpath(".shinit").write_text("PS1='mine> '\n")
    terminal = sit("--", given, SHELL="/bin/false", ENV="$HOME/.shinit")
    terminal.see("reason: INC-1234")
    terminal.see(RED + LINE)
    terminal.see("mine> ")
    terminal.enter("exit 7")
    terminal.see("MASQUERADE ENDED .*: exit code 7")


def test_a_bash_that_replaces_the_shell_shows_the_banner(sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".bashrc").write_text("PS1='mine> '\n")
    terminal = sit(SHELL="/bin/bash")
    terminal.see(PROMPT)
    terminal.enter("exec bash")
    terminal.see(PROMPT)
    terminal.enter("exit")
    terminal.see("MASQUERADE ENDED")


def test_a_prompt_hook_of_the_user_gets_the_exit_code_and_runs_once(sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".bashrc").write_text("PS1='mine> '\nPROMPT_COMMAND='echo hook $?'\n")
    terminal = sit(SHELL="/bin/bash")
    terminal.see(PROMPT)
    terminal.enter("(exit 7)")
    assert terminal.see(r"hook [0-9]+[^\0]*mine> ").count("hook") == 1
    assert "hook 7" in terminal.shown


@pytest.mark.parametrize("name", ["tcsh", "nu", "pwsh", "xonsh", "elvish", "some-shell"])
def test_a_shell_that_cannot_show_the_banner_starts_with_a_notice(name: str, sit: Sit, desk: Terminal) -> None:
    """A program of that name, which is started without arguments that it might not support."""
    program = desk.folder / name
    program.write_text('#!/bin/sh\necho "$# arguments"\nread -r line\nexit 7\n')
    program.chmod(0o755)
    terminal = sit(SHELL=str(program))
    terminal.see(RED + f"NO LINE above the prompts: {name} has no start file that could show it")
    terminal.see("0 arguments")
    terminal.enter("")
    terminal.see("MASQUERADE ENDED .*: exit code 7")


def test_without_a_temporary_folder_a_shell_starts_with_a_notice(sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".bashrc").write_text("PS1='mine> '\n")
    nowhere = patched(
        desk.folder,
        "import tempfile\n"
        "def gettempdir(): raise FileNotFoundError(2, 'No usable temporary directory found')\n"
        "tempfile.gettempdir = gettempdir\n",
    )
    terminal = sit(SHELL="/bin/bash", **nowhere)
    terminal.see(RED + r"NO LINE above the prompts: no temporary folder can be written; set TMPDIR to one that can")
    terminal.see("mine> ")
    terminal.enter("exit 7")
    terminal.see("MASQUERADE ENDED .*: exit code 7")


@pytest.mark.parametrize("name", installed("bash", "zsh", "fish"))
@pytest.mark.parametrize(("duration", "left"), [("59s", r"\d+ s"), ("119s", "2 min")])
def test_the_banner_rounds_the_time_like_the_first_line(name: str, duration: str, left: str, sit: Sit) -> None:
    terminal = sit("--duration", duration, SHELL=shutil.which(name) or "")
    terminal.see(f"as pulumi-fusion, {left} left, until")
    terminal.see(RED + rf"MASQUERADE acme-corp \(read-only\) from example-msp, {left} left")
