"""The schema is derived from the model, describes everything, and has what code generation needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulumi_fusion.customer.model import FIELDS, OUTPUTS, Kind, State, value_type
from pulumi_fusion.customer.names import CustomerStatus, CustomerType, state_key
from pulumi_fusion.plugin import schema
from pulumi_fusion.settings import SETTING_SOURCES

SCHEMA: dict[str, Any] = json.loads(schema.as_json())
CUSTOMER = SCHEMA["resources"]["fusion:index:Customer"]

TYPES = {str: "string", int: "integer", bool: "boolean"}


def types(properties: dict[str, Any]) -> dict[str, str]:
    return {key: each["type"] for key, each in properties.items()}


def test_the_schema_has_every_field_of_the_model_with_its_type() -> None:
    assert types(CUSTOMER["inputProperties"]) == {state_key(name): TYPES[value_type(name)] for name in FIELDS}
    assert types(CUSTOMER["properties"]) == {state_key(name): TYPES[value_type(name)] for name in State.model_fields}


def test_the_schema_requires_what_the_model_requires() -> None:
    assert set(CUSTOMER["requiredInputs"]) == {state_key(name) for name, spec in FIELDS.items() if spec.required}


def test_the_schema_requires_the_outputs_that_every_record_shows() -> None:
    assert CUSTOMER["required"] == ["shortname", "status", "dataRetention", "rollupRetention", "customerId"]


def test_the_filters_of_a_list_are_stable() -> None:
    assert set(CUSTOMER["listInputs"]["properties"]) == {"parent", "status", "dataRetention", "rollupRetention"}


def test_the_account_of_the_functions_has_every_field_that_a_record_can_show() -> None:
    assert list(SCHEMA["types"]["fusion:index:Account"]["properties"]) == [
        *(state_key(name) for name, spec in {**FIELDS, **OUTPUTS}.items() if spec.shown),
        "children",
    ]


def test_only_fields_whose_change_replaces_have_replace_on_changes() -> None:
    replacing = {key for key, each in CUSTOMER["inputProperties"].items() if each.get("replaceOnChanges")}
    assert replacing == {state_key(name) for name, spec in FIELDS.items() if spec.kind is Kind.REPLACE}


@pytest.mark.parametrize("kind", [CustomerStatus, CustomerType])
def test_enums_have_the_values_of_the_python_enums(kind: type[CustomerStatus] | type[CustomerType]) -> None:
    enum = SCHEMA["types"][f"fusion:index:{kind.__name__}"]["enum"]
    assert [each["value"] for each in enum] == [each.value for each in kind]


def test_the_type_may_be_one_that_only_the_service_lists() -> None:
    assert {"type": "string"} in CUSTOMER["inputProperties"]["type"]["oneOf"]


def test_the_settings_are_those_of_the_dynamic_provider_and_only_the_credential_is_secret() -> None:
    for settings in (SCHEMA["config"]["variables"], SCHEMA["provider"]["inputProperties"]):
        assert set(settings) == {state_key(name) for name in SETTING_SOURCES}
        assert [key for key, each in settings.items() if each.get("secret")] == ["netosecret"]
        for key, each in settings.items():
            ways = " ".join(SETTING_SOURCES[{"apiUrl": "api_url", "maxDeletes": "max_deletes"}.get(key, key)])
            variable = next(word for word in ways.split() if word.startswith(("FUSION_", "NETOSECRET")))
            assert variable in each["description"]
            # An SDK would read them in the program and write them into the state: pulumi-azure-native#1309.
            assert not {"default", "defaultInfo"} & set(each)


def described(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, dict) and ("type" in each or "inputProperties" in each or "outputs" in each):
                yield f"{path}/{key}", each
            yield from described(each, f"{path}/{key}")


def test_everything_is_described() -> None:
    parts = ("provider", "config", "types", "resources", "functions")
    bare = [
        path
        for part in parts
        for path, each in described(SCHEMA[part], part)
        if not path.endswith(("/items", "roperties")) and not each.get("description")
    ]
    assert bare == []


@pytest.mark.parametrize("language", ["typescript", "python", "go", "csharp", "java", "yaml"])
def test_the_resource_has_an_example_in_every_language(language: str) -> None:
    assert f"```{language}\n" in CUSTOMER["description"]


def test_the_description_of_the_resource_has_an_import_command() -> None:
    assert "## Import" in CUSTOMER["description"]
    assert "pulumi import fusion:index:Customer acme acme-corp" in CUSTOMER["description"]


def test_the_package_has_its_own_name_in_every_language() -> None:
    """Pulumi's own names are what the generators fall back to; `pulumi_fusion` is this provider."""
    assert SCHEMA["namespace"] == "pulumi-fusion"
    languages = SCHEMA["language"]
    assert languages["python"]["packageName"] == "pulumi_fusion_sdk"
    assert languages["nodejs"]["packageName"] == "@pulumi-fusion/fusion"
    assert languages["go"]["importBasePath"] == "example.com/pulumi-fusion/sdk/go/fusion"
    assert languages["csharp"]["rootNamespace"] == "PulumiFusion"
    assert languages["java"]["basePackage"] == "pulumifusion"


def test_the_docs_import_those_names() -> None:
    docs = CUSTOMER["description"]
    for foreign in ("@pulumi/fusion", "com.pulumi.fusion", "Pulumi.Fusion", "github.com/pulumi/pulumi-fusion"):
        assert foreign not in docs
    assert "import pulumifusion.fusion.Customer;" in docs


def test_the_schema_has_no_url_at_which_nothing_is_published() -> None:
    assert not {"repository", "homepage", "pluginDownloadURL"} & set(SCHEMA)
    # The generator for C# downloads the logo; without this it asks a host that a build may not reach.
    assert SCHEMA["logoUrl"].startswith("https://api.nuget.org/")


def test_the_version_is_that_of_the_project() -> None:
    project = Path(__file__).parents[3] / "pyproject.toml"
    written = re.search(r'^version = "(.+)"$', project.read_text(), re.MULTILINE)
    assert written is not None
    assert SCHEMA["version"] == written[1]
