"""The script .ci/browser with stubs of the programs that it calls."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

BROWSER: Final = Path(__file__).resolve().parents[2] / ".ci" / "browser"


class Machine:
    """A Debian whose programs are stubs, which write their arguments to a file."""

    def __init__(self, home: Path) -> None:
        self.bin = home / "bin"
        self._home = home
        self._calls = home / "calls"
        self.bin.mkdir()
        for program in ("env", "sh", "touch", "chmod"):
            (self.bin / program).symlink_to(str(shutil.which(program)))

    def stub(self, name: str, script: str = "") -> None:
        program = self.bin / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self._calls}"\n{script}\n')
        program.chmod(0o755)

    def run(self, *arguments: str, system: str = "debian", user: int = 0) -> subprocess.CompletedProcess[str]:
        program = (
            "import os, platform, runpy, sys\n"
            "_, system, user, *sys.argv = sys.argv\n"
            "platform.system = lambda: 'Darwin' if system == 'macos' else 'Linux'\n"
            "platform.freedesktop_os_release = lambda: {'ID': system}\n"
            "os.geteuid = lambda: int(user)\n"
            "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        )
        return subprocess.run(
            [sys.executable, "-c", program, system, str(user), str(BROWSER), *arguments],
            env={"PATH": str(self.bin), "XDG_CACHE_HOME": str(self._home / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def installs(machine: Machine) -> str:
    """Return a script that installs a browser when it is asked to."""
    chromium = machine.bin / "chromium"
    return f'case "$*" in *install*) echo "#!/bin/sh" >"{chromium}"; chmod +x "{chromium}";; esac'


def test_a_browser_on_path_is_used(machine: Machine) -> None:
    machine.stub("google-chrome")
    machine.stub("apt-get")

    done = machine.run()

    assert (done.returncode, done.stdout) == (0, f"{machine.bin}/google-chrome\n")
    assert machine.calls() == ["google-chrome --version"]


def test_a_browser_that_does_not_start_is_not_used(machine: Machine) -> None:
    machine.stub("chromium-browser", "echo 'this needs a snap' >&2; exit 1")
    machine.stub("google-chrome")

    assert machine.run().stdout == f"{machine.bin}/google-chrome\n"


def test_root_installs_the_package_of_debian_and_a_font(machine: Machine) -> None:
    machine.stub("apt-get", installs(machine))

    done = machine.run()

    assert (done.returncode, done.stdout) == (0, f"{machine.bin}/chromium\n")
    update, install = machine.calls()
    assert update.endswith(" update")
    assert install.endswith(" install -y --no-install-recommends chromium fonts-dejavu-core")


def test_another_user_installs_it_by_sudo(machine: Machine) -> None:
    machine.stub("apt-get", installs(machine))
    machine.stub("sudo", 'shift; exec "$@"')

    done = machine.run(user=1000)

    assert (done.returncode, done.stdout) == (0, f"{machine.bin}/chromium\n")
    assert [call for call in machine.calls() if call.startswith("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get ")]


def test_a_failed_update_does_not_prevent_the_installation(machine: Machine) -> None:
    machine.stub("apt-get", f'case "$*" in *update*) exit 100;; esac\n{installs(machine)}')

    assert machine.run().stdout == f"{machine.bin}/chromium\n"


def test_a_failed_installation_is_reported(machine: Machine) -> None:
    machine.stub("apt-get", "echo 'E: Unable to locate package chromium' >&2; exit 100")

    done = machine.run()

    assert done.returncode == 1
    assert done.stdout == (
        "no browser is available.\n"
        "  on PATH: there is no chromium, chromium-browser, google-chrome, google-chrome-stable on PATH\n"
        "  Debian's package: E: Unable to locate package chromium\n"
        "Install Chromium or Google Chrome (on Debian as root: `apt-get install chromium`), and run this again.\n"
    )


@pytest.mark.parametrize(
    ("system", "user", "reason", "advice"),
    [
        ("debian", 1000, "it can't be installed without root or sudo", "apt-get install chromium"),
        ("ubuntu", 0, "it is installed only on Debian", "Install Chromium or Google Chrome"),
        pytest.param(
            "macos",
            501,
            "it is installed only on Debian",
            "brew install --cask google-chrome",
            marks=pytest.mark.skipif(sys.platform == "darwin", reason="a browser in /Applications is found"),
        ),
    ],
)
def test_elsewhere_the_reason_names_what_to_install(
    machine: Machine, system: str, user: int, reason: str, advice: str
) -> None:
    machine.stub("apt-get", installs(machine))

    done = machine.run(system=system, user=user)

    assert done.returncode == 1
    assert reason in done.stdout
    assert advice in done.stdout
    assert machine.calls() == []


def test_arguments_are_wrong_usage(machine: Machine) -> None:
    done = machine.run("firefox")

    assert (done.returncode, done.stdout, done.stderr) == (1, "", "usage: .ci/browser\n")
