"""The messages on a system without POSIX modules."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import Terminal, patched

# On Windows, Python lacks these modules.
WINDOWS = """
import platform, sys
for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios"):
    sys.modules[name] = None
platform.system = lambda: "Windows"
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("emulator", "--", "true"),
        ("masquerade", "acme-corp", "--reason", "INC-1234 ingest check", "--", "true"),
        ("masquerade", "--help"),
        ("audit",),
        ("plugin", "install"),
    ],
    ids=" ".join,
)
def test_a_command_that_needs_posix_explains_that_on_windows(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    done = terminal.run(*arguments, **patched(terminal.folder, WINDOWS))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert "runs only on POSIX systems, and this is Windows" in done.stderr
    assert "pip install" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("customers",), ("types",), ("doctor", "--json")])
def test_commands_without_posix_work_on_windows(
    terminal: Terminal, emulator: Emulator, arguments: tuple[str, ...]
) -> None:
    emulator.seed(shortname="acme-corp")
    done = terminal.run(*arguments, **patched(terminal.folder, WINDOWS))
    assert done.stderr == ""
    assert done.returncode == (1 if "doctor" in arguments else 0), done.stderr  # the doctor misses an engine
    assert done.stdout


@pytest.mark.parametrize("name", ["masquerade", "Session"])
def test_a_program_that_needs_posix_gets_the_explanation_on_windows(terminal: Terminal, name: str) -> None:
    program = (
        f"import pulumi_fusion; pulumi_fusion.Customer, pulumi_fusion.FusionClient; from pulumi_fusion import {name}"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=terminal.environment(**patched(terminal.folder, WINDOWS)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"ImportError: pulumi_fusion.{name} runs only on POSIX systems, and this is Windows" in done.stderr
