"""The commands that list objects of the service."""

from __future__ import annotations

import json
import subprocess

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal

KEYS = [
    "shortname",
    "id",
    "ingest_ip",
    "ingest_port",
    "data_retention",
    "rollup_retention",
    "trial",
    "parent",
    "node",
    "children",
    "is_parent",
    "organization",
    "type",
    "fps",
]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_customers_prints_a_row_for_each_with_the_vendors_headings(terminal: Terminal, emulator: Emulator) -> None:
    active = emulator.seed("big-bright", retention=90, rollupRetention=365, trial=False)
    trial = emulator.seed("streamlined", retention=7, rollupRetention=7, trial=True)
    emulator.seed("inner-one", parent="streamlined")

    done = terminal.run("customers")

    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = map(cells, done.stdout.splitlines())
    assert head == [
        "Shortname",
        "Status",
        "Ingest IP & Port",
        "Data Retention",
        "Rollup Retention",
        "Children",
        "ID",
    ]
    record = emulator.record("big-bright")
    address = f"{record['ingest_ip']}:{record['ingest_port']}"
    assert rows[0] == ["big-bright", "Active", address, "90 days", "365 days", "0", active.id]
    assert rows[1][:2] == ["streamlined", "Trial Active"]
    assert rows[1][-2:] == ["1", trial.id]


def test_organization_and_type_are_shown_if_the_service_returns_them(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(record="extended")
    emulator.seed("big-bright", organization="Big Bright Networks", type="reseller")
    head, row = map(cells, terminal.run("customers").stdout.splitlines())
    assert head[:3] == ["Shortname", "Organization", "Type"]
    assert row[:3] == ["big-bright", "Big Bright Networks", "reseller"]


def test_customers_json_has_every_field_by_its_python_name(terminal: Terminal, emulator: Emulator) -> None:
    made = emulator.seed("big-bright", retention=45, rollupRetention=90)
    done = terminal.run("customers", "--json")
    (shown,) = json.loads(done.stdout)
    assert list(shown) == KEYS
    assert shown["id"] == made.id
    assert (shown["data_retention"], shown["rollup_retention"]) == (45, 90)
    assert (shown["organization"], shown["fps"]) == (None, None)


def test_an_empty_list_of_customers_is_reported_with_success(terminal: Terminal, emulator: Emulator) -> None:
    done = terminal.run("customers")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{emulator.root.shortname} has no customers.\n"
    assert terminal.run("customers", "--json").stdout == "[]\n"


@pytest.mark.parametrize("by_option", [True, False], ids=["--account", "FUSION_ACCOUNT"])
def test_the_account_option_lists_the_customers_of_a_sub_account(
    terminal: Terminal, emulator: Emulator, by_option: bool
) -> None:
    emulator.seed("streamlined", type="reseller")
    emulator.seed("inner-one", parent="streamlined")
    done = (
        terminal.run("customers", "--account", "streamlined", FUSION_ACCOUNT="nobody")
        if by_option
        else terminal.run("customers", FUSION_ACCOUNT="streamlined")
    )
    assert [cells(line)[0] for line in done.stdout.splitlines()[1:]] == ["inner-one"]


def test_types_prints_value_and_label(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(types="customer=SLG,reseller=MSSP")
    shown = [cells(line)[:2] for line in terminal.run("types").stdout.splitlines()]
    assert shown == [["Value", "Label"], ["customer", "SLG"], ["reseller", "MSSP"]]
    assert [each["value"] for each in json.loads(terminal.run("types", "--json").stdout)] == ["customer", "reseller"]


@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}, {"COLUMNS": "20"}], ids=str)
def test_piped_output_is_plain_and_not_wrapped(terminal: Terminal, emulator: Emulator, environ: dict[str, str]) -> None:
    emulator.switch(record="extended")
    organization = "The Longest Organization That Anyone Has Ever Put Under Contract " * 3
    made = emulator.seed("big-bright", organization=organization.strip())
    _, row = terminal.run("customers", **environ).stdout.splitlines()
    assert organization.strip() in row
    assert row.rstrip().endswith(made.id)
    assert "\x1b" not in row


def test_text_of_the_service_cannot_drive_the_terminal(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(record="extended")
    emulator.seed("big-bright")
    emulator.edit("big-bright", organization="\x1b[2J[bold]:smile:\u202e")
    _, row = terminal.run("customers").stdout.splitlines()
    assert "\ufffd[2J[bold]:smile:\ufffd" in row


def test_characters_that_the_terminal_cannot_encode_are_escaped(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(record="extended")
    emulator.seed("big-bright", organization="Zürich")
    done = terminal.run("customers", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "Z\\xfcrich" in done.stdout
    assert (
        json.loads(terminal.run("customers", "--json", PYTHONIOENCODING="ascii").stdout)[0]["organization"] == "Zürich"
    )


@pytest.mark.parametrize("arguments", [["customers"], ["customers", "--json"]], ids=" ".join)
def test_a_closed_pipe_is_not_reported_as_an_error(
    terminal: Terminal, emulator: Emulator, arguments: list[str]
) -> None:
    emulator.seed("big-bright")
    done = subprocess.run(
        ["bash", "-c", '"$@" | true', "bash", COMMAND, *arguments],
        env=terminal.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""


@pytest.mark.parametrize("scope", ["direct", "subtree"])
def test_the_tree_shows_every_level(terminal: Terminal, emulator: Emulator, scope: str) -> None:
    emulator.switch(list_scope=scope)
    for shortname, parent in (("reseller", None), ("leaf-one", "reseller"), ("leaf-two", "leaf-one"), ("other", None)):
        emulator.seed(shortname=shortname, parent=parent)
    shown = terminal.run("customers", "--tree")
    assert [line.removesuffix("  Active") for line in shown.stdout.splitlines()] == [
        "example-msp",
        "├── other",
        "└── reseller",
        "    └── leaf-one",
        "        └── leaf-two",
    ]
    found = json.loads(terminal.run("customers", "--tree", "--json").stdout)
    assert [each["shortname"] for each in found] == ["other", "reseller"]
    assert found[1]["customers"][0]["customers"][0]["shortname"] == "leaf-two"


def test_a_branch_that_cannot_be_read_has_the_reason(terminal: Terminal, emulator: Emulator) -> None:
    emulator.seed(shortname="reseller")
    emulator.seed(shortname="leaf-one", parent="reseller")
    emulator.switch(masquerade="401")
    shown = terminal.run("customers", "--tree")
    assert shown.returncode == 0
    assert "its customers can't be read: no access token: the service answered 401" in shown.stdout
    assert json.loads(terminal.run("customers", "--tree", "--json").stdout)[0]["customers"] is None
