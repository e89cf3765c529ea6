"""A session on an unusual machine: no temporary folder, a change of clocks, another interpreter."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.contract.cli.terminal import COMMAND, Terminal, patched

SESSION = ("masquerade", "acme-corp", "--reason", "INC-1234 ingest check", "--ci")


def test_a_command_needs_no_temporary_folder(desk: Terminal) -> None:
    nowhere = patched(
        desk.folder,
        "import tempfile\n"
        "def gettempdir(): raise FileNotFoundError(2, 'No usable temporary directory found')\n"
        "tempfile.gettempdir = tempfile._get_default_tempdir = gettempdir\n",
    )
    done = desk.run(*SESSION, "--", "echo", "done", **nowhere)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_the_end_in_local_time_is_right_over_a_change_of_clocks(desk: Terminal) -> None:
    now = int(time.time())
    # Summer time begins in five minutes: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html, TZ
    begins = datetime.fromtimestamp(now + 300, timezone.utc)
    day = begins.timetuple().tm_yday
    zone = f"AAA0BBB,{day - 1}/{begins:%H:%M:%S},{(day + 60) % 365}/0"
    done = desk.run(*SESSION, "--", "true", TZ=zone)
    (shown,) = [line for line in done.stderr.splitlines() if "until" in line]
    expected = {
        datetime.fromtimestamp(now + 900 + 3600 + late, timezone.utc).strftime("%H:%M:%S BBB") for late in range(60)
    }
    assert shown.rpartition("until ")[2].strip() in expected


# An interpreter whose library is in an unusual place; only bash can start a program with another name.
NEEDY = """\
#!/bin/bash
if [ "$LD_LIBRARY_PATH" != /needed ]; then
    echo "python: error while loading shared libraries: libpython3.so.1: cannot open shared object file" >&2
    exit 127
fi
exec -a "$0" {python} "$@"
"""


def needy(folder: Path) -> list[str]:
    """Run the command line by such an interpreter."""
    python = folder / "needy" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(NEEDY.format(python=shlex.quote(str(Path(sys.executable).resolve()))))
    python.chmod(0o755)
    (folder / "needy" / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    return [str(python), str(COMMAND)]


def test_the_watchdog_keeps_variables_that_its_interpreter_needs(desk: Terminal) -> None:
    environ = desk.environment(LD_LIBRARY_PATH="/needed", PYTHONPATH=":".join(each for each in sys.path if each))
    done = subprocess.run(
        [*needy(desk.folder), *SESSION, "--", "echo", "done"],
        env=environ,
        cwd=desk.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_a_watchdog_that_does_not_start_is_reported_and_nothing_runs(desk: Terminal) -> None:
    broken = patched(
        desk.folder,
        "import sys\n"
        "if 'sessions.watchdog' in ' '.join(sys.orig_argv): sys.exit('python: cannot open libneeded.so.1')\n",
    )
    done = desk.run(*SESSION, "--", "touch", "started", **broken)
    assert done.returncode == 126
    assert "the watchdog" in done.stderr
    assert "python: cannot open libneeded.so.1" in done.stderr
    assert not (desk.folder / "started").exists()


def run(command: list[str], desk: Terminal) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=desk.environment(), cwd=desk.folder, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root can make a namespace")
@pytest.mark.threat("outlives-the-end")
def test_nothing_runs_if_proc_belongs_to_another_namespace(desk: Terminal) -> None:
    """The process ids in a /proc of another namespace belong to unrelated processes."""
    session = [str(COMMAND), *SESSION, "--", "touch", "started"]
    done = run(["unshare", "--pid", "--fork", *session], desk)
    assert done.returncode == 126
    assert "/proc doesn't show the processes of this PID namespace" in done.stderr
    assert not (desk.folder / "started").exists()
    done = run(["unshare", "--pid", "--fork", "--mount-proc", *session], desk)
    assert done.returncode == 0, done.stderr


MANY = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))
for number in range(3, 1100): os.dup2(0, number)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_session_works_with_a_thousand_open_descriptors(desk: Terminal) -> None:
    done = run([sys.executable, "-c", MANY, str(COMMAND), *SESSION, "--", "echo", "done"], desk)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
