"""Every field of the model is in both frontends and in the documents, and each kind of field is documented."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pulumi import Output

from pulumi_fusion import dynamic
from pulumi_fusion.customer.model import FIELDS, OUTPUTS, Account, FieldSpec, Kind, State, value_type
from pulumi_fusion.customer.names import state_key

ROOT = Path(__file__).resolve().parents[2]
SIGNATURE = inspect.signature(dynamic.Customer.__init__).parameters
EXAMPLES = ROOT / "provider/pulumi_fusion/plugin/customer.md"
LANGUAGES = ("typescript", "python", "go", "csharp", "java", "yaml")


def plain_types(annotation: Any) -> set[type]:
    """Return which of the types of fields are part of an annotation."""
    parts = set(get_args(annotation)) | {annotation}
    while nested := {part for each in parts for part in get_args(each)} - parts:
        parts |= nested
    return parts & {str, int, bool}


def test_the_signature_of_customer_has_every_input_of_the_model() -> None:
    assert set(dynamic.INPUTS) == set(FIELDS)


def test_customer_has_every_output_of_the_model() -> None:
    assert set(dynamic.OUTPUTS) == set(OUTPUTS)


@pytest.mark.parametrize(("name", "spec"), {**FIELDS, **OUTPUTS}.items())
def test_an_account_has_the_attribute_that_shows_the_field(name: str, spec: FieldSpec) -> None:
    assert spec.shown is None or spec.shown in Account.model_fields, f"add {spec.shown} of {name} to Account"


@pytest.mark.parametrize("name", FIELDS)
def test_a_parameter_of_customer_has_the_type_and_default_of_the_model(name: str) -> None:
    assert (SIGNATURE[name].default is inspect.Parameter.empty) == FIELDS[name].required
    assert plain_types(SIGNATURE[name].annotation) == {value_type(name)}


@pytest.mark.parametrize("name", State.model_fields)
def test_an_attribute_of_customer_is_an_output_of_its_state_key(name: str) -> None:
    annotation = dynamic.Customer.__annotations__[name]
    assert plain_types(annotation) == {value_type(name)}
    assert annotation.__origin__ is Output
    assert vars(dynamic.Customer)[name].name == state_key(name)


def test_the_architecture_has_a_row_for_each_kind_of_field() -> None:
    [rows] = re.findall(r"\| Kind \|.*\n\|---.*\n((?:\|.*\n)+)", (ROOT / "provider/ARCHITECTURE.md").read_text())
    cells = [row.strip("| ").split(" | ") for row in rows.splitlines()]
    assert [row[0] for row in cells] == [kind.value for kind in Kind]
    assert all(len(row) == 5 and all(row) for row in cells)


def test_the_page_about_customers_describes_each_kind_of_input() -> None:
    page = (ROOT / "provider/docs/customer.md").read_text()
    described = re.findall(r"^- \*\*([\w -]+)\*\*:", page, re.MULTILINE)
    assert described == [kind.value for kind in Kind if kind is not Kind.OUTPUT]


def required_in(language: str) -> Iterator[str]:
    """Yield the names of the required fields in a language."""
    for name in (name for name, spec in FIELDS.items() if spec.required):
        key = state_key(name)
        yield {"python": name, "go": key[0].upper() + key[1:], "csharp": key[0].upper() + key[1:]}.get(language, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_of_a_language_sets_every_required_field(language: str) -> None:
    [code] = re.findall(rf"```{language}\n(.*?)```", EXAMPLES.read_text(), re.DOTALL)
    assert [name for name in required_in(language) if not re.search(rf"\b{name}\b\s*[:=(]", code)] == []


@pytest.mark.parametrize(
    ("program", "language"),
    [
        ("masquerade/__main__.py", "python"),
        ("providers/__main__.py", "python"),
        ("quickstart/__main__.py", "python"),
        ("typescript/index.ts", "typescript"),
        ("yaml/Pulumi.yaml", "yaml"),
    ],
)
def test_an_example_program_sets_every_required_field(program: str, language: str) -> None:
    code = (ROOT / "examples" / program).read_text()
    assert [name for name in required_in(language) if not re.search(rf"\b{name}\b", code)] == []
