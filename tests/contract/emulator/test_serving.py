"""The emulator in the foreground, as the command line runs it."""

from __future__ import annotations

import contextlib
import functools
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from fusion_emulator import Emulator, MalformedFault, UnknownSwitch, serve
from tests.contract.cli.terminal import Process
from tests.contract.emulator.caller import Caller
from tests.waiting import wait_until

HOST = """
import sys
from fusion_emulator import serve
sys.exit(serve(command=sys.argv[1:], ready=lambda emulator: print(emulator.url, flush=True)))
"""


def run_command(*command: str) -> int:
    return serve(command=command, environment={**os.environ, "FUSION_API_URL": "https://elsewhere.example"})


def test_a_command_gets_the_credential_and_its_exit_code_is_returned(tmp_path: Path) -> None:
    found = tmp_path / "found"
    script = (
        "import os, pathlib, sys; found = os.environ['NETOSECRET'], os.environ['FUSION_API_URL'];"
        f"pathlib.Path({str(found)!r}).write_text(' '.join(found)); sys.exit(7)"
    )
    assert run_command(sys.executable, "-c", script) == 7
    netosecret, _, url = found.read_text().partition(" ")
    assert url.startswith("http://127.0.0.1:")
    assert Caller(netosecret).secret["url"].startswith(url)


def test_a_command_ended_by_a_signal_returns_128_and_its_number() -> None:
    assert run_command(sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)") == 137


def test_a_missing_command_raises_an_os_error() -> None:
    with pytest.raises(FileNotFoundError):
        run_command("/nonexistent/command")


def test_switches_faults_and_log_of_serve_are_used(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "requests.log"
    seen: list[tuple[int, int]] = []

    def ask(emulator: Emulator) -> None:
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        seen.append((caller.read().status, caller.read().status))

    code = serve(
        switches=["absence=400"],
        faults=["GET /customer/* 503 x1"],
        log=log,
        command=[sys.executable, "-c", ""],
        ready=ask,
    )
    assert (code, seen) == (0, [(503, 400)])
    assert len(log.read_text().splitlines()) == 3


def test_unknown_switches_and_faults_start_nothing() -> None:
    with pytest.raises(UnknownSwitch):
        serve(switches=["nothing=1"])
    with pytest.raises(MalformedFault):
        serve(faults=["nothing"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_serve_with_exit_code_0_and_no_output(number: signal.Signals) -> None:
    with Process([sys.executable, "-c", HOST], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_serve_passes_sigterm_to_its_command() -> None:
    script = (
        "import signal, sys, threading;"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9));"
        "print('child', flush=True); threading.Event().wait()"
    )
    with Process(
        [sys.executable, "-c", HOST, sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.stdout.readline() == "child\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 9


SPINNING = """
import sys
from fusion_emulator import serve, service
def spin(*arguments, **options):
    print("stuck", flush=True)
    while True: pass
service.Service.read = spin
sys.exit(serve(faults=sys.argv[1:], ready=lambda emulator: print(emulator.netosecret, flush=True)))
"""


SIGNALS = pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (signal.SIGINT, signal.SIGINT, 130),
        (signal.SIGINT, signal.SIGTERM, 143),
        (signal.SIGTERM, signal.SIGINT, 130),
    ],
)


@contextlib.contextmanager
def request_under_way(caller: Caller, path: str) -> Iterator[None]:
    parts = urlsplit(caller.secret["url"])
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {caller.token}\r\n\r\n".encode())
        yield


def signal_twice(process: Process, first: int, second: int) -> None:
    """Send a signal, which must not end the process, and another one, which must."""
    process.send_signal(first)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.3)

    def ended() -> bool:
        process.send_signal(second)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.3)
        return process.returncode is not None

    wait_until(ended)


@SIGNALS
def test_a_second_signal_ends_an_emulator_with_a_stuck_thread(first: int, second: int, code: int) -> None:
    with Process(
        [sys.executable, "-c", SPINNING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        caller = Caller(process.stdout.readline().strip())
        caller.authenticate()
        with request_under_way(caller, "/api/v1/customer/acme-one"):
            assert process.stdout.readline() == "stuck\n"
            signal_twice(process, first, second)
        assert (process.returncode, process.stderr.read()) == (code, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_an_emulator_while_requests_wait(number: signal.Signals) -> None:
    arguments = [sys.executable, "-c", SPINNING, "GET /customers hang", "GET /users hang-after"]
    with Process(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        caller = Caller(process.stdout.readline().strip())
        caller.authenticate()
        with request_under_way(caller, "/api/v1/customers"), request_under_way(caller, "/api/v1/users"):
            wait_until(lambda: len(caller.send("GET", "/_emulator/requests").json) == 3)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


@SIGNALS
def test_a_second_signal_kills_a_command_that_ignores_signals_and_what_it_started(
    tmp_path: Path, first: int, second: int, code: int
) -> None:
    script = f"trap '' INT TERM; sleep 600 & echo $$ $! > {tmp_path}/pids; echo child; while :; do sleep 0.1; done"
    with Process(
        [sys.executable, "-c", HOST, "sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.stdout.readline() == "child\n"
        signal_twice(process, first, second)
        assert process.returncode == code
    for child in (tmp_path / "pids").read_text().split():
        wait_until(functools.partial(has_ended, int(child)))


def has_ended(pid: int) -> bool:
    """Return whether a process has ended, also if its parent doesn't wait for it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_terminal_leaves_ctrl_c_to_the_command() -> None:
    """Interactive programs use Ctrl-C many times, and Pulumi twice. SIGTERM still ends everything."""
    script = "trap 'echo INT' INT; trap 'echo TERM' TERM; echo child; while :; do sleep 0.1; done"
    leader, follower = pty.openpty()
    host = [sys.executable, "-c", f"import fcntl, os, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{HOST}"]
    with Process(
        [*host, "sh", "-c", script], stdin=follower, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.stdout.readline() == "child\n"
        for _ in range(3):
            os.write(leader, b"\x03")
            assert process.stdout.readline() == "INT\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "TERM\n"
        os.write(leader, b"\x03")
        assert process.stdout.readline() == "INT\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    os.close(leader)
    os.close(follower)
