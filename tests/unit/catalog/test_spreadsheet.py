"""A CSV file has the fields in its first row and a customer in each further one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_fusion.catalog.check import validate
from pulumi_fusion.catalog.findings import Rule
from pulumi_fusion.catalog.loading import load
from pulumi_fusion.customer.model import FIELDS

HEADER = "shortname,organization,email,given_name,family_name,type,status,data_retention,rollup_retention,internal"
ROW = "acme-corp,Acme Corporation,soc@msp.example.com,Mara,Lindqvist,SLG,Active,90,365,"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "customers.csv"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_are_separated_as_in_the_header(file: Path, separator: str) -> None:
    file.write_text("\ufeff" + f"{HEADER}\r\n{ROW}\r\n\r\n".replace(",", separator), newline="")
    catalog, findings = load(str(file), FIELDS)
    assert (findings, validate(str(file))) == ([], [])
    [entry] = catalog.entries
    assert catalog.fields(entry) == {
        "shortname": "acme-corp",
        "organization": "Acme Corporation",
        "email": "soc@msp.example.com",
        "given_name": "Mara",
        "family_name": "Lindqvist",
        "type": "SLG",
        "status": "Active",
        "data_retention": 90,
        "rollup_retention": 365,
    }


def test_the_separator_that_excel_writes_is_used(file: Path) -> None:
    file.write_text("sep=;\r\nshortname;organization\r\nacme-corp;Acme, Bob & Co\r\nacme-corp;\r\n", newline="")
    catalog, [finding] = load(str(file), FIELDS)
    assert catalog.fields(catalog.entries[0])["organization"] == "Acme, Bob & Co"
    assert (finding.rule, finding.place.line) == (Rule.DUPLICATE_KEY, 4)


def test_a_cell_has_the_type_of_its_field(file: Path) -> None:
    file.write_text("shortname,organization,internal,multi_account,data_retention\n12345,90,TRUE,False,090\n")
    catalog, _ = load(str(file), FIELDS)
    assert catalog.fields(catalog.entries[0]) == {
        "shortname": "12345",
        "organization": "90",
        "internal": True,
        "multi_account": False,
        "data_retention": 90,
    }


@pytest.mark.parametrize(
    ("content", "place", "rule", "message"),
    [
        ("", (1, 1), Rule.STRUCTURE, "the first row must have the names of the fields"),
        ("organization\nAcme\n", (1, 1), Rule.STRUCTURE, "with shortname among them"),
        ("Shortname,type\nacme-corp,SLG\n", (1, 1), Rule.UNKNOWN_KEY, "Shortname is spelled shortname here"),
        ("shortname,dataRetention\n", (1, 2), Rule.UNKNOWN_KEY, "dataRetention is spelled data_retention here"),
        ("shortname,Given Name\n", (1, 2), Rule.UNKNOWN_KEY, "Given Name is spelled given_name here"),
        ("shortname,statsu\nacme-corp,Active\n", (1, 2), Rule.UNKNOWN_KEY, "(did you mean 'status'?)"),
        ("shortname,type,type\n", (1, 3), Rule.DUPLICATE_KEY, "type is there twice"),
        ("shortname,type\n,SLG\n", (2, 1), Rule.STRUCTURE, "the row has no shortname"),
        ("shortname,type\nacme-corp,SLG,x\n", (2, 3), Rule.STRUCTURE, "more cells than the first row"),
        ("shortname\nacme-corp\nacme-corp\n", (3, 1), Rule.DUPLICATE_KEY, "first in line 2"),
        ('shortname\nacme-corp\n"a\n', (3, 1), Rule.UNREADABLE, "this isn't CSV"),
        ('shortname,type\n"a\nb",SLG\n"a\nb",\n', (4, 1), Rule.DUPLICATE_KEY, "first in line 2"),
    ],
)
def test_a_wrong_structure_is_one_finding(
    file: Path, content: str, place: tuple[int, int], rule: Rule, message: str
) -> None:
    file.write_text(content)
    [finding] = load(str(file), FIELDS)[1]
    assert (finding.place, finding.rule) == (place, rule)
    assert message in finding.text


def test_a_field_in_another_spelling_is_not_missing_as_well(file: Path) -> None:
    file.write_text(f"{HEADER}\n{ROW}\n".replace("given_name", "givenName"))
    [problem] = validate(str(file))
    assert str(problem) == f"{file}:1:4: givenName is spelled given_name here"


def test_a_missing_field_has_no_defaults_to_be_added_to(file: Path) -> None:
    file.write_text(f"{HEADER}\n{ROW.replace('Active', '')}\n")
    [problem] = validate(str(file))
    assert str(problem) == f"{file}:2:1: acme-corp: Status is required: add status here"


def test_values_are_checked_by_the_same_rules(file: Path) -> None:
    file.write_text(f"{HEADER}\n{ROW.replace('90', 'ninety')}yes\n")
    assert [str(each).replace(f"{file}:", "") for each in validate(str(file))] == [
        "2:8: acme-corp: Data Retention must be one of 7, 45, 90, 180 (days), not 'ninety'",
        "2:10: acme-corp: Internal must be true or false, not 'yes'",
    ]
