"""The command has a separate terminal: it can't type into the one in which the session was started."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time

import pytest

from tests.contract.cli.terminal import COMMAND, Terminal
from tests.contract.sessions.pseudo_terminal import PseudoTerminal
from tests.contract.sessions.terminal.conftest import OPEN, STOPPED, Sit

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other terminals")

# Inserts a command into every terminal that it can open, by TIOCSTI (ioctl_tty(2)).
INJECT = """
import fcntl, glob, os, termios
for place in ["/dev/tty", *glob.glob("/dev/pts/[0-9]*"), 0, 1, 2]:
    try:
        descriptor = place if isinstance(place, int) else os.open(place, os.O_RDWR)
        for char in b"\\necho 'inj'ected\\n":
            fcntl.ioctl(descriptor, termios.TIOCSTI, bytes([char]))
    except OSError as refused:
        print(place, refused.strerror)
print("tr" + "ied")
"""


# Without CAP_SYS_ADMIN (PR_CAPBSET_DROP), with which root can type into any terminal.
ORDINARY = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 21, 0, 0, 0); os.execvp(sys.argv[1], sys.argv[1:])"
SHELL = ["bash", "--noprofile", "--norc", "--noediting", "-i"]


@LINUX
@pytest.mark.threat("types-into-the-callers-shell")
@pytest.mark.parametrize("within", ["", " | cat", " 2>/dev/null", " </dev/null"])
def test_a_command_cannot_type_into_the_shell_that_started_the_session(within: str, desk: Terminal) -> None:
    desk.folder.joinpath("inject.py").write_text(INJECT)
    outer = [sys.executable, "-c", ORDINARY, *SHELL]
    session = shlex.join([str(COMMAND), *OPEN, "--ci", "--", sys.executable, "inject.py"])
    with PseudoTerminal(outer, folder=desk.folder, environ=desk.environment(PS1="outer> ")) as terminal:
        terminal.see("outer> ")
        terminal.enter(session + within)
        terminal.see("tried")
        terminal.see("outer> ")
        terminal.enter("echo all 'done'")
        terminal.see("all done")
        assert "injected" not in terminal.shown
        terminal.enter("exit")


@LINUX
def test_without_a_session_a_command_can_type_into_the_shell(desk: Terminal) -> None:
    """The counter-check: if the kernel allows it (sysctl dev.tty.legacy_tiocsti), the program above types."""
    desk.folder.joinpath("inject.py").write_text(INJECT)
    with PseudoTerminal(SHELL, folder=desk.folder, environ=desk.environment(PS1="outer> ")) as terminal:
        terminal.see("outer> ")
        terminal.enter(shlex.join([sys.executable, "inject.py"]))
        terminal.see("tried")
        terminal.see("outer> ")
        terminal.enter("echo all 'done'")
        terminal.see("all done")
        assert "injected" in terminal.shown or "Input/output error" in terminal.shown
        terminal.enter("exit")


def test_the_size_of_the_window_follows(sit: Sit) -> None:
    terminal = sit("--", "sh", "-c", "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.05; done")
    terminal.see("40 160")
    terminal.resize(20, 70)
    terminal.see("20 70")
    terminal.see("ENDED .*exit code 0")


def test_much_output_is_relayed_completely_and_in_order(sit: Sit) -> None:
    terminal = sit("--", "seq", "-s", " ", "1", "200000")
    terminal.see("ENDED .*exit code 0")
    numbers = re.findall(r"[0-9]+", terminal.shown.partition("reason: INC-1234 ingest check")[2].partition("\n")[2])
    assert numbers[:200000] == [str(each) for each in range(1, 200001)]


def test_much_input_is_relayed_completely(sit: Sit, desk: Terminal) -> None:
    terminal = sit("--", "sh", "-c", "stty raw -echo; echo ready; head -c 100000 | cksum")
    terminal.see("ready")
    text = "0123456789" * 10000
    for begin in range(0, len(text), 1000):
        terminal.press(text[begin : begin + 1000])
    expected = subprocess.run(["cksum"], input=text, capture_output=True, text=True).stdout.split()[0]
    terminal.see(expected)
    terminal.see("ENDED .*exit code 0")


@LINUX
@pytest.mark.threat("outlives-the-end")
def test_a_session_that_ctrl_z_stopped_ends_with_all_its_jobs(sit: Sit, desk: Terminal) -> None:
    script = "setsid sleep 321 & echo $! >pids; (setsid env -i sleep 322 & echo $! >>pids); echo 'be''gun'; cat"
    terminal = sit("--duration", "4s", "--", "bash", "-c", script, within=" ")
    terminal.see("begun")
    terminal.press("\x1a")
    terminal.see(r"Stopped[^\0]*outer> ")
    terminal.see("the time is over, and its access is gone")
    terminal.see("MASQUERADE ENDED acme-corp .*time over")
    terminal.enter("ps -o args= -p $(paste -sd, pids); echo running $?")
    terminal.see("running 1")


@LINUX
def test_with_ci_a_stopped_command_does_not_stop_the_helper(sit: Sit) -> None:
    terminal = sit("--ci", "--duration", "2s", "--", "sh", "-c", "kill -STOP $$", within=" ")
    terminal.see("MASQUERADE ENDED acme-corp .*time over")
    terminal.see("outer> ")
    assert "Stopped" not in terminal.shown


def test_a_command_that_ignores_a_closed_terminal_reads_its_end(sit: Sit, desk: Terminal) -> None:
    script = "trap '' HUP; echo 'be''gun'; while read -r line; do :; done; echo over >over"
    terminal = sit("--", "sh", "-c", script)
    terminal.see("begun")
    terminal.hang_up()
    terminal.process.wait(timeout=60)
    end = time.monotonic() + 30
    while not desk.folder.joinpath("over").exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_ctrl_c_in_a_pipeline_with_a_pager_reaches_the_command(sit: Sit) -> None:
    terminal = sit(
        "--", "sh", "-c", "trap 'exit 3' INT; echo 'be''gun' >&2; while :; do sleep 0.05; done", within=" | cat"
    )
    terminal.see("begun")
    terminal.press("\x03")
    terminal.see("MASQUERADE ENDED acme-corp .*exit code 3")


def test_a_command_in_a_pipeline_can_read_a_password_from_the_terminal(sit: Sit) -> None:
    """ssh and sudo read /dev/tty, independent of stdin and stdout."""
    script = (
        "stty -echo </dev/tty; printf 'pass''word: ' >/dev/tty; read -r word </dev/tty; "
        "stty echo </dev/tty; echo got $word"
    )
    terminal = sit("--", "sh", "-c", script, within=" </dev/null | cat")
    terminal.see("password: ")
    terminal.enter("secret")
    terminal.see("got secret")
    terminal.see("outer> ")
    assert terminal.shown.count("secret") == 1, "it is not echoed"


@pytest.mark.parametrize("streams", ["", "2>err", "</dev/null 2>&1 | cat"])
def test_a_terminal_is_usable_after_the_helper_was_killed(streams: str, desk: Terminal) -> None:
    script = "read -r line </dev/tty; kill -KILL $(ps -o ppid= -p $PPID); sleep 321"
    session = shlex.join([str(COMMAND), *OPEN, "--ci", "--", "sh", "-c", script])
    # A shell without job control doesn't change the modes.
    outer = ["sh", "-c", f"{session} {streams}; echo 'aft''er'; sleep 321"]
    with PseudoTerminal(outer, folder=desk.folder, environ=desk.environment()) as terminal:
        before = terminal.modes()
        terminal.enter("go")
        terminal.see("after")
        end = time.monotonic() + 30
        while terminal.modes() != before:
            assert time.monotonic() < end, terminal.modes()
            time.sleep(0.05)


def test_a_session_in_the_background_does_not_copy_the_modes_of_a_line_editor(desk: Terminal) -> None:
    session = shlex.join([str(COMMAND), *OPEN, "--", "sed", "s/^/got /"])
    shell = ["bash", "--noprofile", "--norc", "-i"]
    with PseudoTerminal(shell, folder=desk.folder, environ=desk.environment(PS1="outer> ")) as terminal:
        terminal.see("outer> ")
        terminal.enter(f"{session} &")
        terminal.see("reason:")
        terminal.enter(STOPPED)
        terminal.see("it asks")
        terminal.enter("fg")
        terminal.enter("typed")
        terminal.see("got typed")
        terminal.press("\x04")
        terminal.see("ENDED .*: exit code 0")
        terminal.enter("exit")


def test_a_pager_in_the_same_pipeline_keeps_its_screen(sit: Sit) -> None:
    terminal = sit("--ci", "--", "echo", "text", within=" | cat")
    terminal.see("MASQUERADE ENDED")
    terminal.see("outer> ")
    assert "\x1b[?1049l" not in terminal.shown
