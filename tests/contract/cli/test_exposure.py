"""Places from which a child of a session can read the real credential, and the warning about them."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal

OPEN: Final = f"{shlex.quote(str(COMMAND))} masquerade acme-corp --reason 'INC-1234 ingest check' --ci"
EXPOSED: Final = "CREDENTIAL EXPOSED"


@pytest.fixture(autouse=True)
def customer(emulator: Emulator) -> None:
    emulator.seed(shortname="acme-corp")


def shell(bare: Terminal, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a bash that is the parent of the processes that it starts."""
    done = subprocess.run(
        ["bash", "-c", f"{script}\nexit $?"],
        cwd=bare.folder,
        env=bare.environment(**environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def start(folder: Path) -> dict[str, Any]:
    lines = (folder / ".local" / "state" / "pulumi-fusion" / "audit.jsonl").read_text().splitlines()
    record: dict[str, Any] = json.loads(lines[0])
    assert record["event"] == "start"
    return record


def warning_of(done: subprocess.CompletedProcess[str], emulator: Emulator) -> str:
    """Return the line of the warning, which must contain no secret."""
    lines = [line for line in done.stderr.splitlines() if EXPOSED in line]
    assert len(lines) == 1, done.stderr
    assert emulator.netosecret not in done.stderr
    assert "a file that only another user can read" in lines[0]
    return lines[0]


def test_a_credential_in_the_environment_of_the_calling_shell_is_reported(
    bare: Terminal, emulator: Emulator, tmp_path: Path
) -> None:
    done = shell(bare, f"{OPEN} -- sh -c \"tr '\\0' '\\n' < /proc/$$/environ\"", NETOSECRET=emulator.netosecret)
    assert f"NETOSECRET={emulator.netosecret}" in done.stdout, "the warning is true"
    line = warning_of(done, emulator)
    named = re.search(r"the environment of (bash [0-9]+)[.;]", line)
    assert named, line
    assert start(tmp_path)["exposed"] == [named[1]]


def test_a_copy_in_another_variable_of_the_calling_shell_is_reported(
    bare: Terminal, emulator: Emulator, tmp_path: Path
) -> None:
    copy = base64.encodebytes(base64.b64encode(emulator.netosecret.encode())).decode()
    (tmp_path / "credential").write_text(emulator.netosecret)
    done = shell(bare, f"FUSION_NETOSECRET_FILE=<(cat credential) {OPEN} -- true", OTHER=copy)
    assert re.search(r"the environment of bash [0-9]+\.", warning_of(done, emulator))


def test_a_credential_of_another_account_is_reported(bare: Terminal, emulator: Emulator, tmp_path: Path) -> None:
    """The real credential of a parent process, during a rehearsal with the emulator."""
    (tmp_path / "credential").write_text(emulator.netosecret)
    script = f'NETOSECRET="$(cat credential)" {OPEN} -- true'
    done = shell(bare, script, NETOSECRET=emulator.key("acme-corp"))
    assert re.search(r"the environment of bash [0-9]+\.", warning_of(done, emulator))


def test_a_credential_in_the_arguments_of_the_calling_shell_is_reported(
    bare: Terminal, emulator: Emulator, tmp_path: Path
) -> None:
    done = shell(bare, f"NETOSECRET={emulator.netosecret} {OPEN} -- true")
    assert re.search(r"the arguments of bash [0-9]+\.", warning_of(done, emulator))
    assert len(start(tmp_path)["exposed"]) == 1


@pytest.mark.parametrize("how", ["by its name", "from home", "as stdin"])
def test_a_credential_file_of_this_user_is_reported(
    bare: Terminal, emulator: Emulator, tmp_path: Path, how: str
) -> None:
    file = tmp_path / "credential"
    file.write_text(f"{emulator.netosecret}\n")
    script = {
        "by its name": f"FUSION_NETOSECRET_FILE={file} {OPEN} -- cat {file}",
        "from home": f"FUSION_NETOSECRET_FILE='~/credential' {OPEN} -- cat {file}",
        "as stdin": f"FUSION_NETOSECRET_FILE=/dev/stdin {OPEN} -- cat {file} < {file}",
    }[how]
    done = shell(bare, script)
    assert emulator.netosecret in done.stdout, "the warning is true"
    assert f"the file {file}." in warning_of(done, emulator)
    assert start(tmp_path)["exposed"] == ["FUSION_NETOSECRET_FILE"]


@pytest.mark.parametrize("how", ["a pipe", "a variable of one command", "none above"])
@pytest.mark.threat("reads-the-credential")
def test_without_an_exposure_no_warning_is_printed(
    bare: Terminal, emulator: Emulator, tmp_path: Path, how: str
) -> None:
    (tmp_path / "credential").write_text(emulator.netosecret)
    if how == "none above":
        done = bare.run(*shlex.split(OPEN)[1:], "--", "true", NETOSECRET=emulator.netosecret)
    else:
        script = {
            "a pipe": f"FUSION_NETOSECRET_FILE=<(cat credential) {OPEN} -- true",
            "a variable of one command": f'read -r held < credential; NETOSECRET="$held" {OPEN} -- true',
        }[how]
        (tmp_path / "script").write_text(script)
        done = shell(bare, ". ./script", UNRELATED=base64.b64encode(b"nothing that anybody would hide").decode())
    assert EXPOSED not in done.stderr
    assert start(tmp_path)["exposed"] == []


OTHER_USER: Final = """
import os, sys
from pulumi_fusion.redaction import Secret
from pulumi_fusion.sessions.exposure import exposures
secret = Secret(os.environ["HELD"])
if (pid := os.fork()) == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    print("another user", [each.name.split()[0] for each in exposures(None)], flush=True)
    os._exit(0)
os.waitpid(pid, 0)
if os.fork() == 0:
    print("the same user", len(exposures(None)), flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.threat("reads-the-credential")
def test_a_process_of_another_user_is_not_readable(tmp_path: Path) -> None:
    environ = {"PATH": os.defpath, "HELD": "a-secret-of-another-user-0123456789"}
    done = subprocess.run(
        [sys.executable, "-c", OTHER_USER], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "another user []\nthe same user 1\n"
