"""The examples, as their READMEs tell to run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from pulumi_fusion.emulator import Emulator
from tests.engine.stack import Stack

ROOT = Path(__file__).resolve().parents[2]


def test_customers_from_the_stack_configuration(tmp_path: Path, emulator: Emulator) -> None:
    shutil.copytree(ROOT / "examples" / "python", tmp_path, dirs_exist_ok=True)
    stack = Stack(tmp_path, name="production")
    stack.pulumi("config", "set", "--secret", "fusion:netosecret", emulator.netosecret).ok()
    stack.pulumi("config", "set", "fusion:apiUrl", emulator.url).ok()

    stack.preview().ok()
    stack.up().ok()

    assert {each.shortname: (each.type, each.trial, each.fps) for each in emulator.accounts()} == {
        "acme-corp": ("customer", False, 10000),
        "north-mssp": ("reseller", False, None),
        "try-it-out": ("customer", True, None),
    }
    ingest = json.loads(stack.pulumi("stack", "output", "ingest", "--json").ok().stdout)
    account = emulator.account("acme-corp")
    assert account is not None
    assert ingest["acme-corp"] == f"{account.ingest_ip}:{account.ingest_port}"
    stack.settled()
    assert "protect" in stack.destroy().failed().text
    assert {each.shortname for each in emulator.accounts() if not each.trial} == {"acme-corp", "north-mssp"}


def test_the_quickstart_twice_and_down(tmp_path: Path) -> None:
    """In a copy, so that the state of a developer's own quick start stays as it is."""
    left_behind = shutil.ignore_patterns(".state", "__pycache__")
    for folder in (".ci", "examples", "provider"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=left_behind)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / file, tmp_path)
    run = tmp_path / "examples" / "quickstart" / "run"

    def quickstart(*arguments: str) -> str:
        done = subprocess.run(
            [run, *arguments],
            cwd="/",
            env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    first = quickstart()
    assert "+ 4 to create" in first
    for shortname in ("harbor", "lakeside", "orchard-trial"):
        assert shortname in first.rpartition("Duration")[2]
    second = quickstart()
    assert "4 unchanged" in second
    listed = json.loads(quickstart("--", "pulumi-fusion", "customers", "--json"))
    assert [each["shortname"] for each in listed] == ["harbor", "lakeside", "orchard-trial"]
    quickstart("destroy")
    assert json.loads(quickstart("--", "pulumi-fusion", "customers", "--json")) == []
