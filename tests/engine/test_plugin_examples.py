"""The examples of the plugin, with the SDKs that Pulumi's own generator writes for their languages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pulumi_fusion.emulator import Emulator
from pulumi_fusion.plugin import schema
from tests.engine.stack import Stack, mutations

ROOT = Path(__file__).resolve().parents[2]


def engine_part(name: str, *programs: str) -> Path:
    """Return the directory that `.ci/engine/get` prints for a part of the engine that needs these programs."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        # Only some examples need them, so that a laptop may do without; a pipeline that did would hide a gap.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {', '.join(missing)} on PATH")
    got = subprocess.run([ROOT / ".ci/engine/get", name], capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stdout + got.stderr
    return Path(got.stdout.strip())


@pytest.fixture(scope="session")
def node() -> Path:
    """Where the Node host, the generator of SDKs and the packages of npm are."""
    return engine_part("node", "go", "node", "npm")


@pytest.fixture(scope="session")
def yaml_host() -> Path:
    """Where the YAML host and the generator of SDKs for C# are."""
    return engine_part("yaml", "go")


def generate(node: Path, language: str, folder: Path) -> None:
    subprocess.run([node / "sdk", language, folder], input=schema.as_json(), text=True, check=True)


def example(name: str, folder: Path, emulator: Emulator) -> Stack:
    shutil.copytree(ROOT / "examples" / name, folder, dirs_exist_ok=True)
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    return Stack(folder, environ, name="dev", kind="fusion:index:Customer")


@pytest.fixture
def python_sdk(node: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sdk")
    generate(node, "python", folder)
    # What an installation leaves: the SDK asks for its own version.
    metadata = folder / f"pulumi_fusion_sdk-{schema.VERSION}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: pulumi_fusion_sdk\nVersion: {schema.VERSION}\n")
    return str(folder)


def test_typescript(node: Path, tmp_path: Path, emulator: Emulator) -> None:
    stack = example("typescript", tmp_path, emulator)
    fusion = tmp_path / "node_modules" / "@pulumi" / "fusion"
    generate(node, "nodejs", fusion)
    packages = node.parent / "node_modules"
    for package in packages.iterdir():
        if package.name != "@pulumi":
            (tmp_path / "node_modules" / package.name).symlink_to(package)
    (fusion.parent / "pulumi").symlink_to(packages / "@pulumi" / "pulumi")
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
    told = json.loads(stack.pulumi("stack", "output", "--json").ok().stdout)
    assert told == {
        "address": account.ingest_ip,
        "port": account.ingest_port,
        "types": ["customer", "reseller", "staff"],
    }
    stack.pulumi("preview", "--expect-no-changes").ok()
    stack.destroy().ok()


def test_import(tmp_path: Path, emulator: Emulator, python_sdk: str) -> None:
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


def test_providers(tmp_path: Path, emulator: Emulator, python_sdk: str) -> None:
    for account in ("east-mssp", "west-mssp"):
        emulator.seed(account, type="reseller")
    stack = example("providers", tmp_path, emulator)
    stack.environ["PYTHONPATH"] = python_sdk

    stack.up().ok()

    assert json.loads(stack.pulumi("stack", "output", "--json").ok().stdout) == {
        "east-mssp": "east-mssp",
        "west-mssp": "west-mssp",
    }
    stack.settled()
    kept = [path.read_text() for path in (tmp_path / "backend").rglob("*.json")]
    assert kept
    assert not any(emulator.netosecret in text for text in kept)
    stack.destroy().ok()
    assert {each.shortname for each in emulator.accounts()} == {"east-mssp", "west-mssp"}


def test_yaml(yaml_host: Path, tmp_path: Path, emulator: Emulator) -> None:
    emulator.seed("try-it-out", trial=True)
    stack = example("yaml", tmp_path, emulator)
    stack.environ["PATH"] = f"{yaml_host}:{stack.environment()['PATH']}"

    assert "create" in stack.preview().ok().stdout
    assert mutations(emulator.requests) == []
    stack.up().ok()

    account = emulator.account("acme-corp")
    assert account is not None
    assert (account.trial, account.retention) == (False, 90)
    told = json.loads(stack.pulumi("stack", "output", "--json").ok().stdout)
    assert (told["address"], told["port"]) == (account.ingest_ip, account.ingest_port)
    assert [each["shortname"] for each in told["trials"]] == ["try-it-out"]
    stack.pulumi("preview", "--expect-no-changes").ok()

    # Both protections hold, one after the other, until the program says otherwise.
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
