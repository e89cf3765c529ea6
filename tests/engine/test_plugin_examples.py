"""The examples of the plugin, with the SDKs that Pulumi's own generator writes for their languages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.plugin import schema
from tests.engine.sdks import generate
from tests.engine.stack import Stack, mutations

ROOT = Path(__file__).resolve().parents[2]


def example(name: str, folder: Path, emulator: Emulator) -> Stack:
    shutil.copytree(ROOT / "examples" / name, folder, dirs_exist_ok=True)
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    return Stack(folder, environ, name="dev", kind="fusion:index:Customer")


@pytest.fixture
def python_sdk(node: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sdk")
    generate(node / "sdk", "python", folder)
    # What an installation leaves: the SDK asks for its own version.
    metadata = folder / f"pulumi_fusion_sdk-{schema.VERSION}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: pulumi_fusion_sdk\nVersion: {schema.VERSION}\n")
    return str(folder)


def test_the_typescript_example(node: Path, tmp_path: Path, emulator: Emulator) -> None:
    stack = example("typescript", tmp_path, emulator)
    declared = json.loads((tmp_path / "package.json").read_text())["dependencies"]
    [package] = {name for name in declared if "fusion" in name}
    fusion = tmp_path / "node_modules" / package
    generate(node / "sdk", "nodejs", fusion)
    assert json.loads((fusion / "package.json").read_text())["name"] == package
    packages = node.parent / "node_modules"
    for each in packages.iterdir():
        (tmp_path / "node_modules" / each.name).symlink_to(each)
    # What `pulumi package add` has npm do.
    built = subprocess.run(
        [packages / ".bin" / "tsc", "--project", fusion], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout
    shutil.copy(fusion / "package.json", fusion / "bin")
    stack.environ["PATH"] = f"{node}:{stack.environment()['PATH']}"

    stack.up().ok()

    [account] = emulator.accounts()
    assert (account.shortname, account.trial, account.retention) == ("acme-corp", True, 90)
    outputs = json.loads(stack.pulumi("stack", "output", "--json").ok().stdout)
    assert outputs == {
        "address": account.ingest_ip,
        "port": account.ingest_port,
        "types": ["customer", "reseller", "staff"],
    }
    stack.pulumi("preview", "--expect-no-changes").ok()
    stack.destroy().ok()


def test_the_import_example(tmp_path: Path, emulator: Emulator, python_sdk: str) -> None:
    emulator.seed("acme-corp", retention=90, rollupRetention=365)
    emulator.seed("harbor", retention=7, rollupRetention=90, trial=True)
    stack = example("import", tmp_path, emulator)
    stack.environ["PYTHONPATH"] = python_sdk

    stack.pulumi("import", "--file", "customers.json", "--generate-code=false", "--protect=false", "--yes").ok()
    stack.pulumi("preview", "--expect-no-changes").ok()
    stack.up("--expect-no-changes").ok()

    assert mutations(emulator.requests) == []
    assert {name: each["inputs"]["organization"] for name, each in stack.state().items()} == {
        "acme-corp": "Acme Corporation",
        "harbor": "Harbor Logistics",
    }


def test_the_example_with_two_providers(tmp_path: Path, emulator: Emulator, python_sdk: str) -> None:
    for account in ("east-mssp", "west-mssp"):
        emulator.seed(account, type="reseller")
    stack = example("providers", tmp_path, emulator)
    stack.environ["PYTHONPATH"] = python_sdk

    stack.up().ok()

    assert json.loads(stack.pulumi("stack", "output", "--json").ok().stdout) == {
        "east-mssp": "east-mssp",
        "west-mssp": "west-mssp",
    }
    stack.require_no_changes()
    kept = [path.read_text() for path in (tmp_path / "backend").rglob("*.json")]
    assert kept
    assert not any(emulator.netosecret in text for text in kept)
    stack.destroy().ok()
    assert {each.shortname for each in emulator.accounts()} == {"east-mssp", "west-mssp"}


def test_the_yaml_example(yaml_host: Path, tmp_path: Path, emulator: Emulator) -> None:
    emulator.seed("try-it-out", trial=True)
    stack = example("yaml", tmp_path, emulator)
    # The provider is neither on PATH nor registered: the project names its folder.
    (tmp_path / "venv").symlink_to(sys.prefix)
    stack.environ["PATH"] = os.pathsep.join([str(yaml_host), os.environ["PULUMI_FUSION_ENGINE"], "/usr/bin", "/bin"])

    preview = stack.preview().ok()
    assert "create" in preview.stdout
    assert "pulumi-resource-fusion from $PATH" not in preview.text
    assert mutations(emulator.requests) == []
    stack.up().ok()

    account = emulator.account("acme-corp")
    assert account is not None
    assert (account.trial, account.retention) == (False, 90)
    outputs = json.loads(stack.pulumi("stack", "output", "--json").ok().stdout)
    assert (outputs["address"], outputs["port"]) == (account.ingest_ip, account.ingest_port)
    assert [each["shortname"] for each in outputs["trials"]] == ["try-it-out"]
    stack.pulumi("preview", "--expect-no-changes").ok()

    # Both protections apply, one after the other, until the program turns them off.
    assert "protect" in stack.destroy().failed().text
    program = tmp_path / "Pulumi.yaml"
    program.write_text(
        program.read_text()
        .replace("protect: true", "protect: false")
        .replace("type: SLG", "type: SLG\n      deletionProtection: false")
    )
    stack.up().ok()
    stack.destroy().ok()
    assert [each.shortname for each in emulator.accounts()] == ["try-it-out"]
