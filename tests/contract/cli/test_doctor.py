"""The command pulumi-fusion doctor."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import Terminal


def engine(folder: Path, *, version: str = "v3.259.0", hosts: bool = True) -> Path:
    """Return a directory with programs that behave like the Pulumi CLI and its Python host."""
    folder.mkdir()
    names = ["pulumi", *(["pulumi-language-python", "pulumi-resource-pulumi-python"] if hosts else [])]
    for name in names:
        # The credential must not reach it: then it would print no version.
        (folder / name).write_text(f'#!/bin/sh\n[ -z "$NETOSECRET$COPY" ] && [ "$1" = version ] && echo {version}\n')
        (folder / name).chmod(0o755)
    return folder


def findings(stdout: str) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(stdout)["checks"]}


def test_doctor_exits_0_if_everything_works(terminal: Terminal, emulator: Emulator, tmp_path: Path) -> None:
    emulator.seed("big-bright")
    kept = engine(tmp_path / "engine")
    done = terminal.run("doctor", PULUMI_FUSION_ENGINE=str(kept), COPY=emulator.netosecret.encode().hex())
    assert (done.returncode, done.stderr) == (0, "")
    assert "netosecret: environment variable NETOSECRET" in done.stdout
    assert f"{emulator.url} answers, in account {emulator.root.shortname}: 1 customers" in done.stdout
    assert f"Pulumi CLI 3.259.0, {kept / 'pulumi'}" in done.stdout
    assert f'export PATH="{kept}:$PATH"' in done.stdout
    assert emulator.netosecret not in done.stdout


def test_doctor_prints_the_same_results_as_json(terminal: Terminal, tmp_path: Path) -> None:
    places = {"PULUMI_FUSION_ENGINE": str(engine(tmp_path / "engine")), "PULUMI_HOME": str(tmp_path / "home")}
    done = terminal.run("doctor", "--json", **places)
    shown = json.loads(done.stdout)
    assert shown["works"] is True
    assert shown["settings"]["netosecret"] == "environment variable NETOSECRET"
    assert shown["settings"]["account"] is None
    assert {check["verdict"] for check in shown["checks"]} == {"ok"}


def test_doctor_reports_which_provider_pulumi_runs(terminal: Terminal, tmp_path: Path) -> None:
    places = {"PULUMI_FUSION_ENGINE": str(engine(tmp_path / "engine")), "PULUMI_HOME": str(tmp_path / "home")}

    def plugin(**more: str) -> dict[str, Any]:
        return findings(terminal.run("doctor", "--json", **{**places, **more}).stdout)["plugin"]

    on_path = plugin()
    assert on_path["verdict"] == "ok"
    assert "pulumi-resource-fusion on PATH" in on_path["found"]
    missing = plugin(PATH=os.defpath)
    assert (missing["verdict"], "plugin install" in missing["next_step"]) == ("optional", True)

    terminal.run("plugin", "install", **places)
    both = plugin()
    assert both["verdict"] == "optional"
    assert "on PATH is used" in both["found"]
    assert "PULUMI_IGNORE_AMBIENT_PLUGINS=true" in both["next_step"]
    for registered in (plugin(PATH=os.defpath), plugin(PULUMI_IGNORE_AMBIENT_PLUGINS="true")):
        assert (registered["verdict"], registered["next_step"]) == ("ok", None)
        assert f"registered in {tmp_path / 'home'}" in registered["found"]


def test_doctor_without_settings_names_what_is_missing_and_how_to_get_it(bare: Terminal) -> None:
    done = bare.run("doctor", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    found = findings(done.stdout)
    assert found["credential"]["verdict"] == "failed"
    assert "NETOSECRET" in found["credential"]["next_step"]
    assert found["service"]["verdict"] == "skipped"
    assert found["engine"]["verdict"] == "failed"
    assert "pulumi.com/docs" in found["engine"]["next_step"]
    assert found["packages"]["verdict"] == "ok"


def test_doctor_reports_every_invalid_setting_at_once(terminal: Terminal) -> None:
    done = terminal.run("doctor", FUSION_DEADLINE="soon", FUSION_API_URL="ftp://x")
    assert done.returncode == 1
    assert "FUSION_DEADLINE" in done.stdout
    assert "FUSION_API_URL" in done.stdout


def test_doctor_fails_for_a_credential_that_the_service_refuses(terminal: Terminal, emulator: Emulator) -> None:
    emulator.faults.add("POST /auth/token 401")
    found = findings(terminal.run("doctor", "--json").stdout)
    assert found["credential"]["verdict"] == "ok"
    assert found["service"]["verdict"] == "failed"
    assert "401" in found["service"]["found"]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"version": "v3.100.0"}, "3.100.0, which is too old"),
        ({"hosts": False}, "has no pulumi-language-python"),
        ({"version": "latest"}, "doesn't print its version"),
    ],
)
def test_doctor_reports_why_an_engine_is_not_usable(
    terminal: Terminal, tmp_path: Path, made: dict[str, Any], message: str
) -> None:
    kept = engine(tmp_path / "engine", **made)
    done = terminal.run("doctor", "--json", PULUMI_FUSION_ENGINE=str(kept))
    assert done.returncode == 1
    assert message in findings(done.stdout)["engine"]["found"]


def test_doctor_finds_a_usable_engine_after_an_old_one(terminal: Terminal, tmp_path: Path) -> None:
    old, kept = engine(tmp_path / "old", version="v3.100.0"), engine(tmp_path / "engine")
    path = f"{old}:{terminal.environment()['PATH']}"
    done = terminal.run("doctor", "--json", PATH=path, PULUMI_FUSION_ENGINE=str(kept))
    assert findings(done.stdout)["engine"]["found"] == f"Pulumi CLI 3.259.0, {kept / 'pulumi'}"
