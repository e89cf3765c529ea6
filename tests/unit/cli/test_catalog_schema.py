"""The command ``pulumi-fusion catalog schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from pulumi_fusion.catalog.schema import as_json
from pulumi_fusion.cli.catalog.schema import schema

ROOT: Final = Path(__file__).resolve().parents[3]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(schema, [str(each) for each in arguments])


def test_the_schema_is_written_to_stdout() -> None:
    result = run()

    assert (result.exit_code, result.stdout) == (0, as_json())


def test_the_schema_is_written_to_a_file_and_the_line_that_names_it_is_printed(tmp_path: Path) -> None:
    result = run("-o", tmp_path / "customers.schema.json")

    assert result.exit_code == 0
    assert (tmp_path / "customers.schema.json").read_text(encoding="utf-8") == as_json()
    assert result.stdout == ""
    assert result.stderr == (
        "Wrote customers.schema.json. The first line of a catalog in its folder:\n"
        "# yaml-language-server: $schema=./customers.schema.json\n"
    )


def test_options_of_validate_change_the_schema() -> None:
    made = json.loads(run("--type", "Partner", "--without", "email,given_name").stdout)

    assert "Partner" in made["definitions"]["type"]["enum"]
    required = {
        each["then"]["properties"]["customers"]["additionalProperties"].get("required", [""])[0]
        for each in made["allOf"]
    }
    assert {"family_name", "status"} <= required
    assert not {"email", "given_name"} & required


def test_an_unknown_field_is_wrong_usage() -> None:
    result = run("--without", "e_mail")

    assert result.exit_code == 2
    assert "'e_mail' isn't a field (did you mean 'email'?)." in result.stderr


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    result = run("-o", tmp_path / "missing" / "customers.schema.json")

    assert result.exit_code == 1
    folder = tmp_path / "missing"
    assert result.stderr == f"Error: can't write {folder}/customers.schema.json: there is no folder {folder}\n"


@pytest.mark.parametrize("file", sorted((ROOT / "examples").rglob("customers.schema.json")), ids=str)
def test_the_schema_of_an_example_is_current(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == as_json(), (
        f"run pulumi-fusion catalog schema -o {file.relative_to(ROOT)}"
    )
