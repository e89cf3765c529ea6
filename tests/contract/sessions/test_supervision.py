"""How a session ends, by any cause, and that only its helper has the credential."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.sessions import supervision
from tests.contract.cli.terminal import COMMAND, Process, Terminal
from tests.processes import is_running
from tests.waiting import wait_until

OPEN = ("masquerade", "acme-corp", "--reason", "INC-1234 ingest check", "--ci")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="nowhere else can one process look into another like this")


@pytest.fixture
def desk(tmp_path: Path, shared_emulator: Emulator) -> Terminal:
    tmp_path.joinpath("tmp").mkdir()
    return Terminal(tmp_path, {"NETOSECRET": shared_emulator.netosecret, "TMPDIR": str(tmp_path / "tmp")})


def written(path: Path) -> str:
    """Wait for a line, and return it."""
    return str(wait_until(lambda: path.exists() and path.read_text().endswith("\n") and path.read_text())).strip()


def audited(desk: Terminal) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in desk.run("audit", "--json").stdout.splitlines()]


@pytest.mark.parametrize(
    ("command", "code", "how"),
    [
        ("exit 0", 0, "exit code 0"),
        ("exit 7", 7, "exit code 7"),
        ("kill -TERM $$", 143, "ended by SIGTERM"),
        ("kill -KILL $$", 137, "ended by SIGKILL"),
        pytest.param("kill -37 $$", 165, "ended by signal 37", marks=LINUX),
    ],
)
def test_the_exit_code_is_that_of_the_command(command: str, code: int, how: str, desk: Terminal) -> None:
    done = desk.run(*OPEN, "--", "sh", "-c", command)
    assert done.returncode == code
    assert how in done.stderr.splitlines()[-1]
    end = audited(desk)[-1]
    assert (end["event"], end["ended"], end["exit_code"]) == ("end", how, code)


def test_a_command_that_does_not_exist_opens_no_session(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--", "no-such-command")
    assert (done.returncode, done.stderr) == (127, "Error: no command 'no-such-command' to run\n")
    assert audited(desk) == []


def test_a_command_that_cannot_be_run_is_reported_and_recorded(desk: Terminal) -> None:
    script = desk.folder / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    done = desk.run(*OPEN, "--", "./script")
    assert done.returncode == 126
    assert "the command couldn't be started: No such file or directory" in done.stderr.splitlines()[-1]
    assert audited(desk)[-1]["exit_code"] == 126


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_signals_are_forwarded_to_the_command(number: signal.Signals, desk: Terminal) -> None:
    name = number.name.removeprefix("SIG")
    script = f"trap 'exit 42' {name}; echo up; while :; do sleep 0.05; done"
    with desk.start(*OPEN, "--", "sh", "-c", script) as helper:
        assert helper.stdout is not None
        assert helper.stdout.readline() == "up\n"
        helper.send_signal(number)
        helper.communicate(timeout=60)
    assert helper.returncode == 42


BLOCKED = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_signals_that_were_blocked_are_forwarded_as_well(desk: Terminal) -> None:
    script = "trap 'exit 42' TERM; kill -TERM $(ps -o ppid= -p $PPID); while :; do sleep 0.05; done"
    session = [sys.executable, "-c", BLOCKED, str(COMMAND), *OPEN, "--duration", "20s", "--", "sh", "-c", script]
    done = subprocess.run(session, env=desk.environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 42, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_was_stopped_is_ended_by_a_signal_as_well(number: signal.Signals, desk: Terminal) -> None:
    with desk.start(*OPEN, "--", "sh", "-c", "echo $$ >pid; kill -STOP $$") as helper:
        pid = written(desk.folder / "pid")
        wait_until(
            lambda: subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout[0] == "T"
        )
        helper.send_signal(number)
        helper.communicate(timeout=60)
    assert helper.returncode == 128 + number


def test_an_ignored_signal_stays_ignored_in_the_command(desk: Terminal) -> None:
    """As nohup(1) requires."""
    session = shlex.join([str(COMMAND), *OPEN, "--", "sh", "-c", "kill -HUP $$ $PPID; echo survived"])
    done = subprocess.run(
        ["sh", "-c", f"trap '' HUP; {session}"], env=desk.environment(), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "survived\n")


def test_closed_standard_streams_are_opened_as_null_device(desk: Terminal) -> None:
    session = shlex.join([str(COMMAND), *OPEN, "--", "sh", "-c", "echo no; read -r word; echo $? >out"])
    done = subprocess.run(["sh", "-c", f"{session} <&- >&- 2>&-"], cwd=desk.folder, env=desk.environment(), timeout=60)
    assert (done.returncode, written(desk.folder / "out")) == (0, "1")
    assert audited(desk)[-1]["exit_code"] == 0


def test_a_signal_before_the_start_prevents_the_command(capfd: pytest.CaptureFixture[str]) -> None:
    child = supervision.Child("/bin/sh", ("sh", "-c", "touch started"), {}, False, ("A", "B"), "")
    with supervision.catch_signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        ended = supervision.supervise(child, signals, remaining=lambda: 60, warn=lambda: None, over=lambda: None)
    assert ended[:2] == (143, "ended by SIGTERM before it began")
    assert capfd.readouterr().err == ""


STUBBORN = """
import os, pathlib, signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
if len(sys.argv) == 1:
    near = subprocess.Popen([sys.executable, __file__, "job"])
    # Like the jobs of a shell, in separate groups; the last one is stopped and receives no signal.
    far = subprocess.Popen([sys.executable, __file__, "job"], start_new_session=True)
    stopped = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    os.kill(stopped.pid, signal.SIGSTOP)
    pathlib.Path("pids").write_text(f"{os.getpid()} {near.pid} {far.pid} {stopped.pid}\\n")
while True: time.sleep(1)
"""


def test_when_the_time_is_over_processes_that_ignore_term_are_killed(desk: Terminal, shared_emulator: Emulator) -> None:
    desk.folder.joinpath("stubborn.py").write_text(STUBBORN)
    began = time.monotonic()
    done = desk.run(*OPEN, "--duration", "2s", "--", sys.executable, "stubborn.py")
    took = time.monotonic() - began
    assert done.returncode == 124
    assert 7 <= took < 60, "two seconds of session and five of grace, and what starting takes"
    assert not any(is_running(int(pid)) for pid in written(desk.folder / "pids").split())
    over, also, end = done.stderr.splitlines()[-3:]
    assert over == "!! MASQUERADE acme-corp (read-only): the time is over, and its access is gone"
    assert also.startswith("!! ended with the command that had started it: python")
    assert "time over" in end
    record = audited(desk)[-1]
    assert record["ended"] == "time over"
    assert len(record["ended_with_it"]) == 3


# Records when the endpoint stops responding.
WATCH = """
import base64, json, os, pathlib, signal, socket, sys, time, urllib.parse
signal.signal(signal.SIGTERM, lambda *_: pathlib.Path("received").write_text("TERM\\n") and sys.exit())
url = json.loads(base64.b64decode(os.environ["NETOSECRET"]))["url"]
address = urllib.parse.urlsplit(url)
pathlib.Path("up").write_text(f"{os.getpid()} {os.getppid()} {address.port}\\n")
while True: signal.pause()
"""


def test_when_the_helper_is_killed_the_access_and_the_command_end(desk: Terminal) -> None:
    desk.folder.joinpath("watch.py").write_text(WATCH)
    with desk.start(*OPEN, "--", sys.executable, "watch.py") as helper:
        child, _, port = map(int, written(desk.folder / "up").split())
        socket.create_connection(("127.0.0.1", port)).close()
        helper.kill()
        helper.wait()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        assert written(desk.folder / "received") == "TERM"
        wait_until(lambda: not is_running(child))
        _, stderr = helper.communicate(timeout=60)
    assert (
        "!! MASQUERADE acme-corp (read-only): its helper died, and its access is gone. Its processes are ended"
        in stderr
    )
    assert not [*desk.folder.joinpath("tmp").iterdir()]

    again = desk.run(*OPEN, "--", "true")
    assert again.stderr.startswith("!! the audit has a session without an end: inside 'acme-corp' by ")
    assert [each["event"] for each in audited(desk)] == ["start", "unclosed", "start", "end"]


def everywhere(pids: set[int]) -> Iterator[tuple[str, bytes]]:
    """Return what another process of this user can read of these: command lines, environments, open files."""
    for pid in pids:
        folder = Path(f"/proc/{pid}")
        for name in ("cmdline", "environ"):
            with contextlib.suppress(PermissionError):  # only root looks into the helper
                yield f"{name} of {pid}", (folder / name).read_bytes()
        with contextlib.suppress(PermissionError):
            for each in (folder / "fd").iterdir():
                target = each.readlink()
                if target.is_file():
                    yield f"{target} of {pid}", target.read_bytes()
                elif str(target).startswith("pipe:"):
                    yield f"{target} of {pid}", waiting_in(each)


def waiting_in(pipe: Path) -> bytes:
    """Return the content of a pipe, as another process that opens it would read it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(descriptor, 65536)
        finally:
            os.close(descriptor)
    return b""


def family(top: int) -> set[int]:
    """Return a process and all its descendants."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = {top}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


@LINUX
@pytest.mark.threat("outlives-the-end")
def test_when_the_watchdog_is_killed_the_session_ends(desk: Terminal) -> None:
    script = "(setsid env -i sleep 1000 & echo $! >daemon); kill -KILL $PPID; sleep 1000"
    done = desk.run(*OPEN, "--", "sh", "-c", script)
    assert done.returncode == 125
    assert "ended, since its watchdog was ended" in done.stderr.splitlines()[-1]
    assert not is_running(int(written(desk.folder / "daemon")))
    assert audited(desk)[-1]["exit_code"] == 125


def parts(netosecret: str) -> list[bytes]:
    document = base64.b64decode(netosecret + "==")
    fields = json.loads(document)
    return [netosecret.encode(), document, fields["sharedsecret"].encode(), fields["appkey"].encode()]


# A JSON Web Token, like the service's access tokens; a child that requested none has none.
TOKEN = re.compile(rb"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")


def hits(desk: Terminal, top: int, netosecret: str) -> set[str]:
    """Return where the credential, a part of it, or a token is visible."""
    files = [each for each in desk.folder.rglob("*") if each.is_file()]
    texts = [*everywhere(family(top)), *((str(each), each.read_bytes()) for each in files)]
    secrets = parts(netosecret)
    return {where for where, text in texts if TOKEN.search(text) or any(secret in text for secret in secrets)}


@LINUX
@pytest.mark.parametrize("mode", [[], ["--write"], ["--raw-token"]], ids=" ".join)
def test_the_credential_is_in_the_memory_of_the_helper_alone(
    mode: list[str], desk: Terminal, shared_emulator: Emulator
) -> None:
    script = "pulumi-fusion customers >&2; sh -c 'sleep 1000 & echo $PPID $! >ready; wait'; :"
    with desk.start(*OPEN, *mode, "--", "sh", "-c", script) as helper:
        child, grandchild = written(desk.folder / "ready").split()
        found = family(helper.pid)
        assert {int(child), int(grandchild)} < found and len(found) == 5, "helper, watchdog, child and two below"
        seen = hits(desk, helper.pid, shared_emulator.netosecret)
        helper.terminate()
        helper.communicate(timeout=60)
    if mode == ["--raw-token"]:
        shell = {pid for pid in found if pid > int(child)} - {helper.pid}
        assert {f"environ of {child}", f"environ of {grandchild}"} < seen
        assert seen <= {f"environ of {pid}" for pid in shell | {int(child)}}
    else:
        assert seen == set()


@LINUX
def test_the_memory_search_finds_a_credential(desk: Terminal, shared_emulator: Emulator) -> None:
    sharedsecret, appkey = (part.decode() for part in parts(shared_emulator.netosecret)[2:])
    held = desk.folder / "held"
    held.write_text(appkey)
    reading, writing = os.pipe()
    os.write(writing, shared_emulator.netosecret.encode())
    with Process(
        [sys.executable, "-c", "import signal; signal.pause()", sharedsecret],
        env=desk.environment(),
        pass_fds=[reading],
    ) as control:
        found = hits(desk, control.pid, shared_emulator.netosecret)
        pipe = f"{Path(f'/proc/{control.pid}/fd/{reading}').readlink()} of {control.pid}"
        control.kill()
    os.close(reading)
    os.close(writing)
    assert found == {f"environ of {control.pid}", f"cmdline of {control.pid}", pipe, str(held)}


@LINUX
def test_when_the_watchdog_is_killed_older_children_keep_running(desk: Terminal) -> None:
    """The shell started the reader of the helper's messages before it became the helper."""
    session = shlex.join([str(COMMAND), *OPEN, "--", "sh", "-c", "kill -KILL $PPID; sleep 321"])
    line = f"exec {session} 2> >(cat >log; echo done >>log)"
    done = subprocess.run(["bash", "-c", line], cwd=desk.folder, env=desk.environment(), timeout=60)
    assert done.returncode == 125
    log = desk.folder / "log"
    wait_until(lambda: log.read_text().endswith("done\n"))
    assert "ended, since its watchdog was ended" in log.read_text()
