"""The environments of examples/gitops/esc, opened by the real `pulumi env run`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fusion_emulator import Emulator
from tests.docs.blocks import blocks
from tests.engine.esc import FOLDER, evaluated, serve
from tests.engine.stack import Ran, Stack, a_customer, engine_environment, mutations


class Cloud:
    """A stack without a credential, and the ESC environments that have one."""

    def __init__(self, stack: Stack, url: str) -> None:
        self.stack = stack
        self.environ = stack.environment() | {"PULUMI_BACKEND_URL": url, "PULUMI_ACCESS_TOKEN": "pul-of-the-job"}

    def run(self, command: str) -> Ran:
        """Run a command of the page in bash."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.stack.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def keys(emulator: Emulator) -> dict[str, str]:
    return {"preview": emulator.key(role="readonly"), "production": emulator.netosecret}


@pytest.fixture
def cloud(tmp_path: Path, emulator: Emulator, keys: dict[str, str]) -> Iterator[Cloud]:
    # Inside `pulumi env run`, the stack has its backend of files again.
    inside = {"PULUMI_BACKEND_URL": engine_environment(tmp_path)["PULUMI_BACKEND_URL"], "FUSION_API_URL": emulator.url}
    environments = {
        # As a file has it, with a line end.
        f"fusion/{name}": evaluated(name, {"netosecret": f"{key}\n"}, inside)
        for name, key in keys.items()
    }
    (tmp_path / "tmp").mkdir()
    stack = Stack(tmp_path, {"TMPDIR": str(tmp_path / "tmp")})
    stack.declare({"acme": a_customer("acme-corp")})
    with serve(environments) as url:
        yield Cloud(stack, url)


def commands(start: str) -> list[str]:
    """Return the commands of the page that begin like this."""
    return re.findall(rf"^{re.escape(start)}.*$", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_each_environment_has_its_own_key(cloud: Cloud, emulator: Emulator, keys: dict[str, str]) -> None:
    preview, update = commands("pulumi env run")[:2]

    ran = [cloud.run(preview).ok()]
    assert "create" in ran[0].stdout
    # The key of the preview can't change anything.
    ran.append(cloud.run(update.replace("/production", "/preview")).failed())
    assert emulator.accounts() == ()
    ran.append(cloud.run(update).ok())
    assert [each.shortname for each in emulator.accounts()] == ["acme-corp"]

    printed = "".join(each.text for each in ran)
    kept = "".join(path.read_text() for path in (cloud.stack.folder / "backend").rglob("*.json"))
    assert kept
    for key in keys.values():
        assert key not in printed
        assert key not in kept
    assert [*(cloud.stack.folder / "tmp").glob("esc-*")] == []


def test_the_exit_code_for_drift_is_read_inside(cloud: Cloud, emulator: Emulator) -> None:
    [drift] = commands("pulumi env run msp/fusion/preview -- bash")

    cloud.run(drift).ok()

    assert (cloud.stack.folder / "exit-code").read_text() == "7\n"
    assert cloud.run("pulumi env run msp/fusion/preview -- bash -c 'exit 7'").code == 1
    assert mutations(emulator.requests) == []


def test_the_step_of_the_workflow_writes_the_preview(cloud: Cloud, emulator: Emulator) -> None:
    [block] = [each for each in blocks(FOLDER / "README.md") if each.text.startswith("- name: Preview")]
    [adapted] = yaml.safe_load(block.text)
    workflow = yaml.safe_load((FOLDER.parent / "github/workflows/preview.yml").read_text(encoding="utf-8"))
    [step] = [each for each in workflow["jobs"]["preview"]["steps"] if each.get("name") == adapted["name"]]
    # It runs the same commands, and the credential isn't in its variables.
    assert adapted["run"].split("'")[1].split() == step["run"].split()
    assert adapted["env"].items() < step["env"].items()
    assert "NETOSECRET" not in adapted["env"]

    cloud.run(adapted["run"].replace("--stack production", f"--stack {cloud.stack.name}")).ok()

    steps = json.loads((cloud.stack.folder / "preview.json").read_text())["steps"]
    assert [each["op"] for each in steps if "Customer" in each["urn"]] == ["create"]
    assert mutations(emulator.requests) == []


def test_both_environments_have_the_same_definition() -> None:
    preview, production = (
        (FOLDER / f"{name}.yaml").read_text().partition("\n")[2] for name in ("preview", "production")
    )
    assert preview == production


@pytest.mark.parametrize(("command", "flags"), [("init", ["--file"]), ("set", ["--secret", "--string", "--file"])])
def test_the_cli_has_the_flags_of_the_page(command: str, flags: list[str], tmp_path: Path) -> None:
    [used] = re.findall(rf"`(pulumi env {command} [^`]*)`", (FOLDER / "README.md").read_text())
    assert re.findall(r"--[\w-]+", used) == flags
    helped = subprocess.run(
        ["pulumi", "env", command, "--help"],
        env=engine_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [each for each in flags if f"{each} " not in helped.stdout] == []
