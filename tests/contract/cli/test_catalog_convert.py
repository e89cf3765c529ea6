"""The command ``catalog convert``. It sends nothing, and needs no credential."""

from __future__ import annotations

import pytest

from tests.contract.cli.terminal import Terminal

CSV = """\
shortname;organization;type;status;data_retention;contractual_flows_per_second
acme-corp;Acme Corporation;SLG;Active;90;5000
harbor-co;"Harbor: ""NO"", #1";SLG;Trial Active;90;
00123;;SLG;Active;ninety;
"""


def test_a_spreadsheet_becomes_a_catalog(bare: Terminal) -> None:
    (bare.folder / "customers.csv").write_text(CSV)
    done = bare.run("catalog", "convert", "customers.csv", "-o", "customers.yaml")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        'Wrote the customers of customers.csv to customers.yaml: 3. Fill in the values marked with "# fill in": 5.\n'
    )
    assert (
        (bare.folder / "customers.yaml").read_text()
        == """\
# yaml-language-server: $schema=./customers.schema.json
version: 1

defaults:
  type: SLG
  status: Active
  data_retention: 90
  rollup_retention: ""  # fill in
  email: ""  # fill in
  given_name: ""  # fill in
  family_name: ""  # fill in

customers:
  acme-corp:
    organization: Acme Corporation
    contractual_flows_per_second: 5000
  harbor-co:
    organization: "Harbor: \\"NO\\", #1"
    status: Trial Active
  "00123":
    organization: ""  # fill in
    data_retention: ninety
"""
    )
    again = bare.run("catalog", "convert", "customers.csv", "-o", "customers.yaml")
    assert again.returncode == 2
    assert "customers.yaml exists" in again.stderr


def test_problems_of_the_rows_are_shown_as_by_validate(bare: Terminal) -> None:
    (bare.folder / "customers.csv").write_text("shortname,dataRetention\nacme-corp,90\nacme-corp,90\n")
    done = bare.run("catalog", "convert", "customers.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert "customers.csv:1:2: dataRetention is spelled data_retention here" in done.stderr
    assert bare.run("catalog", "convert", "customers.yaml").returncode == 2


@pytest.mark.parametrize("command", [["convert", "customers.csv"], ["schema"], ["export"]], ids=lambda each: each[0])
def test_a_dash_is_stdout(terminal: Terminal, command: list[str]) -> None:
    (terminal.folder / "customers.csv").write_text("shortname\nacme-corp\n")
    done = terminal.run("catalog", *command, "-o", "-")
    assert done.returncode == 0
    assert done.stdout == terminal.run("catalog", *command).stdout != ""
    assert [each.name for each in terminal.folder.iterdir()] == ["customers.csv"]
