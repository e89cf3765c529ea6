"""An editor with the YAML language server completes, explains and checks a catalog by its first line."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pulumi_fusion.catalog.schema import as_json
from tests.unit.catalog.language_server import LanguageServer, running

ROOT: Final = Path(__file__).resolve().parents[3]

CATALOG: Final = """\
# yaml-language-server: $schema=./customers.schema.json
version: 1
defaults:
  email: onboarding@msp.example.com
  given_name: Onboarding
  family_name: Team
  type: SLG
  data_retention: 90
  rollup_retention: 365
customers:
  acme-corp:
    organization: Acme Corporation
    status: Trial Active
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    if missing := [program for program in ("node", "npm") if not shutil.which(program)]:
        # A laptop may do without; a pipeline that did would hide a fault.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {', '.join(missing)} on PATH")
    got = subprocess.run([ROOT / ".ci/tool", "yaml-language-server"], capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stdout + got.stderr
    folder = tmp_path_factory.mktemp("repository")
    (folder / "customers.schema.json").write_text(as_json(), encoding="utf-8")
    with running(Path(got.stdout.strip()) / "yaml-language-server", folder) as server:
        yield server


def test_a_valid_catalog_has_no_squiggle(server: LanguageServer) -> None:
    assert server.open(CATALOG).diagnostics() == []


def test_the_values_of_a_field_are_completed(server: LanguageServer) -> None:
    catalog = server.open(CATALOG.replace("status: Trial Active", "status: "))

    assert catalog.completions(after="status: ") == ["Active", "Trial Active"]


def test_the_fields_of_a_customer_are_completed(server: LanguageServer) -> None:
    catalog = server.open(CATALOG + "    ")

    offered = catalog.completions(after="Trial Active\n    ")

    assert {"contractual_flows_per_second", "adopt", "deletion_protection"} <= set(offered)
    assert not {"status", "shortname", "customer_id"} & set(offered)


def test_a_field_is_explained(server: LanguageServer) -> None:
    explained = server.open(CATALOG).hover(at="data_retention")

    assert "How long flow records are kept: 7, 45, 90 or 180 days." in explained


def test_the_values_of_a_field_are_explained(server: LanguageServer) -> None:
    explained = server.open(CATALOG).hover(at="Trial Active")

    assert "`Active`: It has a contract; deletion protection is on unless the program sets it." in explained


@pytest.mark.parametrize(
    ("right", "wrong", "line", "squiggle"),
    [
        ("Trial Active", "Trial", 13, 'Value is not accepted. Valid values: "Active", "Trial Active".'),
        ("    organization", "    adopted: x\n    organization", 12, "Property adopted is not allowed."),
        ("retention: 90", "retention: 30", 8, "Value is not accepted. Valid values: 7, 45, 90, 180."),
        ("365", "7", 9, "Rollup Retention must be at least the Data Retention of 90 days."),
        (
            "Active",
            "Active\n    rollup_retention: 7",
            14,
            "Rollup Retention must be at least the Data Retention of 90 days.",
        ),
        ("  type: SLG\n", "", 10, 'Missing property "type".'),
        ("acme-corp", "acme", 11, "A shortname has 5 to 16 ASCII letters, digits and -._~!$&'()*,;=:@ only."),
        ("@msp.example.com", "@msp", 4, "It must be an e-mail address such as admin@example.com."),
        ("version: 1", "version: 2", 2, "Value must be 1."),
    ],
)
def test_a_mistake_has_a_squiggle(server: LanguageServer, right: str, wrong: str, line: int, squiggle: str) -> None:
    assert server.open(CATALOG.replace(right, wrong)).diagnostics() == [(line, squiggle)]
