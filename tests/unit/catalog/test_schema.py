"""The JSON Schema of a catalog accepts what the rules of the fields accept, and refuses the rest as far as it can."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]
from regress import Regex

from pulumi_fusion.catalog.schema import catalog_schema
from pulumi_fusion.customer import rules
from pulumi_fusion.customer.check import check
from pulumi_fusion.customer.model import FIELDS, OUTPUTS, Fields
from pulumi_fusion.customer.names import state_key

CHECK_JSONSCHEMA: Final = Path(sys.executable).with_name("check-jsonschema")

ENTRY: Final[Mapping[str, Any]] = {
    "email": "mara@acme.example.com",
    "given_name": "Mara",
    "family_name": "Lindqvist",
    "organization": "Acme Corporation",
    "type": "SLG",
    "status": "Active",
    "data_retention": 90,
    "rollup_retention": 365,
}
NAMES: Final = [name for name in FIELDS if name != "shortname"]
REQUIRED: Final = [name for name in NAMES if FIELDS[name].required]


def by_javascript(validator: Any, pattern: str, text: Any, schema: Any) -> Any:
    """Check a pattern as editors and check-jsonschema do: in Python, ``$`` also matches before a line break."""
    if isinstance(text, str) and Regex(pattern, flags="u").find(text) is None:
        yield ValidationError(f"{text!r} does not match {pattern!r}")


VALIDATOR: Final = extend(Draft7Validator, {"pattern": by_javascript})(catalog_schema())


def catalog(entry: Mapping[str, Any], defaults: Mapping[str, Any] | None = None, shortname: str = "acme-corp") -> Any:
    parts = {"version": 1, "customers": {shortname: dict(entry)}}
    return parts if defaults is None else {**parts, "defaults": dict(defaults)}


def accepted(value: Any) -> bool:
    return bool(VALIDATOR.is_valid(value))


def failures(values: Mapping[str, Any]) -> set[str]:
    """Return the properties that the check of the provider refuses."""
    raw = {"shortname": "acme-corp"} | dict(values)
    return {failure.property for failure in check({state_key(name): raw[name] for name in raw}, None).failures}


def only_rules_refuse(name: str, value: Any) -> bool:
    """Return whether only the rules can refuse the value: the schema doesn't have every detail.

    These are invisible characters that are rare or allowed at some places, and the details of e-mail addresses.
    """
    if not isinstance(value, str):
        return False
    return name == "email" or any(unicodedata.category(character) == "Cf" for character in value)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.sampled_from([0, 1, 7, 45, 90, 180, 365, 90.0, 90.5, -1, 2**31 - 1, 2**31])
enums = st.sampled_from(["Active", "active", "Trial Active", "SLG", "MSSP", "slg", "customer", "reseller", "staff"])
edges = st.sampled_from(["", " ", " a", "a ", "a\n", "a b", "a\u200bb", "\u0646\u200c\u0647", "true", "90", "x" * 300])
emails = st.sampled_from(["a@b.co", "a@b", "ä@exämple.com", "a@例え。jp"]) | st.emails()
others: st.SearchStrategy[Any] = (
    st.sampled_from([None, True, False, [], {}]) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
scalars = texts | numbers | enums | edges | emails | others


def test_the_example_is_accepted() -> None:
    assert accepted(catalog(ENTRY))


@given(st.sampled_from(NAMES), scalars)
@example("organization", "a\n")
def test_the_schema_accepts_a_value_exactly_if_its_rule_does(name: str, value: Any) -> None:
    entry = {**ENTRY, name: value}
    # None means in a program that the field is unset; in a file it has no meaning.
    refused = value is None or bool(failures(entry))

    if refused:
        assert only_rules_refuse(name, value) or not accepted(catalog(entry))
    else:
        assert accepted(catalog(entry))


@given(st.sampled_from(NAMES), scalars)
def test_a_default_has_the_rule_of_the_field(name: str, value: Any) -> None:
    entry = {each: ENTRY[each] for each in ENTRY if each != name}

    if name == "adopt":
        assert not accepted(catalog(entry, {name: value}))
    elif value is not None and not failures({**entry, name: value}):
        assert accepted(catalog(entry, {name: value}))
    else:
        assert only_rules_refuse(name, value) or not accepted(catalog(entry, {name: value}))


shortnames = (
    texts | st.from_regex(rules.shortname.schema["pattern"]) | st.sampled_from(["acme", "acme+corp", "acme-corp\n"])
)


@given(shortnames)
def test_the_schema_accepts_a_shortname_exactly_if_the_rule_does(name: str) -> None:
    assert accepted(catalog(ENTRY, shortname=name)) == rules.is_shortname(name)


retentions = st.fixed_dictionaries(
    {},
    optional={
        "data_retention": st.sampled_from([7, 45, 90, 180]),
        "rollup_retention": st.sampled_from([7, 90, 180, 365]),
        "status": st.sampled_from(["Active", "Trial Active"]),
        "email": st.just("mara@acme.example.com"),
    },
)
REST: Final = {name: ENTRY[name] for name in ("given_name", "family_name", "organization", "type")}


@given(retentions, st.none() | retentions)
def test_defaults_and_entry_together_have_what_is_required_and_a_rollup_retention_that_covers_the_data_retention(
    entry: dict[str, Any], defaults: dict[str, Any] | None
) -> None:
    together = {**REST, **(defaults or {}), **entry}
    complete = {**ENTRY, "rollup_retention": 365, **(defaults or {})}
    if "data_retention" not in (defaults or {}):
        complete["data_retention"] = 7

    assert accepted(catalog({**REST, **entry}, defaults)) == (not failures(together) and not failures(complete))


@pytest.mark.parametrize(
    "wrong",
    [
        {"customers": {}},
        {"version": 2, "customers": {}},
        {"version": "1", "customers": {}},
        {"version": 1},
        {"version": 1, "customers": []},
        {"version": 1, "customers": {}, "default": {}},
        {"version": 1, "customers": {"acme-corp": None}},
        {"version": 1, "customers": {}, "defaults": None},
        catalog({**ENTRY, "shortname": "acme-corp"}),
        catalog({**ENTRY, "dataRetention": 90}),
        catalog(ENTRY, {"shortname": "acme-corp"}),
        *(catalog({**ENTRY, name: "x"}) for name in OUTPUTS),
    ],
)
def test_another_structure_is_refused(wrong: Any) -> None:
    assert not accepted(wrong)


def test_a_catalog_without_customers_or_defaults_is_accepted() -> None:
    assert accepted({"version": 1, "customers": {}})


@pytest.mark.parametrize("name", NAMES)
def test_each_field_has_its_description(name: str) -> None:
    assert catalog_schema()["definitions"][name]["description"] == Fields.model_fields[name].description


def test_the_outputs_are_named_as_absent() -> None:
    described = catalog_schema()["properties"]["customers"]["description"]

    assert all(name in described for name in OUTPUTS)


def test_a_field_that_the_program_sets_is_not_required() -> None:
    entry = {name: value for name, value in ENTRY.items() if name not in ("email", "given_name", "family_name")}

    assert not accepted(catalog(entry))
    assert Draft7Validator(catalog_schema(without=["email", "given_name", "family_name"])).is_valid(catalog(entry))


def test_a_type_of_the_service_can_be_added() -> None:
    entry = {**ENTRY, "type": "Partner"}

    assert not accepted(catalog(entry))
    assert Draft7Validator(catalog_schema(types=["Partner"])).is_valid(catalog(entry))


def check_jsonschema(*arguments: str | Path) -> tuple[int, str]:
    ended = subprocess.run([CHECK_JSONSCHEMA, *arguments], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout


EXAMPLE: Final = Path(__file__).resolve().parents[3] / "examples/gitops"


def test_check_jsonschema_accepts_the_schema_and_the_example() -> None:
    schema, example = EXAMPLE / "customers.schema.json", EXAMPLE / "customers.yaml"

    assert check_jsonschema("--check-metaschema", schema)[0] == 0
    assert check_jsonschema("--schemafile", schema, example)[0] == 0


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("status: Active", "status: active", "$.defaults.status: 'active' is not one of ['Active', 'Trial Active']"),
        ("  type: SLG\n", "", "'type' is a required property"),
        ("customers:", "customers:\n  acme:", "'acme' does not match"),
        ("rollup_retention: 365", "rollup_retention: 7", "7 is not one of [90, 180, 365]"),
    ],
)
def test_check_jsonschema_refuses_a_mistake_in_the_example(
    tmp_path: Path, right: str, wrong: str, problem: str
) -> None:
    text = (EXAMPLE / "customers.yaml").read_text(encoding="utf-8")
    file = tmp_path / "customers.yaml"
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")

    code, output = check_jsonschema("--schemafile", EXAMPLE / "customers.schema.json", "--verbose", file)

    assert code == 1
    assert problem in output
