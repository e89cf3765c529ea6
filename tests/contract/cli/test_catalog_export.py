"""The command ``catalog export``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.catalog.check import validate
from pulumi_fusion.catalog.loading import load
from pulumi_fusion.customer.model import FIELDS
from tests.contract.cli.terminal import Terminal

READS = {"POST /api/v1/auth/token", "GET /api/v1/customers", "GET /api/v1/customers/types"}


def sent(emulator: Emulator) -> Sequence[str]:
    return [f"{each.method} {each.path}" for each in emulator.requests]


def fields(file: Path) -> dict[str, dict[str, Any]]:
    catalog, findings = load(str(file), FIELDS)
    assert findings == []
    return {entry.shortname: catalog.fields(entry) for entry in catalog.entries}


def seed(emulator: Emulator, count: int) -> None:
    for number in range(count):
        fields: dict[str, Any] = {
            "organization": f"Customer {number}",
            "trial": number % 10 == 0,
            "retention": 45 if number % 7 == 0 else 90,
            "rollupRetention": 365,
            "type": "reseller" if number % 20 == 0 else "customer",
        }
        if number % 3 == 0:
            fields["fps"] = 1000
        emulator.seed(f"customer-{number:03}", **fields)


@pytest.mark.parametrize("record", ["strict", "extended"])
def test_an_account_of_300_customers_becomes_a_short_catalog_that_only_lacks_what_is_not_shown(
    terminal: Terminal, emulator: Emulator, record: str
) -> None:
    emulator.switch(record=record)
    seed(emulator, 300)
    done = terminal.run("catalog", "export", "-o", "customers.yaml", "--import-file", "import.json")

    file = terminal.folder / "customers.yaml"
    text = file.read_text()
    blank = {each.field or "" for each in validate(str(file))}
    admin = {"email", "given_name", "family_name"}
    assert blank == (
        admin if record == "extended" else {*admin, "organization", "type", "contractual_flows_per_second"}
    )
    count = text.count('""  # fill in')
    assert count == (3 if record == "extended" else 305)
    assert (done.returncode, done.stdout) == (0, "")
    assert f'customers.yaml: 300. Fill in the values marked with "# fill in": {count}.' in done.stderr
    # At most the shortname, the organization, the flows and what isn't shared.
    assert len(text.splitlines()) < 300 * 3.5

    for place, each in enumerate(fields(file).values()):
        account = emulator.accounts()[place]
        assert (each["shortname"], each["data_retention"], each["rollup_retention"]) == (
            account.shortname,
            account.retention,
            account.rollup_retention,
        )
        assert each["status"] == ("Trial Active" if account.trial else "Active")
        if record == "extended":
            assert (each["organization"], each.get("contractual_flows_per_second")) == (
                account.organization,
                account.fps,
            )
            assert each["type"] == {"customer": "SLG", "reseller": "MSSP"}[account.type]
    resources = json.loads((terminal.folder / "import.json").read_text())["resources"]
    assert resources[299] == {"type": "fusion:index:Customer", "name": "customer-299", "id": "customer-299"}
    assert len(resources) == 300
    assert set(sent(emulator)) <= READS


def test_a_catalog_that_exists_is_updated_and_keeps_all_else(terminal: Terminal, emulator: Emulator) -> None:
    emulator.seed("acme-corp", retention=90, rollupRetention=365)
    emulator.seed("new-corp", retention=45, rollupRetention=90, trial=True)
    file = terminal.folder / "customers.yaml"
    before = (
        "# Reviewed by the platform team\nversion: 1\n\ndefaults: {type: SLG, status: Active, rollup_retention: 365, "
        "email: a@b.example.com, given_name: Mara,\n  family_name: Lind}\n\ncustomers:\n    # east\n    acme-corp:\n"
        "        organization: Acme  # the legal name\n        data_retention: 45  # as in the contract\n"
        "    gone-corp: {organization: Gone, data_retention: 7}\n"
    )
    file.write_text(before)
    file.chmod(0o640)
    link = terminal.folder / "link.yaml"
    link.symlink_to(file)

    done = terminal.run("catalog", "export", "-o", "link.yaml")

    assert file.read_text() == before.replace("data_retention: 45  #", "data_retention: 90  #") + (
        "    new-corp:\n"
        '        organization: ""  # fill in\n'
        "        status: Trial Active\n"
        "        data_retention: 45\n"
        "        rollup_retention: 90\n"
        '        contractual_flows_per_second: ""  # fill in; remove only if the contract has none\n'
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        'link.yaml: 1 added, 1 changed, 1 not in example-msp. Fill in the values marked with "# fill in": 2.',
        "  added new-corp",
        "  changed acme-corp: Data Retention 45 → 90",
        "  not in example-msp: gone-corp. It was left as it is.",
    ]
    assert (link.is_symlink(), file.stat().st_mode & 0o777) == (True, 0o640)
    assert sorted(each.name for each in terminal.folder.iterdir()) == ["customers.yaml", "link.yaml"]

    written = file.stat().st_mtime_ns
    assert "0 added, 0 changed, 1 not in" in terminal.run("catalog", "export", "-o", "customers.yaml").stderr
    assert file.stat().st_mtime_ns == written
    assert set(sent(emulator)) <= READS


def test_adopt_names_the_id_of_each_customer(terminal: Terminal, emulator: Emulator) -> None:
    accounts = [emulator.seed(name) for name in ("acme-corp", "harbor-co")]
    file = terminal.folder / "customers.yaml"
    assert terminal.run("catalog", "export", "-o", "customers.yaml").returncode == 0
    assert terminal.run("catalog", "export", "-o", "customers.yaml", "--adopt").returncode == 0
    assert [each["adopt"] for each in fields(file).values()] == [each.id for each in accounts]


def test_a_reseller_does_not_get_the_type_of_the_others(terminal: Terminal, emulator: Emulator) -> None:
    """The documented record has no type. The number of children shows that it isn't a direct customer."""
    emulator.seed("harbor", type="reseller")
    emulator.seed("below-harbor", parent="harbor")
    emulator.seed("acme-corp")
    done = terminal.run("catalog", "export")
    assert done.stdout.count('    type: ""  # fill in\n') == 2
    assert "harbor has customers of its own, so its type isn't that of a direct customer" in done.stderr

    (terminal.folder / "customers.yaml").write_text("version: 1\ndefaults: {type: SLG}\ncustomers: {}\n")
    assert terminal.run("catalog", "export", "-o", "customers.yaml").returncode == 0
    types = {each["shortname"]: each["type"] for each in fields(terminal.folder / "customers.yaml").values()}
    assert types == {"acme-corp": "SLG", "harbor": ""}


def test_a_customer_whose_id_is_not_returned_is_reported(terminal: Terminal, emulator: Emulator) -> None:
    emulator.seed("acme-corp")
    emulator.faults.add("GET /customers missing-fields=id")
    done = terminal.run("catalog", "export", "--adopt")
    assert done.returncode == 0
    assert "adopt" not in done.stdout
    assert "No adopt for acme-corp: the service doesn't return its id." in done.stderr


def test_only_direct_customers_are_exported(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(list_scope="subtree", list_includes_caller=True)
    emulator.seed("north-mssp", type="reseller")
    emulator.seed("trial-co", parent="north-mssp")
    done = terminal.run("catalog", "export")
    assert "north-mssp:" in done.stdout
    assert "trial-co" not in done.stdout
    assert "example-msp" not in done.stdout
    assert "Left out: customers of customers (1)." in done.stderr
    inside = terminal.run("catalog", "export", "--account", "north-mssp").stdout
    assert "trial-co:" in inside
    assert "north-mssp" not in inside


def test_customers_that_differ_only_in_case_are_both_written_and_named(terminal: Terminal, emulator: Emulator) -> None:
    emulator.seed("UPPER-co")
    emulator.seed("upper-CO")
    done = terminal.run("catalog", "export", "-o", "customers.yaml")
    assert fields(terminal.folder / "customers.yaml").keys() == {"UPPER-co", "upper-CO"}
    assert (
        "UPPER-co and upper-CO differ only in upper and lower case, which `catalog validate` refuses. If you want to "
        "manage both, move one to a catalog of its own.\n"
    ) in done.stderr


def test_a_new_customer_without_flows_gets_no_default(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(record="extended")
    emulator.seed("acme-corp", organization="A", fps=1000)
    emulator.seed("harbor-co", organization="A")
    file = terminal.folder / "customers.yaml"
    file.write_text(
        "version: 1\ndefaults:\n  type: SLG\n  status: Active\n  data_retention: 90\n  rollup_retention: 180\n"
        "  contractual_flows_per_second: 1000\n  email: a@b.example\n  given_name: A\n  family_name: B\n"
        "customers:\n  acme-corp:\n    organization: A\n"
    )
    done = terminal.run("catalog", "export", "-o", "customers.yaml")
    assert '1 added, 0 changed, 0 not in example-msp. Fill in the values marked with "# fill in": 1.' in done.stderr
    assert file.read_text().endswith(
        '  harbor-co:\n    organization: A\n    contractual_flows_per_second: ""  # fill in\n'
    )
    wrong = terminal.run("catalog", "validate", "customers.yaml")
    assert "move the default 1000 to the customers that have it" in wrong.stdout


def test_a_list_that_is_cut_is_reported_and_customers_of_the_file_are_read_one_by_one(
    terminal: Terminal, emulator: Emulator, tmp_path: Path
) -> None:
    seed(emulator, 1001)
    file = terminal.folder / "customers.yaml"
    file.write_text("version: 1\ncustomers:\n  customer-1000: {data_retention: 7}\n  gone-corp: {data_retention: 7}\n")
    done = terminal.run("catalog", "export", "-o", "customers.yaml")
    assert "1000 added, 1 changed, 1 not in example-msp." in done.stderr
    assert "The service lists at most 1000 customers" in done.stderr
    assert len(fields(file)) == 1002
    reads = {"GET /api/v1/customer/customer-1000", "GET /api/v1/customer/gone-corp"}
    assert set(sent(emulator)) - READS == reads


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "customers.yaml:1:1: a catalog is a map with version, defaults and customers"),
        ("name: onboarding\nruntime: python\n", "customers.yaml:1:1: 'name' isn't a part of a catalog"),
        ("version: 1\ncustomers:\n  acme-corp: &a {type: SLG}\n", "customers.yaml:3:14: the anchor &a isn't supported"),
        ("version: 1\ncustomers: [\n", "customers.yaml:3:1: this isn't YAML"),
    ],
)
def test_another_file_than_a_catalog_is_not_changed(
    terminal: Terminal, emulator: Emulator, content: str, problem: str
) -> None:
    emulator.seed("acme-corp")
    file = terminal.folder / "customers.yaml"
    file.write_text(content)
    done = terminal.run("catalog", "export", "-o", "customers.yaml")
    assert (done.returncode, done.stdout, file.read_text()) == (1, "", content)
    assert problem in done.stderr
    assert "Error: customers.yaml has problems" in done.stderr
    assert sent(emulator) == []


def test_a_failure_changes_no_file(terminal: Terminal, emulator: Emulator) -> None:
    file = terminal.folder / "customers.yaml"
    file.write_text("version: 1\ncustomers: {}\n")
    done = terminal.run(
        "catalog", "export", "-o", "customers.yaml", "--import-file", "i.json", "--account", "nobody-co"
    )
    assert done.returncode == 1
    assert "nobody-co" in done.stderr
    assert file.read_text() == "version: 1\ncustomers: {}\n"
    assert [each.name for each in terminal.folder.iterdir()] == ["customers.yaml"]
    missing = terminal.run("catalog", "export", "-o", "nowhere/customers.yaml")
    assert missing.returncode == 1
    assert missing.stderr.endswith(f"nowhere/customers.yaml: there is no folder {terminal.folder}/nowhere\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--adopt", "--import-file", "i.json"],
        ["-o", "a.yaml", "--import-file", "./a.yaml"],
        ["-o", "."],
        ["--import-file", "-"],
        ["-o", "a.csv"],
    ],
)
def test_options_that_contradict_each_other_are_refused(bare: Terminal, arguments: list[str]) -> None:
    assert bare.run("catalog", "export", *arguments).returncode == 2


def test_hostile_values_of_the_service_stay_values(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(record="extended")
    emulator.seed("00123")
    emulator.edit_freely("00123", organization='NO: # "x"\n\x1b[2J\u202e', type="no")
    emulator.seed("wrong-name")
    emulator.edit_freely("wrong-name", shortname="wrong/../name\x1b[2J")
    done = terminal.run("catalog", "export", "-o", "customers.yaml")
    file = terminal.folder / "customers.yaml"
    assert fields(file)["00123"]["organization"] == 'NO: # "x"\n\x1b[2J\u202e'
    assert fields(file)["00123"]["type"] == "no"
    assert "Left out: 'wrong/../name" in done.stderr
    assert "\x1b" not in done.stderr + file.read_text()


def test_the_credential_is_in_no_file_and_no_message(terminal: Terminal, emulator: Emulator) -> None:
    emulator.seed("acme-corp")
    done = terminal.run("catalog", "export", "-o", "customers.yaml", "--import-file", "i.json")
    written = "".join(each.read_text() for each in terminal.folder.iterdir())
    assert emulator.netosecret not in done.stdout + done.stderr + written
