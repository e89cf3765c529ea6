"""The session as somebody sees it who sits in front of it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pulumi_fusion.emulator import Emulator
from pulumi_fusion.sessions.red_line import Banner, Look
from pulumi_fusion.sessions.shells import shell_with_line
from tests.contract.cli.terminal import COMMAND, Terminal, patched
from tests.contract.sessions.pseudo_terminal import PseudoTerminal, plain

OPEN = ("masquerade", "acme-corp", "--reason", "INC-1234 ingest check")
LINE = r"MASQUERADE acme-corp \(read-only\) from example-msp, (15 min left|until [0-9:]{8})"
RED = r"\x1b\[1;97;41m\x1b\[K "
TITLE = r"\x1b\]2;MASQUERADE acme-corp \(read-only\)\a"

# Waits until a job was stopped; the echo of what is typed must not be taken for what comes out.
STOPPED = "while [ -z \"$(jobs -s)\" ]; do sleep 0.05; done; echo it 'asks'"

Sit = Callable[..., PseudoTerminal]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        running.seed("acme-corp")
        yield running


@pytest.fixture
def desk(tmp_path: Path, emulator: Emulator) -> Terminal:
    return Terminal(tmp_path, {"NETOSECRET": emulator.netosecret, "TMPDIR": str(tmp_path)})


@pytest.fixture
def sit(desk: Terminal) -> Iterator[Sit]:
    """Opens a session in a terminal of its own; with ``within`` typed, with that at the end, in a shell with jobs."""
    opened: list[PseudoTerminal] = []

    def sit(*arguments: str, within: str = "", **more: str) -> PseudoTerminal:
        command = [str(COMMAND), *OPEN, *arguments]
        outer = ["bash", "--noprofile", "--norc", "--noediting", "-i"]
        environ = desk.environment(PS1="outer> ", **more)
        opened.append(PseudoTerminal(outer if within else command, folder=desk.folder, environ=environ))
        if within:
            opened[0].see("outer> ")
            opened[0].enter(shlex.join(command) + within)
        return opened[0]

    yield sit
    for terminal in opened:
        with terminal:
            pass


# A prompt that sets a title, as Debian's does, and hooks that end with a semicolon, as many do.
BASHRC = """\
PS1='\\[\\e]0;mine\\a\\]mine> '
PROMPT_COMMAND='from_rc=1; '
alias greet='echo hello'
"""
PROMPT = f"{RED}{LINE}[^\\0]*mine> {TITLE}"


def test_a_session_in_bash_from_its_first_line_to_its_last(sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".bashrc").write_text(BASHRC)
    terminal = sit(SHELL="/bin/bash")
    terminal.see(r"\x1b\[22;2t" + TITLE)
    terminal.see(
        RED + r"MASQUERADE acme-corp \(read-only\) from example-msp as pulumi-fusion, 15 min left, until [0-9:]+"
    )
    terminal.see(RED + "reason: INC-1234 ingest check; audit: ")
    terminal.see(PROMPT)
    terminal.enter("greet $from_rc $?")
    terminal.see("hello 1 0\r\n")
    terminal.see(PROMPT)
    terminal.press("half a command")
    terminal.see("half a command")
    terminal.press("\x03")
    # A plain bash, too, misses one now and then that comes while readline draws.
    terminal.see(PROMPT, again="\x03")
    terminal.enter("PS1='other> '; false")
    terminal.see(RED + LINE)
    terminal.see("other> " + TITLE)
    terminal.enter("echo code $?")
    terminal.see("code 1\r\n")
    terminal.see("other> " + TITLE)
    terminal.press("\x0c")  # Ctrl-L
    terminal.see(RED + LINE)
    terminal.enter("exit 7")
    terminal.see(r"\x1b\[23;2t" + RED + "MASQUERADE ENDED acme-corp after .*: exit code 7; no requests")
    assert terminal.end() == 7


def test_jobs_can_be_controlled_in_the_shell(sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".bashrc").write_text(BASHRC)
    desk.folder.joinpath("job.py").write_text(
        "import signal\n"
        "signal.signal(signal.SIGCONT, lambda *_: print('continued', flush=True))\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "print('begun', flush=True)\n"
        "while True: signal.pause()\n"
    )
    terminal = sit(SHELL="/bin/bash")
    terminal.see(PROMPT)
    terminal.enter(f"{shlex.quote(sys.executable)} job.py")
    terminal.see("begun")
    terminal.press("\x1a")
    terminal.see("Stopped")
    terminal.see(PROMPT)
    terminal.enter("jobs")
    terminal.see("Stopped")
    terminal.see(PROMPT)
    terminal.enter("fg")
    terminal.see("continued")
    terminal.press("\x03")
    terminal.see(PROMPT)
    terminal.enter("jobs; echo no 'more'")
    terminal.see("[\r\n]no more")
    terminal.see(PROMPT)
    terminal.enter("exit")
    terminal.see("MASQUERADE ENDED .*exit code 0")


START_FILES = {
    "zsh": {
        # Many users keep their start files elsewhere, and start hooks from none.
        ".zshenv": "export ZDOTDIR=$HOME/elsewhere\n",
        "elsewhere/.zshrc": "precmd_functions=()\nPROMPT='mine> '\nalias greet='echo hello'\nHISTFILE=$HOME/history\n",
    },
    "fish": {".config/fish/config.fish": "function fish_prompt; echo 'mine> '; end\nfunction greet; echo hello; end\n"},
    "sh": {".shinit": "PS1='mine> '\nalias greet='echo hello'\n"},
}


@pytest.mark.parametrize("name", START_FILES)
def test_other_shells_have_the_line_and_the_users_own_start_files(name: str, sit: Sit, desk: Terminal) -> None:
    """Where a shell is not installed, its start files are looked at alone, in the test below."""
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
def test_the_start_files_of_every_shell_bring_the_line_after_the_users_own(outer: str, tmp_path: Path) -> None:
    """Whichever shell it is, for others may be started inside it."""
    environ = {"ZDOTDIR": "/own", "ENV": "/own/shinit", "PROMPT_COMMAND": "own", "XDG_DATA_DIRS": "/own/share"}
    shell = shell_with_line(f"/bin/{outer}", BANNER, Look(True, True, True), tmp_path, environ)
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
def test_shells_inside_the_shell_have_the_line_as_well(outer: str, sit: Sit, desk: Terminal) -> None:
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
def test_a_shell_that_is_named_as_the_command_has_the_line(given: str, sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".bashrc").write_text("PS1='mine> '\n")
    desk.folder.joinpath(".shinit").write_text("PS1='mine> '\n")
    terminal = sit("--", given, SHELL="/bin/false", ENV="$HOME/.shinit")
    terminal.see("reason: INC-1234")
    terminal.see(RED + LINE)
    terminal.see("mine> ")
    terminal.enter("exit 7")
    terminal.see("MASQUERADE ENDED .*: exit code 7")


def test_a_bash_that_replaces_the_shell_has_the_line(sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".bashrc").write_text("PS1='mine> '\n")
    terminal = sit(SHELL="/bin/bash")
    terminal.see(PROMPT)
    terminal.enter("exec bash")
    terminal.see(PROMPT)
    terminal.enter("exit")
    terminal.see("MASQUERADE ENDED")


def test_a_hook_of_the_user_sees_the_exit_code_and_runs_once(sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".bashrc").write_text("PS1='mine> '\nPROMPT_COMMAND='echo hook $?'\n")
    terminal = sit(SHELL="/bin/bash")
    terminal.see(PROMPT)
    terminal.enter("(exit 7)")
    assert terminal.see(r"hook [0-9]+[^\0]*mine> ").count("hook") == 1
    assert "hook 7" in terminal.shown


@pytest.mark.parametrize("name", ["tcsh", "nu", "pwsh", "xonsh", "elvish", "some-shell"])
def test_a_shell_that_cannot_show_the_line_starts_with_a_notice(name: str, sit: Sit, desk: Terminal) -> None:
    """A program of that name, which is started without arguments that it might not know."""
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
    terminal.see(RED + r"NO LINE above the prompts: no temporary folder can be written \(TMPDIR names another\)")
    terminal.see("mine> ")
    terminal.enter("exit 7")
    terminal.see("MASQUERADE ENDED .*: exit code 7")


OUTSIDE = RED + "OUTSIDE this session: {} of yours, already running.*with your real credential"


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"TMUX": "tmux-0/default,1,0"}, "tmux"),
        ({"STY": "1.pts-0.host"}, "screen"),
        ({"TMUX": "tmux-0/default,1,0", "STY": "1.pts-0.host"}, "tmux and screen"),
        ({"ZELLIJ": "0"}, "zellij"),
    ],
    ids=str,
)
def test_a_session_in_a_window_of_a_multiplexer_says_what_is_outside(
    more: dict[str, str], name: str, sit: Sit, desk: Terminal
) -> None:
    terminal = sit(SHELL="/bin/bash", **{"TMUX_TMPDIR": str(desk.folder), "SCREENDIR": str(desk.folder), **more})
    terminal.see(OUTSIDE.format(name))
    terminal.see(LINE)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name: that of a socket has 100 characters or so at most."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize(("tmux", "screen"), [(True, False), (False, True), (True, True), (False, False)])
def test_a_multiplexer_that_runs_elsewhere_is_found_and_one_that_is_gone_is_not(
    tmux: bool, screen: bool, sit: Sit, place: Path
) -> None:
    """A killed server leaves its socket behind."""
    for name in (f"tmux-{os.getuid()}", "screens"):
        (place / name).mkdir(mode=0o700)
    with subprocess.Popen(["true"]) as gone:
        pass
    (place / "screens" / f"{os.getpid() if screen else gone.pid}.pts-0.host").touch()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place / f"tmux-{os.getuid()}" / "default"))
        if tmux:
            server.listen()
        terminal = sit(SHELL="/bin/bash", TMUX_TMPDIR=str(place), SCREENDIR=str(place / "screens"))
        if names := " and ".join(["tmux"] * tmux + ["screen"] * screen):
            terminal.see(OUTSIDE.format(names))
        terminal.see(LINE)
        assert ("OUTSIDE" in terminal.shown) == bool(names)


def test_a_command_is_told_nothing_of_multiplexers(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--ci", "--", "true", TMUX="tmux-0/default,1,0")
    assert "OUTSIDE" not in done.stderr


def test_when_the_helper_of_a_shell_is_killed_its_start_files_go_as_well(sit: Sit, desk: Terminal) -> None:
    terminal = sit(SHELL="/bin/bash")
    terminal.see(LINE)
    assert [*desk.folder.glob("fusion-masquerade-*")]
    terminal.process.kill()
    end = time.monotonic() + 30
    while [*desk.folder.glob("fusion-masquerade-*")]:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_without_colour_the_words_stand_out(more: dict[str, str], sit: Sit, desk: Terminal) -> None:
    desk.folder.joinpath(".inputrc").write_text("set enable-bracketed-paste off\n")
    terminal = sit(SHELL="/bin/bash", **more)
    terminal.see(r"!! MASQUERADE acme-corp \(read-only\) from example-msp as pulumi-fusion, 15 min left")
    terminal.see("!! reason: INC-1234 ingest check")
    terminal.see("!! " + LINE)
    terminal.enter("exit")
    terminal.see("!! MASQUERADE ENDED acme-corp")
    assert terminal.end() == 0
    assert "\x1b[1;97;41m" not in terminal.shown
    assert ("\x1b" in terminal.shown) == ("NO_COLOR" in more), "a dumb terminal understands nothing"


def test_where_no_terminal_is_the_words_go_to_stderr_and_nothing_else_does(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--ci", "--", "sh", "-c", "echo out", TERM="xterm")
    assert done.stdout == "out\n"
    notice, reason, end = done.stderr.splitlines()
    assert notice.startswith("!! MASQUERADE acme-corp (read-only) from example-msp as pulumi-fusion, 15 min left")
    assert reason.startswith("!! reason: INC-1234 ingest check; audit: ")
    assert end.startswith("!! MASQUERADE ENDED acme-corp after ")
    assert done.stderr == plain(done.stderr)


def test_nothing_of_it_is_on_stdout(sit: Sit, desk: Terminal) -> None:
    terminal = sit("--", "true", within=" >out")
    terminal.see("ENDED .*exit code 0")
    terminal.see("outer> ")
    assert desk.folder.joinpath("out").read_text() == ""


def test_two_minutes_before_the_end_a_warning_comes(sit: Sit) -> None:
    terminal = sit("--duration", "123s", "--", "cat")
    terminal.see(r"\r\n" + RED + r"MASQUERADE acme-corp \(read-only\) ends in 2 min\x1b\[0m\r")
    terminal.press("\x04")
    terminal.see("ENDED .*exit code 0")


def test_a_program_is_stopped_and_continued_together_with_its_helper(sit: Sit) -> None:
    terminal = sit("--", "sh", "-c", 'echo "be""gun"; exec sed "s/^/got /"', within=" ")
    terminal.see("begun")
    terminal.press("\x1a")
    terminal.see(r"Stopped[^\0]*outer> ")
    terminal.enter("bg")
    terminal.see("outer> ")
    terminal.enter(STOPPED)
    terminal.see("it asks")  # for the terminal, from behind
    terminal.enter("fg")
    terminal.enter("typed")
    terminal.see("got typed")
    terminal.press("\x03")
    terminal.see("ENDED .*: ended by SIGINT")
    terminal.see("outer> ")
    terminal.enter("echo code $?")
    terminal.see("code 130")


def test_started_in_the_background_it_has_the_terminal_once_it_is_in_front(sit: Sit) -> None:
    terminal = sit("--", "sed", "s/^/got /", within=" &")
    terminal.see("reason:")
    terminal.enter(STOPPED)
    terminal.see("it asks")
    terminal.enter("fg")
    terminal.enter("typed")
    terminal.see("got typed")
    terminal.press("\x04")
    terminal.see("ENDED .*: exit code 0")


def test_a_pager_next_to_it_keeps_the_terminal(sit: Sit) -> None:
    pager = 'read -r key </dev/tty && echo "pressed $key and got $(cat)"'
    terminal = sit("--", "echo", "text", within=f" | sh -c {shlex.quote(pager)}")
    terminal.see("reason:")
    terminal.enter("space")
    terminal.see("pressed space and got text")
    terminal.see("outer> ")


def test_ctrl_c_is_for_the_child_alone(sit: Sit) -> None:
    terminal = sit("--", "sh", "-c", "trap 'echo caught; exit 3' INT; echo 'be''gun'; while :; do sleep 0.1; done")
    terminal.see("begun")
    terminal.press("\x03")
    terminal.see("caught")
    terminal.see("ENDED .*: exit code 3")
    assert terminal.end() == 3


def test_the_terminal_is_as_it_was_after_a_program_was_killed_in_raw_mode(sit: Sit) -> None:
    terminal = sit("--", "sh", "-c", "stty raw -echo; echo raw; kill -9 $$")
    before = terminal.modes()
    terminal.see("raw")
    terminal.see(r"\x1b\[\?25h.*\x1b\[\?1049l.*ENDED .*: ended by SIGKILL")
    assert terminal.modes() == before
    assert terminal.end() == 137


def test_a_child_reads_from_a_pipe(sit: Sit) -> None:
    terminal = sit("--", "sed", "s/^/got /", within=" < <(echo text)")
    terminal.see("got text")
    terminal.see("ENDED .*exit code 0")


def test_a_terminal_that_is_closed_ends_the_session_and_the_audit_tells(sit: Sit, desk: Terminal) -> None:
    terminal = sit(SHELL="/bin/bash")
    terminal.see(LINE)
    terminal.hang_up()
    assert terminal.process.wait(timeout=30) != 0
    done = desk.run("audit", "--json")
    start, end = map(json.loads, done.stdout.splitlines())
    assert (start["event"], end["event"]) == ("start", "end")
    assert end["ended"] in ("ended by SIGHUP", "exit code 129", "exit code 1", "exit code 0")
