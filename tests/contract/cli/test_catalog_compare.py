"""The command ``catalog compare``."""

from __future__ import annotations

import json

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import Terminal
from tests.contract.cli.test_catalog_export import READS, sent

CATALOG = """\
version: 1
defaults: {type: SLG, status: Active, rollup_retention: 180}
customers:
  acme-corp: {organization: Acme, data_retention: 90}
  Twin-corp: {organization: Twin, data_retention: 90}
  gone-corp: {organization: Gone, data_retention: 90}
  other-corp:
    organization: Other
    data_retention: 90
    email: planted@person.example.com
    given_name: Planted
    family_name: Person
"""

LONG = f"{'A' * 30} {'B' * 30}"


def write(terminal: Terminal, text: str) -> None:
    (terminal.folder / "customers.yaml").write_text(text)


def test_each_difference_is_shown_in_80_columns_without_the_admin(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(record="extended")
    write(terminal, CATALOG)
    emulator.seed("acme-corp", organization=LONG, retention=45, type="reseller")
    emulator.seed("twin-corp")
    emulator.seed("other-corp", organization="Other")
    emulator.seed("by-hand-co", organization="By Hand\x1b[2J")
    done = terminal.run("catalog", "compare", "customers.yaml")
    assert done.returncode == 7
    assert done.stderr == ""
    assert [line.rstrip() for line in done.stdout.splitlines()] == [
        "customers.yaml / example-msp: 1 missing, 1 unmanaged, 1 in another case, 1",
        "different, 1 equal",
        "",
        "Missing: in the file, not on the service",
        "gone-corp  line 6",
        "",
        "Unmanaged: on the service, not in the file",
        "by-hand-co  By Hand�[2J",
        "",
        "Only upper and lower case differ",
        "Twin-corp  twin-corp on the service",
        "",
        "Different",
        "Customer   Field           File  Service",
        f"acme-corp  Organization    Acme  {'A' * 30}",
        " " * 33 + "B" * 30,
        "acme-corp  Data Retention  90    45",
        "acme-corp  Type            SLG   MSSP",
        "",
        "Not compared, since the service doesn't return them: Email, Given Name, Family",
        "Name.",
    ]
    assert max(map(len, done.stdout.splitlines())) <= 80
    as_json = terminal.run("catalog", "compare", "customers.yaml", "--format", "json")
    assert "lanted" not in done.stdout + as_json.stdout
    document = json.loads(as_json.stdout)
    by_hand = emulator.account("by-hand-co")
    assert by_hand
    assert as_json.returncode == 7
    assert document == {
        "version": 1,
        "file": "customers.yaml",
        "account": "example-msp",
        "missing": [{"shortname": "gone-corp", "line": 6}],
        "elsewhere": [],
        "not_read": [],
        "unmanaged": [
            {"shortname": "by-hand-co", "customer_id": by_hand.id, "organization": "By Hand\x1b[2J"},
        ],
        "case_twins": [{"shortname": "Twin-corp", "line": 5, "service": "twin-corp"}],
        "different": [
            {
                "shortname": "acme-corp",
                "line": 4,
                "fields": {
                    "organization": {"file": "Acme", "service": LONG},
                    "data_retention": {"file": 90, "service": 45},
                    "type": {"file": "SLG", "service": "MSSP"},
                },
            }
        ],
        "equal": 1,
        "not_compared": ["email", "given_name", "family_name"],
    }
    # Twin-corp isn't read: a service that ignores case would answer with twin-corp.
    assert set(sent(emulator)) == {*READS, "GET /api/v1/customer/gone-corp"}


def test_equal_customers_have_the_exit_code_0(terminal: Terminal, emulator: Emulator) -> None:
    entry = "{organization: A, type: SLG, status: Active, data_retention: 90, rollup_retention: 180}"
    write(terminal, f"version: 1\ncustomers:\n  acme-corp: {entry}\n")
    emulator.seed("acme-corp")
    done = terminal.run("catalog", "compare", "customers.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "customers.yaml / example-msp: 1 equal\n\n"
        "Not compared, since the service doesn't return them: Organization, Type.\n"
    )


@pytest.mark.parametrize("switches", [{}, {"role": "readonly"}], ids=["admin", "readonly"])
def test_a_key_that_only_reads_is_enough(terminal: Terminal, emulator: Emulator, switches: dict[str, str]) -> None:
    write(terminal, "version: 1\ncustomers: {}\n")
    done = terminal.run("catalog", "compare", "customers.yaml", NETOSECRET=emulator.key(**switches))
    assert (done.returncode, done.stdout) == (0, "customers.yaml / example-msp: no customers\n")


def test_a_type_of_the_service_is_valid(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(types="gold=Gold Customer")
    write(terminal, CATALOG.replace("type: SLG", "type: Gold Customer"))
    assert terminal.run("catalog", "compare", "customers.yaml").returncode == 7


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version: 1\ncustomers: {acme-corp: {typ: SLG}}\n", "customers.yaml:2:25: acme-corp: 'typ' isn't a field"),
        (CATALOG.replace("type: SLG", 'type: ""'), "customers.yaml:2:18: Type is empty: fill it in"),
    ],
)
def test_a_file_with_problems_is_not_compared(terminal: Terminal, text: str, problem: str) -> None:
    write(terminal, text)
    done = terminal.run("catalog", "compare", "customers.yaml", "--format", "json")
    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr
    assert "Error: customers.yaml has problems: 1. Correct them first.\n" in done.stderr


def test_failures_have_the_exit_code_1(terminal: Terminal, emulator: Emulator) -> None:
    absent = terminal.run("catalog", "compare", "customers.yaml")
    assert (absent.returncode, absent.stderr) == (1, "Error: can't read customers.yaml: No such file or directory\n")
    write(terminal, "version: 1\ncustomers: {}\n")
    refused = terminal.run("catalog", "compare", "customers.yaml", NETOSECRET=emulator.key(role="support"))
    assert refused.returncode == 1
    assert "403" in refused.stderr


def test_a_list_that_is_cut_makes_no_customer_missing(terminal: Terminal, emulator: Emulator) -> None:
    for number in range(1001):
        emulator.seed(f"customer-{number:04}")
    entry = "{organization: A, type: SLG, status: Active, data_retention: 90, rollup_retention: 180}"
    write(terminal, f"version: 1\ncustomers:\n  customer-1000: {entry}\n")
    done = terminal.run("catalog", "compare", "customers.yaml")
    assert "customers.yaml / example-msp: 1000 unmanaged, 1 equal" in done.stdout
    assert "The service lists at most 1000 customers" in done.stderr


ENTRY = "{organization: A, type: SLG, status: Active, data_retention: 90, rollup_retention: 180}"


def catalog(*shortnames: str) -> str:
    return "version: 1\ncustomers:\n" + "".join(f"  {name}: {ENTRY}\n" for name in shortnames)


@pytest.mark.parametrize("scope", ["direct", "subtree"])
def test_a_customer_below_another_account_is_not_missing(terminal: Terminal, emulator: Emulator, scope: str) -> None:
    emulator.switch(list_scope=scope)
    emulator.seed("north-mssp", type="reseller")
    emulator.seed("trial-co", parent="north-mssp")
    write(terminal, catalog("gone-corp", "north-mssp", "trial-co"))
    done = terminal.run("catalog", "compare", "customers.yaml")
    assert done.returncode == 7
    assert done.stdout.startswith(
        "customers.yaml / example-msp: 1 missing, 1 elsewhere, 1 equal\n\n"
        "Missing: in the file, not on the service\ngone-corp  line 3\n\n"
        "Elsewhere: on the service, not a customer of example-msp\ntrial-co  line 5  below north-mssp\n"
    )
    left_out = "Left out: customers of customers (1). --account SHORTNAME compares those of one customer.\n"
    assert done.stderr == (left_out if scope == "subtree" else "")
    document = json.loads(terminal.run("catalog", "compare", "customers.yaml", "--format", "json").stdout)
    assert document["elsewhere"] == [{"shortname": "trial-co", "line": 5, "parent": "north-mssp"}]


def test_at_most_50_customers_that_the_list_lacks_are_read(terminal: Terminal, emulator: Emulator) -> None:
    write(terminal, catalog(*(f"gone-{number:02}" for number in range(53))))
    emulator.faults.add("GET /customer/gone-07 403")
    done = terminal.run("catalog", "compare", "customers.yaml")
    assert "53 missing" in done.stdout
    assert done.stderr == (
        "Not read one by one: 4 customers (gone-50, gone-51, gone-52, gone-07). The list of example-msp lacks them; "
        "they may exist below another account.\n"
    )
    assert sum(each.startswith("GET /api/v1/customer/") for each in sent(emulator)) == 50


def test_a_list_that_lacks_customers_makes_none_missing(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(list_limit=1)
    emulator.seed("acme-corp")
    emulator.seed("harbor-co")
    write(terminal, catalog("acme-corp", "harbor-co"))
    done = terminal.run("catalog", "compare", "customers.yaml")
    assert done.returncode == 0
    assert "2 equal" in done.stdout
    assert done.stderr == "The list lacks customers that exist (1), so there may be more than these.\n"


def test_customers_that_differ_only_in_case_and_exist_are_compared(terminal: Terminal, emulator: Emulator) -> None:
    emulator.seed("UPPER-co")
    write(terminal, catalog("UPPER-co", "upper-CO"))
    one = terminal.run("catalog", "compare", "customers.yaml")
    assert one.returncode == 1
    assert "differs only in upper and lower case" in one.stderr
    emulator.seed("upper-CO")
    both = terminal.run("catalog", "compare", "customers.yaml")
    assert (both.returncode, both.stderr) == (0, "")
    assert "2 equal" in both.stdout


def test_two_customers_with_one_shortname_are_refused(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(unique_shortnames=False)
    ids = sorted(emulator.seed("acme-corp").id for _ in range(2))
    write(terminal, catalog("acme-corp"))
    before = (terminal.folder / "customers.yaml").read_text()
    for command in (["compare", "customers.yaml"], ["export", "-o", "customers.yaml"], ["export"]):
        done = terminal.run("catalog", *command)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"'acme-corp' with the ids {ids[0]} and {ids[1]}" in done.stderr
    assert (terminal.folder / "customers.yaml").read_text() == before


def test_flows_that_only_others_have_differ(terminal: Terminal, emulator: Emulator) -> None:
    emulator.switch(record="extended")
    emulator.seed("acme-corp", organization="A", fps=1000)
    emulator.seed("harbor-co", organization="A")
    text = catalog("acme-corp", "harbor-co").replace(
        "customers", "defaults: {contractual_flows_per_second: 1000}\ncustomers"
    )
    write(terminal, text)
    done = terminal.run("catalog", "compare", "customers.yaml")
    assert (done.returncode, done.stderr) == (7, "")
    assert "1 different, 1 equal" in done.stdout
    assert "harbor-co  Contractual Flows per Second  1000  unset" in done.stdout
    assert "Not compared" not in done.stdout
    different = json.loads(terminal.run("catalog", "compare", "customers.yaml", "--format", "json").stdout)["different"]
    assert different[0]["fields"] == {"contractual_flows_per_second": {"file": 1000, "service": None}}

    exported = terminal.run("catalog", "export", "-o", "customers.yaml")
    assert exported.stderr.splitlines() == [
        "customers.yaml: 0 added, 0 changed, 0 not in example-msp.",
        "  harbor-co has no Contractual Flows per Second in example-msp. 1000 was left as it is.",
    ]
    assert (terminal.folder / "customers.yaml").read_text() == text

    # A service that shows nobody's flows proves nothing.
    emulator.switch(record="strict")
    assert terminal.run("catalog", "compare", "customers.yaml").returncode == 0
