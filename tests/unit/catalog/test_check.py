"""Every value of a catalog must satisfy the rules that the provider enforces, and each problem is found once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_fusion.catalog.check import validate

VALID = """\
version: 1
defaults:
  email: onboarding@msp.example.com
  given_name: Mara
  family_name: Lindqvist
  type: SLG
  status: Active
  data_retention: 90
  rollup_retention: 365
customers:
  acme-corp:
    organization: Acme Corporation
  lakeside:
    organization: Lakeside County
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "customers.yaml"


def problems(file: Path, content: str, **options: list[str]) -> list[str]:
    file.write_text(content)
    return [str(each).replace(f"{file}:", "") for each in validate(str(file), **options)]


def test_a_valid_catalog_has_no_problem(file: Path) -> None:
    assert problems(file, VALID) == []


def test_each_problem_has_the_place_of_the_value_and_the_rule(file: Path) -> None:
    content = VALID.replace("Acme Corporation", "' Acme'\n    data_retention: 30\n    status: active")
    assert problems(file, content) == [
        "12:19: acme-corp: Organization must not begin or end with white space: remove it from ' Acme'",
        "13:21: acme-corp: Data Retention must be one of 7, 45, 90, 180 (days), not 30",
        "14:13: acme-corp: Status must be one of 'Active', 'Trial Active', not 'active' (did you mean 'Active'?)",
    ]


def test_a_wrong_default_is_one_problem(file: Path) -> None:
    assert problems(file, VALID.replace("SLG", "Gold").replace("365", "366")) == [
        "6:9: Type must be one of 'SLG', 'MSSP', 'customer', 'reseller', 'staff', not 'Gold'",
        "9:21: Rollup Retention must be one of 7, 90, 180, 365 (days), not 366",
    ]


def test_a_default_that_contradicts_an_entry_is_a_problem_of_the_entry(file: Path) -> None:
    content = VALID.replace("365", "90").replace("Lakeside County", "Lakeside\n    data_retention: 180")
    assert problems(file, content) == [
        "13:3: lakeside: Rollup Retention must be at least the Data Retention of 180 days, not 90"
    ]


def test_a_missing_field_is_a_problem_of_the_entry_that_lacks_it(file: Path) -> None:
    assert problems(file, VALID.replace("  status: Active\n", "")) == [
        "10:3: acme-corp: Status is required: add status here or to defaults",
        "12:3: lakeside: Status is required: add status here or to defaults",
    ]


@pytest.mark.parametrize("written", ["dataRetention: 90", "data_retention:", "data_retention: [90]"])
def test_a_field_that_cannot_be_read_is_not_missing_as_well(file: Path, written: str) -> None:
    [problem] = problems(file, VALID.replace("data_retention: 90", written))
    assert problem.startswith("8:")


def test_a_text_without_quotes_that_is_a_number_is_named(file: Path) -> None:
    assert problems(file, VALID.replace("Acme Corporation", "365")) == [
        "12:19: acme-corp: Organization must be a text: put 365 in quotes"
    ]


@pytest.mark.parametrize(("written", "what"), [("0", "not 0"), ('""', "is empty: fill it in")])
def test_flows_that_a_default_would_replace_are_not_to_be_left_out(file: Path, written: str, what: str) -> None:
    own = f"    contractual_flows_per_second: {written}\n"
    [problem] = problems(file, VALID.replace("defaults:\n", "defaults:\n  contractual_flows_per_second: 1000\n") + own)
    assert problem.endswith(f"{what}; if the contract has none, move the default 1000 to the customers that have it")
    [problem] = problems(file, VALID + own)
    assert "if the contract has none" in problem or "or remove it" in problem
    assert "default" not in problem


def test_the_first_admin_is_not_quoted(file: Path) -> None:
    content = VALID + "    given_name: 365\n"
    [problem] = problems(file, content)
    assert problem.endswith("lakeside: Given Name must be a text: put it in quotes")


def test_shortnames_follow_their_rule_and_differ_in_more_than_case(file: Path) -> None:
    content = VALID.replace("lakeside:", "ACME-corp:") + "  'no way':\n    organization: None\n"
    assert problems(file, content) == [
        "13:3: ACME-corp: it differs only in upper and lower case from acme-corp in line 11: for Fusion these are two "
        "customers. Rename or remove one, or move it to a catalog of its own if both exist",
        "15:3: no way: Shortname may contain ASCII letters, digits and -._~!$&'()*,;=:@ only (RFC 3986 without + and "
        "%), not ' '",
    ]


def test_an_account_is_adopted_once(file: Path) -> None:
    content = VALID.replace("Corporation\n", "Corporation\n    adopt: id-1\n") + "    adopt: id-1\n"
    assert problems(file, content) == [
        "16:12: lakeside: acme-corp in line 11 adopts the same account: remove one of the two"
    ]


def test_a_value_that_is_left_to_fill_in_is_named(file: Path) -> None:
    content = VALID.replace("Acme Corporation", '""').replace("365", '365\n  contractual_flows_per_second: ""')
    assert problems(file, content) == [
        "10:33: Contractual Flows per Second is empty: fill it in, or remove it",
        "13:19: acme-corp: Organization is empty: fill it in",
    ]


def test_a_type_of_the_service_can_be_accepted(file: Path) -> None:
    content = VALID.replace("Lakeside County", "Lakeside County\n    type: gold-tier")
    assert len(problems(file, content)) == 1
    assert problems(file, content, types=["gold-tier"]) == []


def test_a_field_that_the_program_sets_is_not_required_but_checked(file: Path) -> None:
    without = VALID.replace("  email: onboarding@msp.example.com\n", "").replace("  given_name: Mara\n", "")
    assert len(problems(file, without)) == 4
    assert problems(file, without, without=["email", "given_name"]) == []
    assert problems(file, VALID.replace("@msp", "@@msp"), without=["email"])[0].startswith("3:10: Email must be")


def test_a_control_character_of_the_file_does_not_reach_the_terminal(file: Path) -> None:
    [first, *_] = problems(file, VALID.replace("acme-corp:", '"a\\e[31mb\\nc":'))
    assert "\x1b" not in first
    assert "\n" not in first


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("given_name", "' Skippy'"),
        ("family_name", "'Skippy '"),
        ("family_name", '"Skip\\u200bpy Skippy"'),
        ("email", "' skippy@msp.example.com'"),
        ("email", "skippy@msp"),
        ("email", "'Skippy <skippy@msp.example.com>'"),
        ("email", "skippy@-msp.example.com"),
        ("email", "'skippy@m skippy.example.com'"),
        ("email", "skippy@xn--skippy.example.com"),
        ("email", "'skippy@[skippy]'"),
    ],
)
def test_no_name_and_no_address_of_a_first_admin_is_in_a_message(file: Path, field: str, value: str) -> None:
    [problem] = problems(file, VALID.replace("Acme Corporation", f"Acme Corporation\n    {field}: {value}"))
    assert problem.startswith("13:")
    assert "skippy" not in problem.lower()
