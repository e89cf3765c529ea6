"""What is wrong with the structure of a catalog is found at once, with its place, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_fusion.catalog import loading
from pulumi_fusion.catalog.entries import Catalog
from pulumi_fusion.catalog.findings import Finding, Place, Rule
from pulumi_fusion.catalog.loading import load
from pulumi_fusion.customer.model import FIELDS

HEAD = "version: 1\ncustomers:\n"


def loaded(tmp_path: Path, content: str | bytes, name: str = "customers.yaml") -> tuple[Catalog, list[Finding]]:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(str(file), FIELDS)


def found(tmp_path: Path, content: str | bytes) -> list[tuple[Place, Rule, str]]:
    return [(each.place, each.rule, each.text) for each in loaded(tmp_path, content)[1]]


def test_an_entry_overrides_the_defaults_and_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    catalog, findings = loaded(
        tmp_path,
        "version: 1\n"
        "defaults: {type: SLG, data_retention: 90}\n"
        "customers:\n"
        "  zebra-corp: {data_retention: 45, internal: true}\n"
        "  acme-corp: {organization: 'NO'}\n",
    )
    assert findings == []
    assert [catalog.fields(entry) for entry in catalog.entries] == [
        {"type": "SLG", "data_retention": 45, "internal": True, "shortname": "zebra-corp"},
        {"type": "SLG", "data_retention": 90, "organization": "NO", "shortname": "acme-corp"},
    ]
    zebra, acme = catalog.entries
    assert (zebra.place, acme.own["organization"].place) == (Place(4, 3), Place(5, 29))


@pytest.mark.parametrize(
    ("content", "place", "rule", "message"),
    [
        ("", (1, 1), Rule.STRUCTURE, "a catalog is a map with version, defaults and customers"),
        ("- a\n", (1, 1), Rule.STRUCTURE, "a catalog is a map with version, defaults and customers"),
        ("version: 1\n", (1, 1), Rule.STRUCTURE, "customers is missing"),
        ("customers: {}\n", (1, 1), Rule.STRUCTURE, "version is missing: write version: 1"),
        ("version: 2\ncustomers: {}\n", (1, 10), Rule.STRUCTURE, "version must be 1, not 2"),
        ("version: '1'\ncustomers: {}\n", (1, 10), Rule.STRUCTURE, "version must be 1"),
        ("version: [1]\ncustomers: {}\n", (1, 10), Rule.STRUCTURE, "version must be 1, not a map or a list"),
        ("version: 1\ncustomers:\n", (2, 11), Rule.STRUCTURE, "customers must be a map, not nothing"),
        ("version: 1\ncustomers: []\n", (2, 12), Rule.STRUCTURE, "customers must be a map, not a list"),
        ("version: 1\ndefaults: 7\ncustomers: {}\n", (2, 11), Rule.STRUCTURE, "defaults must be a map, not '7'"),
        (f"{HEAD}  acme-corp:\n", (3, 13), Rule.STRUCTURE, "acme-corp: a customer must be a map, not nothing"),
        (f"{HEAD}  acme-corp: {{type: [a]}}\n", (3, 21), Rule.STRUCTURE, "type must be a value, not a map or a list"),
        ("version: 1\ncustomer: {}\ncustomers: {}\n", (2, 1), Rule.UNKNOWN_KEY, "(did you mean 'customers'?)"),
        (f"{HEAD}  acme-corp: {{statu: Active}}\n", (3, 15), Rule.UNKNOWN_KEY, "(did you mean 'status'?)"),
        (f"{HEAD}  acme-corp: {{dataRetention: 7}}\n", (3, 15), Rule.UNKNOWN_KEY, "is spelled data_retention here"),
        (f"{HEAD}  acme-corp: {{shortname: b}}\n", (3, 15), Rule.UNKNOWN_KEY, "the key of a customer is its shortname"),
        (f"{HEAD}  acme-corp: {{<<: {{}}}}\n", (3, 15), Rule.UNKNOWN_KEY, "merge keys aren't supported"),
        ("version: 1\ndefaults: {adopt: x}\ncustomers: {}\n", (2, 12), Rule.UNKNOWN_KEY, "belongs to one customer"),
        (f"{HEAD}  12345: {{}}\n", (3, 3), Rule.AMBIGUOUS_VALUE, "12345: 12345 isn't a text for every reader"),
        (f"{HEAD}  acme-corp: {{}}\n  acme-corp: {{}}\n", (4, 3), Rule.DUPLICATE_KEY, "first in line 3"),
        (f"{HEAD}  acme-corp: {{type: a, type: b}}\n", (3, 24), Rule.DUPLICATE_KEY, "type is there twice"),
        (f"{HEAD}  acme-corp: &a {{}}\n", (3, 14), Rule.UNSUPPORTED_YAML, "the anchor &a isn't supported"),
        (f"{HEAD}  acme-corp: {{type: !!str a}}\n", (3, 21), Rule.UNSUPPORTED_YAML, "the tag tag:yaml.org,2002:str"),
        (f"{HEAD}  acme-corp: !!python/object:os.system {{}}\n", (3, 14), Rule.UNSUPPORTED_YAML, "isn't supported"),
        (f"{HEAD}  ? [a]\n  : {{}}\n", (3, 5), Rule.UNSUPPORTED_YAML, "a key must be a text"),
        ("version: 1\ncustomers: {}\n---\na: 1\n", (3, 1), Rule.UNSUPPORTED_YAML, "a catalog is one document"),
        (HEAD + "  acme-corp: " + "[" * 100_000, (3, 22), Rule.UNSUPPORTED_YAML, "more than 10 levels"),
        ("version: 1\n  b: [\n", (2, 4), Rule.UNREADABLE, "this isn't YAML"),
        ("version: 1\ncustomers: {}\n\x07\n", (3, 1), Rule.UNREADABLE, "this isn't YAML"),
        (b"version: 1\n# \xff\n", (2, 3), Rule.UNREADABLE, "the file isn't UTF-8"),
    ],
)
def test_a_wrong_structure_is_one_finding(
    tmp_path: Path, content: str | bytes, place: tuple[int, int], rule: Rule, message: str
) -> None:
    [(at, broken, text)] = found(tmp_path, content)
    assert (at, broken) == (place, rule)
    assert message in text


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("NO", "some readers of YAML take NO for true or false: write one of these, or put the text in quotes"),
        ("0x5A", "take 0x5A for a number: write the number in decimal digits, or put the text in quotes"),
        ("2020-01-01", "take 2020-01-01 for a date: put it in quotes"),
        ("Acme #1 Corp", "what follows # is a comment: put the whole text in quotes, or write a space after #"),
        ("", "it has no value: write one, or remove the line"),
        ("Acme: the best", "A text with a colon and a space must be in quotes"),
        ("@Home", "put a text that begins with a special character in quotes"),
        ("\tAcme: x", "in quotes"),
        ("'Bob's'", "write a quote in a text as in 'Bob''s' or \"Bob's\""),
        ("&Co Ltd", "the anchor &Co isn't supported: put a text in quotes"),
        ("*Star", "the alias *Star isn't supported: put a text in quotes"),
        ("!Yahoo", "the tag !Yahoo isn't supported: put a text in quotes"),
    ],
)
def test_the_message_has_the_way_out(tmp_path: Path, written: str, message: str) -> None:
    [(_, _, text)] = found(tmp_path, f"{HEAD}  acme-corp:\n    organization: {written}\n")
    assert message in text


@pytest.mark.parametrize("written", ["90 #days", "Acme # 1", "'Acme #1'", "Acme#1"])
def test_a_comment_and_a_hash_in_a_text_are_read(tmp_path: Path, written: str) -> None:
    assert found(tmp_path, f"{HEAD}  acme-corp:\n    organization: {written}\n") == []


def test_a_customer_that_is_not_indented_is_explained(tmp_path: Path) -> None:
    texts = [text for _, _, text in found(tmp_path, f"{HEAD}acme-corp:\n  type: SLG\n")]
    assert any("If it is a customer, indent it below customers" in each for each in texts)


def test_the_fields_of_a_customer_with_an_unclear_key_are_checked(tmp_path: Path) -> None:
    rules = [rule for _, rule, _ in found(tmp_path, f"{HEAD}  12345: {{statu: x, internal: NO}}\n")]
    assert rules == [Rule.AMBIGUOUS_VALUE, Rule.UNKNOWN_KEY, Rule.AMBIGUOUS_VALUE]


def test_a_merge_conflict_is_named(tmp_path: Path) -> None:
    findings = found(tmp_path, f"{HEAD}<<<<<<< HEAD\n  acme-corp: {{}}\n=======\n  lakeside: {{}}\n>>>>>>> x\n")
    assert findings == [(Place(3, 1), Rule.UNREADABLE, "a merge conflict is left here: resolve it")]


def test_an_alias_is_refused_before_it_is_expanded(tmp_path: Path) -> None:
    """Ten levels of ten aliases each would be ten thousand million values."""
    levels = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11))]
    findings = found(tmp_path, "\n".join(["version: 1", "customers: {}", *levels]))
    assert len(findings) == 11 + 100 + 11
    assert {rule for _, rule, _ in findings} == {Rule.UNSUPPORTED_YAML, Rule.UNKNOWN_KEY}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NO",
        "no",
        "yes",
        "On",
        "off",
        "010",
        "0o17",
        "0x1F",
        "1_000",
        "1:30",
        "2020-01-01",
        "1e3",
        ".5",
        "+7",
        "~",
        "null",
        "True",
        "FALSE",
        ".inf",
        ".NaN",
        "=",
    ],
)
def test_a_text_that_readers_take_for_something_else_must_be_quoted(tmp_path: Path, text: str) -> None:
    findings = found(tmp_path, f"{HEAD}  acme-corp: {{organization: {text}}}\n")
    quoted, none = loaded(tmp_path, f"{HEAD}  acme-corp: {{organization: '{text}'}}\n")

    [(place, rule, message)] = findings
    assert (place.line, rule) == (3, Rule.AMBIGUOUS_VALUE)
    assert "acme-corp: organization: " in message
    assert (quoted.entries[0].own["organization"].value, none) == (text, [])


@pytest.mark.parametrize("written", ["NO", "2020-01-01", "007"])
@pytest.mark.parametrize("field", ["given_name", "family_name", "email"])
def test_a_message_does_not_quote_the_first_admin(tmp_path: Path, field: str, written: str) -> None:
    [(_, _, text)] = found(tmp_path, f"{HEAD}  acme-corp: {{{field}: {written}}}\n")
    assert f"acme-corp: {field}: some readers of YAML take it for " in text
    assert written not in text


def test_all_problems_are_found_at_once(tmp_path: Path) -> None:
    findings = found(tmp_path, "release: 1\ndefaults: {adopt: a, Type: b}\ncustomers:\n  a: {x: 1}\n  b: {y: NO}\n")
    assert [tuple(place) for place, _, _ in findings] == [(1, 1), (1, 1), (2, 12), (2, 22), (4, 7), (5, 7)]


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    catalog, findings = loaded(tmp_path, "\ufeffversion: 1\r\ncustomers:\r\n  acme-corp: {type: SLG}\r\n")
    assert (findings, catalog.fields(catalog.entries[0])) == ([], {"type": "SLG", "shortname": "acme-corp"})


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGEST", 1024 * 1024)
    [(place, rule, message)] = found(tmp_path, b"#" * (1024 * 1024 + 1))
    assert (place, rule, message) == (Place(1, 1), Rule.UNREADABLE, "the file is larger than 1 MB")
