"""The files of examples/emulator-container: their commands, run in a plain folder, and what they name."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
import socket
import stat
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.cli.terminal import Process
from tests.docs.blocks import ROOT
from tests.waiting import wait_until

FOLDER = ROOT / "examples/emulator-container"


def free_port() -> int:
    """Return a port that no outgoing connection of another test gets before it is used (32768 and more in Linux)."""
    for port in range(18080, 32768):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no free port")


def instructions(name: str) -> list[str]:
    """Return the arguments of the Dockerfile's instructions of that name, each on one line."""
    text = (FOLDER / "Dockerfile").read_text().replace("\\\n", "")
    return re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)


def service(name: str) -> Any:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"][name]


@dataclass(frozen=True)
class Container:
    """A folder in place of the file system of a container, and a port in place of 8080."""

    folder: Path
    port: int

    def path(self, text: str) -> str:
        """Return a command with the paths and the port of this machine."""
        mapped = re.sub(r"(?<![\w/.])(?=/(fusion|opt/fusion|source)\b)", str(self.folder), text)
        return re.sub(r"\b8080\b", str(self.port), mapped)

    def command(self, words: list[str]) -> list[str]:
        return [self.path(word) for word in words]

    def environment(self, **more: str) -> dict[str, str]:
        [path] = [value for value in instructions("ENV") if value.startswith("PATH=")]
        system = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        own = self.path(path.removeprefix("PATH=")).replace("$PATH", system)
        return {"PATH": own, "HOME": str(self.folder), "PYTHONPATH": sysconfig.get_path("purelib"), **more}

    def run(self, words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(words), env=self.environment(**more), capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Container:
    """Build the image, without its download, its user and its base."""
    made = Container(tmp_path_factory.mktemp("container"), port=0)
    (made.folder / "fusion").mkdir()
    for argument in instructions("COPY"):
        *sources, target = argument.split()
        for source in sources:
            to = Path(made.path(target))
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                to = to / source if target.endswith("/") else to
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, to)
    commands = instructions("RUN")
    assert commands.pop() == "useradd --uid 1000 --create-home fusion && install -d -o fusion -g fusion /fusion"
    for command in commands:
        done = made.run(["sh", "-c", command], PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
        assert done.returncode == 0, done.stderr
    return made


def test_the_commands_of_the_image_and_of_the_services(container: Container) -> None:
    container = dataclasses.replace(container, port=free_port())
    [entry] = instructions("ENTRYPOINT")
    command = [*json.loads(entry), *service("fusion")["command"]]
    program = [*service("program")["entrypoint"], *service("program")["command"]]
    program = [word.replace("$$", "$") for word in program]
    by_name = [*service("by-name")["entrypoint"], *service("by-name")["command"]]
    health = ["sh", "-c", instructions("HEALTHCHECK")[0].partition("CMD ")[2]]
    settings = container.folder / "fusion/fusion.env"

    with Process(
        container.command(command),
        env=container.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as emulator:
        wait_until(lambda: container.run(health).returncode == 0 or emulator.poll() is not None)
        assert emulator.poll() is None, emulator.communicate()
        assert stat.S_IMODE(settings.stat().st_mode) == 0o600
        used = container.run(program)
        assert (used.returncode, used.stderr) == (0, "example-msp has no customers.\n")
        named = container.run([word.replace("//fusion:", "//localhost:") for word in by_name])
        assert "/api/v1/customers" in named.stdout
        emulator.terminate()
        stdout, stderr = emulator.communicate(timeout=60)
    assert (emulator.returncode, stdout) == (0, "")
    assert "GET /api/v1/customers 200" in stderr
    # So a port that is published for programs elsewhere has the same number.
    assert f"FUSION_EMULATOR=http://127.0.0.1:{container.port}\n" in settings.read_text()
    [secret] = re.findall("NETOSECRET=(.*)", settings.read_text())
    assert secret not in stderr
    assert {each.name for each in settings.parent.iterdir()} >= {"fusion.env", "fusion.json"}


def test_the_pod_runs_the_commands_of_the_services() -> None:
    spec = yaml.safe_load((FOLDER / "pod.yaml").read_text())["spec"]
    [emulator], [program] = spec["initContainers"], spec["containers"]
    assert program["command"] == [word.replace("$$", "$") for word in service("program")["entrypoint"]]
    assert program["args"] == service("program")["command"]
    assert "command" not in emulator
    assert "args" not in emulator
    assert (
        emulator["startupProbe"]["exec"]["command"] == instructions("HEALTHCHECK")[0].partition("CMD ")[2].split()[:3]
    )
    assert spec["securityContext"]["runAsUser"] == 1000
    mounts = {mount["mountPath"] for each in (emulator, program) for mount in each["volumeMounts"]}
    assert mounts == set(instructions("VOLUME"))


def test_the_files_name_what_exists() -> None:
    assert instructions("USER") == ["fusion"]
    assert instructions("EXPOSE") == ["8080"]
    build = service("fusion")["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] == FOLDER / "Dockerfile"
    check: list[str | Path] = [
        Path(sys.executable).with_name("check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
    ]
    done = subprocess.run([*check, FOLDER / "compose.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
