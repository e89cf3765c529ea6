"""The examples, run as their READMEs describe."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from fusion_emulator import Emulator
from tests.contract.cli.terminal import Process
from tests.engine.stack import Stack, mutations

ROOT = Path(__file__).resolve().parents[2]


def installed(name: str, folder: Path) -> None:
    """Copy an example and leave what `pulumi install` does: an environment with what the program needs."""
    left_behind = shutil.ignore_patterns("venv", "__pycache__")
    shutil.copytree(ROOT / "examples" / name, folder, dirs_exist_ok=True, ignore=left_behind)
    (folder / "venv").symlink_to(Path(sys.executable).parent.parent)


def test_the_example_with_customers_in_the_stack_configuration(tmp_path: Path, emulator: Emulator) -> None:
    installed("python", tmp_path)
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
    stack.require_no_changes()
    assert "protect" in stack.destroy().failed().text
    assert {each.shortname for each in emulator.accounts() if not each.trial} == {"acme-corp", "north-mssp"}


def test_the_example_with_a_stack_for_each_reseller(tmp_path: Path, emulator: Emulator) -> None:
    installed("reseller-tree", tmp_path)
    environ = {"NETOSECRET": emulator.netosecret}
    top = Stack(tmp_path, environ, name="top")
    top.up().ok()
    harbor = Stack(tmp_path, environ, name="harbor")
    harbor.up().ok()
    harbor.require_no_changes()
    by_id = {each.id: each.shortname for each in emulator.accounts()}
    assert {each.shortname: by_id.get(each.parent or "") for each in emulator.accounts()} == {
        "harbor": None,
        "harbor-north": "harbor",
        "harbor-south": "harbor",
    }
    assert harbor.pulumi("stack", "output", "below").ok().stdout.strip() == '["harbor"]'
    assert "it has 2 sub-accounts" in top.destroy("--stack", "top").failed().text
    harbor.destroy("--stack", "harbor").ok()
    top.destroy("--stack", "top").ok()
    assert emulator.accounts() == ()


def test_the_example_of_a_checkup_after_onboarding(tmp_path: Path, emulator: Emulator) -> None:
    installed("masquerade", tmp_path)
    stack = Stack(tmp_path, {"NETOSECRET": emulator.netosecret, "FUSION_AUDIT_FILE": str(tmp_path / "audit.jsonl")})
    stack.up().ok()
    checkup = stack.pulumi("stack", "output", "checkup").ok().stdout
    assert checkup.strip().endswith("admin@acme.example.com may administer it")
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 2
    # The preview of an existing customer knows its id and so calls the checkup, which asks nothing there.
    emulator.requests.clear()
    stack.preview().ok()
    assert not [each for each in emulator.requests if each.path.endswith("/users")]
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 2
    assert mutations(emulator.requests) == []


LEAKS = """
import pulumi
from pulumi_fusion import masquerade

with masquerade("acme-corp", reason="tries to leak its session") as session:
    for name, leaked in {LEAKED}.items():
        pulumi.export(name, leaked)
"""


def test_the_checkup_example_exports_nothing_of_a_session(tmp_path: Path, emulator: Emulator) -> None:
    """Pulumi makes plain values of an object's public attributes; whatever a session gives out has none."""
    emulator.seed(shortname="acme-corp")
    (tmp_path / "Pulumi.yaml").write_text("name: onboarding\nruntime: python\n")
    program = tmp_path / "__main__.py"
    program.write_text(
        LEAKS.replace("{LEAKED}", "{'client': session.client, 'verb': session.get, 'text': str(session)}")
    )
    stack = Stack(tmp_path, {"NETOSECRET": emulator.netosecret, "FUSION_AUDIT_FILE": str(tmp_path / "audit.jsonl")})
    said = stack.up().ok().text
    shown = json.loads(stack.pulumi("stack", "output", "--json").ok().stdout)
    assert shown == {"client": {}, "verb": {}, "text": "Session('acme-corp')"}
    program.write_text(LEAKS.replace("{LEAKED}", "{'session': session, 'later': pulumi.Output.from_input(session)}"))
    refused = stack.up()
    assert refused.code != 0
    for each in (said, refused.text, stack.checkpoint.read_text()):
        assert "eyJ" not in each  # how every JWT begins
        assert emulator.netosecret not in each


def used_from_another_shell(printed: str, environment: dict[str, str], settings: Path) -> None:
    """Open the page and run the commands that `run --keep` printed."""
    page = re.search(r"page: (http://127\.0\.0\.1:\d+/_emulator/)\n", printed)
    assert page is not None
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(page[1], timeout=30) as response:
        assert "orchard-trial" in response.read().decode()
    [enter] = [line for line in printed.splitlines() if line.startswith("  cd ")]
    listed = subprocess.run(
        ["bash", "-euc", f"{enter}\npulumi-fusion customers --json\npulumi stack output trial_sends_flows_to"],
        env={**environment, "FUSION_ACCOUNT": "other"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    assert "lakeside" in listed
    assert re.search(r"203\.0\.113\.19:\d+\n", listed)
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    credential = re.search("NETOSECRET=(.*)", settings.read_text())
    assert credential is not None
    assert credential[1] not in printed


@contextlib.contextmanager
def keeping(run: Path, environment: dict[str, str], *, code: int) -> Iterator[str]:
    """Keep the emulator of `run --keep` and yield its output; end it by Ctrl-C, which is answered with the code."""
    with Process(
        [run, "--keep"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as kept:
        assert kept.stdout is not None
        yield "".join(itertools.takewhile(lambda line: line != "Ctrl-C ends the emulator.\n", kept.stdout))
        os.killpg(kept.pid, signal.SIGINT)
        assert kept.wait(timeout=60) == code
    assert not (run.parent / ".state/shell.env").exists()


def test_the_quickstart_twice_and_its_destroy(tmp_path: Path) -> None:
    """In a copy, so that the state of a developer's own quick start stays as it is."""
    left_behind = shutil.ignore_patterns(".state", "__pycache__")
    for folder in (".ci", "examples", "provider"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=left_behind)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / file, tmp_path)
    run = tmp_path / "examples" / "quickstart" / "run"
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}

    def quickstart(*arguments: str) -> str:
        done = subprocess.run(
            [run, *arguments],
            cwd="/",
            env=environment,
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
    assert "warning" not in first  # the first impression: nothing is amiss
    for shortname in ("harbor", "lakeside", "orchard-trial"):
        assert shortname in first.rpartition("Duration")[2]
    assert first.endswith("run --keep\n")
    # What a CLI leaves that is killed while it writes, and a disk that is full.
    state = run.parent / ".state/stacks/.pulumi/stacks/quickstart/dev.json"
    state.with_name("dev.json.attrs").write_bytes(b"")
    state.write_bytes(state.read_bytes()[:1000])
    with keeping(run, environment, code=0) as second:
        assert "4 unchanged" in second
        used_from_another_shell(second, environment, run.parent / ".state/shell.env")
        other = subprocess.run([run, "--", "true"], env=environment, capture_output=True, text=True, check=False)
        assert other.returncode == 1
        assert other.stderr.endswith(f"  cd {run.parent} && . .state/shell.env\n")
    program = run.parent / "__main__.py"
    customers = program.read_text()
    program.write_text("raise SystemExit('broken')\n")
    with keeping(run, environment, code=1) as third:
        assert "The apply failed with exit code 1. The page has its requests" in third
        assert (run.parent / ".state/shell.env").exists()
    program.write_text(customers)
    listed = json.loads(quickstart("--", "pulumi-fusion", "customers", "--json"))
    assert [each["shortname"] for each in listed] == ["harbor", "lakeside", "orchard-trial"]
    quickstart("destroy")
    assert json.loads(quickstart("--", "pulumi-fusion", "customers", "--json")) == []
