"""The messages and exit codes of commands that fail."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal


@pytest.mark.parametrize("verb", ["customers", "types"])
def test_without_a_credential_every_source_of_it_is_named(bare: Terminal, verb: str) -> None:
    done = bare.run(verb)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    for way in ("NETOSECRET", "FUSION_NETOSECRET_FILE", "does not read a stack's configuration"):
        assert way in done.stderr


def test_a_malformed_credential_is_not_quoted(bare: Terminal) -> None:
    done = bare.run("customers", NETOSECRET="!not-base64-but-secret!")
    assert done.returncode == 1
    assert "netosecret" in done.stderr
    assert "not-base64-but-secret" not in done.stderr


def test_a_refusal_of_the_service_is_one_message(terminal: Terminal, emulator: Emulator) -> None:
    emulator.faults.add("GET /customers 403")
    done = terminal.run("customers")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: Could not list the customers")
    assert "403" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_api_url_option_overrides_the_environment(terminal: Terminal) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        done = terminal.run("customers", "--api-url", nowhere, FUSION_DEADLINE="1")
    assert done.returncode == 1
    assert "Error: Could not list the customers" in done.stderr


def test_an_interrupted_command_prints_no_traceback(terminal: Terminal, emulator: Emulator) -> None:
    emulator.faults.add("GET /customers hang")
    with terminal.start("customers") as process:
        # After the service received the request, the command waits for a response that is never sent.
        while not emulator.requests.of("GET", "/customers"):
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout + stderr.strip() == ""


def test_an_output_that_cannot_be_written_is_reported(terminal: Terminal) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "types", "--json"],
            env=terminal.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "Error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_defect_is_one_line_without_debug_and_never_shows_a_secret(
    terminal: Terminal, tmp_path: Path, debug: str
) -> None:
    credential = json.loads(base64.b64decode(terminal.environ["NETOSECRET"] + "=="))
    # Python runs this module first: https://docs.python.org/3/library/site.html#module-sitecustomize
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "from pulumi_fusion import FusionClient\n"
        "def broken(client):\n"
        "    raise RuntimeError('broken by ' + os.environ['NETOSECRET'] + ' ' + os.environ['SHARED'])\n"
        "FusionClient.list_customers = broken\n"
    )
    environ = {"PYTHONPATH": str(tmp_path), "FUSION_DEBUG": debug, "SHARED": credential["sharedsecret"]}
    with terminal.start("customers", **environ) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (70, "")
    assert ("Traceback" in stderr) == bool(debug)
    assert "RuntimeError: broken by" in stderr
    assert debug or stderr.count("\n") == 1
    assert terminal.environ["NETOSECRET"] not in stderr
    assert credential["sharedsecret"] not in stderr
