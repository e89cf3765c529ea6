"""`pulumi-fusion catalog validate` as a shell runs it."""

from __future__ import annotations

import json

from pulumi_fusion.catalog.formats import FORMATS
from tests.contract.cli.terminal import Terminal
from tests.unit.catalog.test_check import VALID


def test_a_valid_file_is_silent(bare: Terminal) -> None:
    (bare.folder / "customers.yaml").write_text(VALID)
    done = bare.run("catalog", "validate", "customers.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_problems_of_all_files_are_printed(bare: Terminal) -> None:
    (bare.folder / "one.yaml").write_text(VALID.replace("SLG", "Gold"))
    (bare.folder / "two.csv").write_text("shortname;statsu\n")
    done = bare.run("catalog", "validate", "one.yaml", "absent.yaml", "two.csv", ".")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "one.yaml:6:9: Type must be one of 'SLG', 'MSSP', 'customer', 'reseller', 'staff', not 'Gold'",
        "two.csv:1:2: 'statsu' isn't a field (did you mean 'status'?)",
    ]
    assert done.stderr.splitlines() == [
        "Error: can't read absent.yaml: No such file or directory",
        "Error: can't read .: Is a directory",
        "Problems: 2.",
    ]


def test_a_field_that_does_not_exist_is_wrong_usage(bare: Terminal) -> None:
    done = bare.run("catalog", "validate", "--without", "email,givenName", "customers.yaml")
    assert done.returncode == 2
    assert "'givenName' isn't a field (did you mean 'given_name'?)." in done.stderr


def test_options_reach_the_check(bare: Terminal) -> None:
    content = VALID.replace("SLG", "gold").replace("  given_name: Mara\n", "")
    (bare.folder / "customers.yaml").write_text(content)
    done = bare.run("catalog", "validate", "customers.yaml", "--type", "gold", "--without", "given_name")
    assert (done.returncode, done.stdout) == (0, "")


def test_each_format_is_written_to_stdout_and_nothing_else(bare: Terminal) -> None:
    (bare.folder / "customers.yaml").write_text(VALID.replace("SLG", "Gold"))
    done = {name: bare.run("catalog", "validate", "--format", name, "customers.yaml") for name in FORMATS}
    assert {each.returncode for each in done.values()} == {1}
    assert {each.stderr for each in done.values()} == {"Problems: 1.\n"}
    assert done["github"].stdout.startswith("::error file=")
    [found] = json.loads(done["json"].stdout)
    [issue] = json.loads(done["gitlab"].stdout)
    [result] = json.loads(done["sarif"].stdout)["runs"][0]["results"]
    assert (found["rule"], issue["check_name"], result["ruleId"]) == ("invalid-field",) * 3
