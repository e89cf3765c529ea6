"""A session in a terminal, as a user sees it."""

from __future__ import annotations

import json
import shlex
import sys
import time

import pytest

from tests.contract.cli.terminal import Terminal
from tests.contract.sessions.pseudo_terminal import plain
from tests.contract.sessions.terminal.conftest import BASHRC, LINE, OPEN, PROMPT, RED, STOPPED, TITLE, Sit


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
    # A plain bash sometimes also misses one that arrives while readline draws.
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


def test_when_the_helper_of_a_shell_is_killed_its_start_files_are_removed(sit: Sit, desk: Terminal) -> None:
    terminal = sit(SHELL="/bin/bash")
    terminal.see(LINE)
    assert [*desk.folder.glob("fusion-masquerade-*")]
    terminal.process.kill()
    end = time.monotonic() + 30
    while [*desk.folder.glob("fusion-masquerade-*")]:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_without_colour_the_banner_is_marked(more: dict[str, str], sit: Sit, desk: Terminal) -> None:
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


def test_without_a_terminal_only_the_banner_is_written_to_stderr(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--ci", "--", "sh", "-c", "echo out", TERM="xterm")
    assert done.stdout == "out\n"
    notice, reason, end = done.stderr.splitlines()
    assert notice.startswith("!! MASQUERADE acme-corp (read-only) from example-msp as pulumi-fusion, 15 min left")
    assert reason.startswith("!! reason: INC-1234 ingest check; audit: ")
    assert end.startswith("!! MASQUERADE ENDED acme-corp after ")
    assert done.stderr == plain(done.stderr)


def test_the_banner_is_not_on_stdout(sit: Sit, desk: Terminal) -> None:
    terminal = sit("--", "true", within=" >out")
    terminal.see("ENDED .*exit code 0")
    terminal.see("outer> ")
    assert desk.folder.joinpath("out").read_text() == ""


def test_two_minutes_before_the_end_a_warning_is_shown(sit: Sit) -> None:
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


@pytest.mark.parametrize(
    ("key", "effect"), [("\x1a", r"Stopped[^\0]*outer> "), ("\x03", "ENDED .*: ended by SIGINT")], ids=["Z", "C"]
)
def test_ctrl_c_before_the_command_has_the_terminal_reaches_the_command(sit: Sit, key: str, effect: str) -> None:
    terminal = sit("--", "sleep", "321", within=" ")
    terminal.see("reason:")
    terminal.press(key)
    terminal.see(effect)


def test_a_session_from_the_background_gets_the_terminal_in_the_foreground(sit: Sit) -> None:
    terminal = sit("--", "sed", "s/^/got /", within=" &")
    terminal.see("reason:")
    terminal.enter(STOPPED)
    terminal.see("it asks")
    terminal.enter("fg")
    terminal.enter("typed")
    terminal.see("got typed")
    terminal.press("\x04")
    terminal.see("ENDED .*: exit code 0")


def test_a_pager_in_the_same_pipeline_keeps_the_terminal(sit: Sit) -> None:
    pager = 'read -r key </dev/tty && echo "pressed $key and got $(cat)"'
    terminal = sit("--", "echo", "text", within=f" | sh -c {shlex.quote(pager)}")
    terminal.see("reason:")
    terminal.enter("space")
    terminal.see("pressed space and got text")
    terminal.see("outer> ")


def test_ctrl_c_reaches_only_the_command(sit: Sit) -> None:
    terminal = sit("--", "sh", "-c", "trap 'echo caught; exit 3' INT; echo 'be''gun'; while :; do sleep 0.1; done")
    terminal.see("begun")
    terminal.press("\x03")
    terminal.see("caught")
    terminal.see("ENDED .*: exit code 3")
    assert terminal.end() == 3


def test_the_terminal_is_restored_after_a_program_was_killed_in_raw_mode(sit: Sit) -> None:
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


def test_a_closed_terminal_ends_the_session_and_its_end_is_recorded(sit: Sit, desk: Terminal) -> None:
    terminal = sit(SHELL="/bin/bash")
    terminal.see(LINE)
    terminal.hang_up()
    assert terminal.process.wait(timeout=30) != 0
    done = desk.run("audit", "--json")
    start, end = map(json.loads, done.stdout.splitlines())
    assert (start["event"], end["event"]) == ("start", "end")
    assert end["ended"] in ("ended by SIGHUP", "exit code 129", "exit code 1", "exit code 0")
