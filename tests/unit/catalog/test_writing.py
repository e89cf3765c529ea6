"""The text that export and convert write."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from ruamel.yaml import YAML

from pulumi_fusion.catalog.writing import Scalar, catalog_text, scalar
from tests.unit.catalog.catalogs import CUSTOMERS, values

ACME: dict[str, Scalar] = {
    "organization": "Acme Inc.",
    "type": "SLG",
    "status": "Active",
    "data_retention": 90,
    "rollup_retention": 365,
}


@given(CUSTOMERS)
def test_any_values_are_read_back_by_each_version_of_yaml(customers: dict[str, dict[str, Scalar]]) -> None:
    text = catalog_text(customers)
    assert values(text) == customers
    assert list(values(text)) == list(customers)
    assert all(char.isprintable() or char == "\n" for char in text)
    for document in (yaml.safe_load(text), YAML(typ="safe", pure=True).load(text)):
        defaults = document.get("defaults", {})
        assert {name: {**defaults, **fields} for name, fields in document["customers"].items()} == customers


def test_what_most_customers_share_is_a_default_and_the_rest_stays_short() -> None:
    customers: dict[str, dict[str, Scalar]] = {
        "acme-corp": {**ACME, "email": "", "contractual_flows_per_second": 5000},
        "harbor": {**ACME, "organization": "Harbor: NO", "email": "", "data_retention": 45},
        "lakeside": {**ACME, "organization": "", "email": "", "status": "Trial Active", "adopt": "5f-1"},
    }
    assert catalog_text(customers) == (
        "# yaml-language-server: $schema=./customers.schema.json\n"
        "version: 1\n"
        "\n"
        "defaults:\n"
        "  type: SLG\n"
        "  status: Active\n"
        "  data_retention: 90\n"
        "  rollup_retention: 365\n"
        '  email: ""  # fill in\n'
        "\n"
        "customers:\n"
        "  acme-corp:\n"
        "    organization: Acme Inc.\n"
        "    contractual_flows_per_second: 5000\n"
        "  harbor:\n"
        '    organization: "Harbor: NO"\n'
        "    data_retention: 45\n"
        "  lakeside:\n"
        '    organization: ""  # fill in\n'
        "    status: Trial Active\n"
        '    adopt: "5f-1"\n'
    )


def test_a_value_that_half_of_the_customers_have_stays_in_the_entries() -> None:
    customers: dict[str, dict[str, Scalar]] = {"first": {"data_retention": 45}, "second": {"data_retention": 90}}
    assert "defaults" not in catalog_text(customers)
    assert "defaults" not in catalog_text({"first": {"data_retention": 45}})


def test_a_field_that_one_customer_lacks_stays_in_the_entries() -> None:
    """A default can't be unset in an entry."""
    shared: dict[str, Scalar] = {"contractual_flows_per_second": 5000}
    assert "defaults" not in catalog_text({"first": shared, "second": shared, "third": {}})


def test_no_customers() -> None:
    assert catalog_text({}).endswith("version: 1\n\ncustomers: {}\n")
    assert values(catalog_text({})) == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Acme Inc.", "Acme Inc."),
        ("Zürich & Söhne (West)", "Zürich & Söhne (West)"),
        ("admin@acme.example.com", "admin@acme.example.com"),
        ("Acme, Inc.", '"Acme, Inc."'),
        ("NO", '"NO"'),
        ("0123", '"0123"'),
        ('say "x"\\', '"say \\"x\\"\\\\"'),
        ("a\x1b\u202e\U000e0001", '"a\\u001b\\u202e\\U000e0001"'),
        (True, "true"),
        (90, "90"),
        (0.5, "0.5"),
    ],
)
def test_a_text_is_in_quotes_unless_it_is_one_in_every_version_of_yaml(value: Any, text: str) -> None:
    assert scalar(value) == text
