"""A program reads a catalog and declares its customers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

from pulumi_fusion import catalog
from tests.unit.catalog.test_check import VALID


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "customers.yaml"
    file.write_text(VALID)
    return file


def resource(name: str, **given: Any) -> dict[str, Any]:
    """A resource class that registers nothing."""
    return {"name": name, **given}


def test_a_resource_is_declared_for_each_customer(file: Path) -> None:
    customers = catalog.read(file)
    protected = pulumi.ResourceOptions(protect=True)
    declared = customers.declare(
        resource, options=lambda fields: protected if "Acme" in fields["organization"] else None
    )

    assert [*customers] == [*declared] == ["acme-corp", "lakeside"]
    assert declared["acme-corp"] == {**customers["acme-corp"], "name": "acme-corp", "opts": protected}
    assert declared["lakeside"]["opts"] is None
    assert customers["lakeside"]["organization"] == "Lakeside County"
    assert len(customers) == 2


def test_defaults_of_the_program_set_what_the_file_does_not(file: Path) -> None:
    file.write_text(VALID.replace("  email: onboarding@msp.example.com\n", ""))
    declared = catalog.read(file).declare(resource, defaults={"email": "soc@msp.example.com", "status": "Trial Active"})
    assert {(each["email"], each["status"]) for each in declared.values()} == {("soc@msp.example.com", "Active")}


@pytest.mark.parametrize("defaults", [None, {}, {"email": None}])
def test_a_missing_field_is_an_error_before_anything_is_declared(file: Path, defaults: Any) -> None:
    file.write_text(VALID.replace("  email: onboarding@msp.example.com\n", ""))
    declared: list[str] = []
    with pytest.raises(catalog.CatalogError) as raised:
        catalog.read(file).declare(lambda name, **_: declared.append(name), defaults=defaults)
    assert declared == []
    assert [str(each) for each in raised.value.findings] == [
        f"{file}:10:3: acme-corp: Email is required: add email here or to defaults",
        f"{file}:12:3: lakeside: Email is required: add email here or to defaults",
    ]
    assert all(str(each) in str(raised.value) for each in raised.value.findings)


def test_an_error_names_every_problem_up_to_a_limit(file: Path) -> None:
    file.write_text("version: 1\ncustomers:\n" + "".join(f"  acme-{n:02}: {{a: b}}\n" for n in range(25)))
    with pytest.raises(catalog.CatalogError) as raised:
        catalog.read(file)
    text = str(raised.value)
    assert text.startswith(f"The catalog {file} has problems. Nothing was sent. Correct these places")
    assert (text.count("isn't a field"), text.splitlines()[-1]) == (20, "and 5 more")
    assert len(raised.value.findings) == 25


@pytest.mark.parametrize(("name", "reason"), [("absent.yaml", "No such file"), ("customers.csv", "catalog convert")])
def test_a_file_that_is_absent_or_no_catalog_is_an_error_without_a_traceback(
    tmp_path: Path, name: str, reason: str
) -> None:
    """Pulumi shows a RunError of a program without a traceback."""
    with pytest.raises(pulumi.RunError, match=reason):
        catalog.read(tmp_path / name)


def test_an_unknown_name_of_the_module_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'apply'"):
        catalog.apply  # noqa: B018
