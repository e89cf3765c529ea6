"""The end of a session ends everything that its command started, also against its will."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
import sys
import time

import pytest

from tests.contract.cli.terminal import COMMAND, Terminal
from tests.contract.sessions.records import last_record
from tests.processes import is_running

OPEN = ("masquerade", "acme-corp", "--reason", "lab test of it", "--ci")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="nowhere else can a process adopt orphans")
pytestmark = pytest.mark.threat("outlives-the-end")


def pids(desk: Terminal) -> list[int]:
    """Return the process ids that the command wrote to a file."""
    return [int(each) for each in desk.folder.joinpath("pids").read_text().split()]


# Leaves its group and session, clears its environment, and is an orphan; its name doesn't matter.
DAEMON = "(setsid env -i sleep 321 & echo $! >>pids)"


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        ("bash", "sleep 321 & echo $! >pids; disown"),
        ("sh", "nohup sleep 321 >/dev/null 2>&1 & echo $! >pids"),
        ("sh", "trap '' TERM HUP; sleep 321 & echo $! >pids"),
        pytest.param("sh", DAEMON, marks=LINUX),
        pytest.param("sh", "(setsid sh -c 'exec env -i sh -c \"echo \\$\\$ >pids; exec sleep 321\"' &) ; "
                     "until [ -s pids ]; do sleep 0.05; done", marks=LINUX),
    ],
)  # fmt: skip
def test_processes_that_the_command_started_are_ended_with_it(shell: str, script: str, desk: Terminal) -> None:
    # The name is that of the program that the process executes by then.
    become = "; until ps -o comm= -p $(cat pids) | grep -qx sleep; do sleep 0.05; done; exit 0"
    done = desk.run(*OPEN, "--", shell, "-c", script + become)
    assert done.returncode == 0
    (pid,) = pids(desk)
    assert not is_running(pid)
    assert f"ended with the command that had started it: sleep (pid {pid})" in done.stderr
    record = last_record(desk)
    assert (record["ended_with_it"], record["still_running"]) == ([f"sleep (pid {pid})"], [])


# Clears its environment, becomes a daemon by two forks, and can't be inspected, like ssh-agent.
HIDDEN = """
import ctypes, os, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
with open("pids", "w") as file: file.write(str(os.getpid()))
time.sleep(321)
"""


@LINUX
def test_a_daemon_whose_environment_cannot_be_read_is_ended(desk: Terminal) -> None:
    desk.folder.joinpath("hidden.py").write_text(HIDDEN)
    script = f"{shlex.quote(sys.executable)} hidden.py; until [ -s pids ]; do sleep 0.05; done"
    assert desk.run(*OPEN, "--", "sh", "-c", script).returncode == 0
    assert not is_running(*pids(desk))


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="there is no ssh-agent")
def test_an_ssh_agent_is_ended(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--", "sh", "-c", f"eval $(ssh-agent -a {desk.folder}/s); echo $SSH_AGENT_PID >pids")
    assert done.returncode == 0
    assert not is_running(*pids(desk))


STOPS = {
    "itself": "kill -STOP $$",
    "the watchdog": "kill -STOP $PPID",
    "the helper": "kill -STOP $(ps -o ppid= -p $PPID)",
}


@LINUX
@pytest.mark.parametrize("mode", ["", "--raw-token"], ids=["read-only", "raw token"])
@pytest.mark.parametrize("stopped", ["itself", "the watchdog", "the helper"])
def test_the_session_ends_also_if_its_processes_are_stopped(stopped: str, mode: str, desk: Terminal) -> None:
    script = f"sleep 321 & echo $$ $! >pids; {DAEMON}; {STOPS[stopped]}; while :; do sleep 0.1; done"
    began = time.monotonic()
    done = desk.run(*OPEN, *mode.split(), "--duration", "2s", "--", "sh", "-c", script)
    assert done.returncode == 124
    assert time.monotonic() - began < 40
    assert [each for each in pids(desk) if is_running(each)] == []
    assert "the time is over" in done.stderr
    assert last_record(desk)["ended"] == "time over"


@LINUX
def test_a_command_that_stops_itself_does_not_stop_the_timeout_around_it(desk: Terminal) -> None:
    session = shlex.join([str(COMMAND), *OPEN, "--duration", "3s", "--", "sh", "-c", "kill -STOP $$"])
    done = subprocess.run(
        ["sh", "-c", f"timeout 60 {session}"], env=desk.environment(), capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 124
    assert "the time is over" in done.stderr


def without_capability_to_kill() -> None:
    """PR_CAPBSET_DROP of CAP_KILL, https://man7.org/linux/man-pages/man7/capabilities.7.html"""
    ctypes.CDLL(None).prctl(24, 5, 0, 0, 0)


FOREIGN = """
import os
pid = os.fork()
if not pid:
    os.setsid()
    os.setuid(65534)
    for stream in (1, 2): os.dup2(os.open("/dev/null", os.O_WRONLY), stream)
    os.execv("/bin/sleep", ["sleep", "60"])
with open("pids", "w") as file: file.write(str(pid))
"""


@LINUX
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")
def test_a_process_that_cannot_be_ended_is_named(desk: Terminal) -> None:
    """Like a setuid program, which belongs to another user."""
    desk.folder.joinpath("foreign.py").write_text(FOREIGN)
    session = [str(COMMAND), *OPEN, "--", sys.executable, "foreign.py"]
    done = subprocess.run(
        session,
        preexec_fn=without_capability_to_kill,
        env=desk.environment(),
        cwd=desk.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (pid,) = pids(desk)
    try:
        assert done.returncode == 0
        assert is_running(pid)
        assert f"STILL RUNNING, since they could not be ended: sleep (pid {pid})" in done.stderr
        assert last_record(desk)["still_running"] == [f"sleep (pid {pid})"]
    finally:
        os.kill(pid, 9)


@LINUX
def test_when_the_helper_is_killed_a_daemon_is_ended_as_well(desk: Terminal) -> None:
    script = f"{DAEMON}; kill -KILL $(ps -o ppid= -p $PPID); sleep 321"
    done = desk.run(*OPEN, "--", "sh", "-c", script)
    assert done.returncode == -9
    (pid,) = pids(desk)
    end = time.monotonic() + 30
    while is_running(pid):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert "its helper died, and its access is gone" in done.stderr


def test_many_processes_that_ignore_their_end_are_ended(desk: Terminal) -> None:
    script = "i=0; while [ $i -lt 60 ]; do (while :; do sleep 0.2; done) & i=$((i+1)); done; trap '' TERM; sleep 321"
    done = desk.run(*OPEN, "--duration", "2s", "--", "sh", "-c", script)
    assert done.returncode == 124
    assert last_record(desk)["still_running"] == []
    assert len(last_record(desk)["ended_with_it"]) == 11, "ten names, and how many more"


# It has another process id each time a list of processes is read.
HOPPING = """
import os, signal, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
os.setsid()
end = time.monotonic() + 60
while time.monotonic() < end:
    open("beat", "w").close()
    if os.fork(): os._exit(0)
"""


@LINUX
def test_a_process_that_forks_and_exits_in_turn_is_ended(desk: Terminal) -> None:
    desk.folder.joinpath("hopping.py").write_text(HOPPING)
    script = f"{shlex.quote(sys.executable)} hopping.py & until [ -e beat ]; do sleep 0.05; done"
    assert desk.run(*OPEN, "--", "sh", "-c", script).returncode == 0
    beat = desk.folder / "beat"
    beat.unlink()
    time.sleep(0.5)
    assert not beat.exists()


# The same, many at once, in a faster language.
SWARM = """
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    time_t end = time(0) + 60;
    for (int each = 0; each < 8; each++) {
        if (fork()) continue;
        signal(SIGTERM, SIG_IGN);
        setsid();
        while (time(0) < end) {
            close(open("beat", O_CREAT | O_WRONLY, 0600));
            if (fork() > 0) _exit(0);
        }
        _exit(0);
    }
}
"""


@LINUX
@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_a_swarm_of_processes_that_fork_and_exit_is_ended_in_time(desk: Terminal) -> None:
    subprocess.run(["cc", "-x", "c", "-", "-o", desk.folder / "swarm"], input=SWARM, text=True, check=True)
    began = time.monotonic()
    assert desk.run(*OPEN, "--", "sh", "-c", "./swarm; until [ -e beat ]; do sleep 0.05; done").returncode == 0
    assert time.monotonic() - began < 30
    beat = desk.folder / "beat"
    beat.unlink()
    time.sleep(0.5)
    assert not beat.exists()
