"""A session inside programs with which pipelines start commands."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, SCRIPTS, Terminal

SESSION = (str(COMMAND), "masquerade", "acme-corp", "--reason", "lab test of it", "--ci")
CHECK = ("--", "pulumi-fusion", "customers", "--json")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        running.seed("acme-corp", type="reseller")
        running.seed("acme-east", parent="acme-corp")
        yield running


@pytest.fixture
def desk(tmp_path: Path, emulator: Emulator) -> Terminal:
    audit = str(tmp_path / "audit.jsonl")
    return Terminal(tmp_path, {"NETOSECRET": emulator.netosecret, "FUSION_AUDIT_FILE": audit})


def launch(
    command: Sequence[str], desk: Terminal, *, drop: Sequence[str] = (), **more: str
) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in desk.environment(**more).items() if name not in drop}
    done = subprocess.run(
        command, cwd=desk.folder, env=environ, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def events(desk: Terminal) -> list[str]:
    lines = desk.folder.joinpath("audit.jsonl").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines]


def has_customers(text: str) -> bool:
    return [each["shortname"] for each in json.loads(text)] == ["acme-east"]


@pytest.mark.parametrize(
    "launcher",
    [
        ("timeout", "60"),
        ("timeout", "--foreground", "60"),
        ("nohup",),
        ("setsid", "--wait"),
        ("nice",),
        ("env",),
        ("stdbuf", "-oL"),
        ("sh", "-c", '"$@"', "sh"),
        ("bash", "-c", 'exec "$@"', "bash"),
        ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"),
    ],
    ids=" ".join,
)
def test_a_session_runs_inside_a_launcher(launcher: tuple[str, ...], desk: Terminal) -> None:
    if not shutil.which(launcher[0]):
        return  # another system has other launchers
    done = launch([*launcher, *SESSION, *CHECK], desk)
    assert done.returncode == 0, done.stderr
    assert has_customers(done.stdout)
    assert events(desk) == ["start", "end"]


def test_when_timeout_ends_it_the_command_ends_and_the_record_is_written(desk: Terminal) -> None:
    began = time.monotonic()
    done = launch(["timeout", "5", *SESSION, "--", "sleep", "321"], desk)
    assert done.returncode == 124
    assert time.monotonic() - began < 60
    assert "ended by SIGTERM" in done.stderr
    assert events(desk) == ["start", "end"]


def test_xargs_opens_one_session_after_another(desk: Terminal) -> None:
    desk.folder.joinpath("names").write_text("one\ntwo\nthree\n")
    line = f"xargs -n 1 {shlex.join([*SESSION, '--', 'echo'])} <names"
    done = launch(["sh", "-c", line], desk)
    assert (done.returncode, done.stdout.split()) == (0, ["one", "two", "three"]), done.stderr
    assert events(desk) == ["start", "end"] * 3


def test_xargs_opens_concurrent_sessions(desk: Terminal) -> None:
    line = f"printf '%s\\n' 1 2 3 4 | xargs -P 4 -n 1 {shlex.join([*SESSION, '--', 'echo'])}"
    done = launch(["sh", "-c", line], desk)
    assert (done.returncode, sorted(done.stdout.split())) == (0, ["1", "2", "3", "4"]), done.stderr
    assert sorted(events(desk)) == ["end"] * 4 + ["start"] * 4
    assert desk.run("audit").returncode == 0


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_and_its_job_server_reach_the_command(desk: Terminal) -> None:
    """The command inherits the descriptors of make, so a make inside it uses the same job server."""
    session = shlex.join([*SESSION, "--"])
    desk.folder.joinpath("Makefile").write_text(
        f"all:\n\t+{session} $(MAKE) -f inner.mk\nfailing:\n\t{session} sh -c 'exit 3'\n"
    )
    desk.folder.joinpath("inner.mk").write_text("all: a b\na b:\n\t@echo made $@\n")
    done = launch(["make", "-j2", "all"], desk)
    assert done.returncode == 0, done.stderr
    assert "jobserver unavailable" not in done.stderr
    assert {"made a", "made b"} <= {*done.stdout.splitlines()}
    assert launch(["make", "failing"], desk).returncode == 2


@pytest.mark.parametrize(
    ("drop", "more"),
    [
        (("HOME",), {}),
        (("HOME",), {"LANG": "C", "SYSTEMD_EXEC_PID": "1", "INVOCATION_ID": "0" * 32, "JOURNAL_STREAM": "8:1"}),
        ((), {"SHELL": "/bin/sh", "LOGNAME": "someone", "LANG": "C", "LC_ALL": "POSIX"}),
        (("HOME",), {"HOME": "/nonexistent", "TERM": "dumb", "CI": "true"}),
    ],
    ids=["no HOME", "as systemd", "as cron", "as a container in CI"],
)
def test_a_session_runs_in_a_bare_environment(drop: tuple[str, ...], more: dict[str, str], desk: Terminal) -> None:
    paths = f"{SCRIPTS}:/usr/bin:/bin"
    done = launch([*SESSION, *CHECK], desk, drop=[each for each in drop if each not in more], PATH=paths, **more)
    assert done.returncode == 0, done.stderr
    assert has_customers(done.stdout)
    assert events(desk) == ["start", "end"]


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root can become a user without a name")
def test_a_session_runs_as_a_user_id_without_a_name(desk: Terminal) -> None:
    """Like in containers. It keeps root's permissions on files, since the interpreter may be in root's home."""
    keep = ["setpriv", "--reuid", "54321", "--clear-groups", "--inh-caps", "+dac_override", "--ambient-caps"]
    if shutil.which("setpriv"):
        done = launch([*keep, "+dac_override", *SESSION, *CHECK], desk)
        assert done.returncode == 0, done.stderr
        assert has_customers(done.stdout)


def test_extra_descriptors_reach_the_command(desk: Terminal) -> None:
    line = f"{shlex.join([*SESSION, '--', 'sh', '-c', 'cat <&7; echo out >&8'])} 7<given 8>taken"
    desk.folder.joinpath("given").write_text("text\n")
    done = launch(["sh", "-c", line], desk)
    assert (done.returncode, done.stdout) == (0, "text\n"), done.stderr
    assert desk.folder.joinpath("taken").read_text() == "out\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_no_descriptor_of_the_helper_reaches_the_command(desk: Terminal) -> None:
    done = launch([*SESSION, "--", "ls", "/proc/self/fd"], desk)
    assert done.stdout.split() == ["0", "1", "2", "3"], "the standard streams, and the one that ls reads"
