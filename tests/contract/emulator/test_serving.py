"""The emulator in the foreground, as the command line runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fusion_emulator import Emulator, MalformedFault, UnknownSwitch, serve
from tests.contract.cli.terminal import Process
from tests.contract.emulator.caller import Caller

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
