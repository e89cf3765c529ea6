"""The formats of findings: what each service reads, also of a hostile catalog."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pulumi_fusion.catalog.check import validate
from pulumi_fusion.catalog.findings import MEANINGS, Finding, Place, Rule
from pulumi_fusion.catalog.formats import FORMATS, github, gitlab, sarif, text, to_json

STATUS: Final = Finding(
    "customers.yaml", Place(15, 13), "Status must be one of …", Rule.INVALID_FIELD, "lakeside", "status"
)
VERSION: Final = Finding("customers.yaml", Place(1, 1), "version is missing: write version: 1", Rule.STRUCTURE)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_text_is_the_convention_of_compilers() -> None:
    assert text([VERSION, STATUS]) == (
        "customers.yaml:1:1: version is missing: write version: 1\n"
        "customers.yaml:15:13: lakeside: Status must be one of …\n"
    )


def test_json_has_all_that_is_known() -> None:
    assert json.loads(to_json([VERSION, STATUS])) == [
        {
            "file": "customers.yaml",
            "line": 1,
            "column": 1,
            "rule": "structure",
            "shortname": None,
            "field": None,
            "message": "version is missing: write version: 1",
        },
        {
            "file": "customers.yaml",
            "line": 15,
            "column": 13,
            "rule": "invalid-field",
            "shortname": "lakeside",
            "field": "status",
            "message": "Status must be one of …",
        },
    ]


@pytest.mark.usefixtures("repository")
def test_github_gets_an_error_for_each_finding() -> None:
    assert github([VERSION, STATUS]) == (
        "::error file=customers.yaml,line=1,col=1,title=Catalog%3A structure::version is missing: write version: 1\n"
        "::error file=customers.yaml,line=15,col=13,title=Catalog%3A invalid-field::lakeside: Status must be one of …\n"
    )


@pytest.mark.usefixtures("repository")
def test_gitlab_gets_a_code_quality_report() -> None:
    [issue] = json.loads(gitlab([STATUS]))

    assert re.fullmatch("[0-9a-f]{64}", issue.pop("fingerprint"))
    assert issue == {
        "description": "lakeside: Status must be one of …",
        "check_name": "invalid-field",
        "severity": "major",
        "location": {"path": "customers.yaml", "lines": {"begin": 15}},
    }


@pytest.mark.usefixtures("repository")
def test_sarif_has_the_rules_and_a_result_for_each_finding() -> None:
    log = json.loads(sarif([STATUS]))

    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    run = log["runs"][0]
    driver = run["tool"]["driver"]
    assert (driver["name"], run["columnKind"]) == ("pulumi-fusion", "unicodeCodePoints")
    assert [(each["id"], each["shortDescription"]["text"]) for each in driver["rules"]] == [
        (rule.value, meaning) for rule, meaning in MEANINGS.items()
    ]
    [result] = run["results"]
    assert re.fullmatch("[0-9a-f]{64}", result.pop("partialFingerprints")["pulumiFusionCatalog/v1"])
    assert driver["rules"][result.pop("ruleIndex")]["id"] == "invalid-field"
    assert result == {
        "ruleId": "invalid-field",
        "level": "error",
        "message": {"text": "lakeside: Status must be one of …"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "customers.yaml", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 15, "startColumn": 13},
                }
            }
        ],
    }


def test_a_message_of_sarif_has_no_placeholder_and_no_link() -> None:
    finding = Finding("customers.yaml", Place(1, 1), "{0} [safe](https://evil.example)", Rule.STRUCTURE)

    [result] = json.loads(sarif([finding]))["runs"][0]["results"]

    assert result["message"]["text"] == "{{0}} [safe] (https://evil.example)"


@pytest.mark.parametrize("name", ["json", "gitlab"])
def test_without_findings_the_list_is_empty(name: str) -> None:
    assert json.loads(FORMATS[name]([])) == []


def test_without_findings_the_log_has_no_results() -> None:
    assert json.loads(sarif([]))["runs"][0]["results"] == []


@pytest.mark.parametrize("name", ["text", "github"])
def test_without_findings_nothing_is_written(name: str) -> None:
    assert FORMATS[name]([]) == ""


def test_each_rule_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Rule)


def located(finding: Finding) -> list[str]:
    """Return the path of a finding in each format of a service."""
    [result] = json.loads(sarif([finding]))["runs"][0]["results"]
    [issue] = json.loads(gitlab([finding]))
    annotated = re.search("file=([^,]*)", github([finding]))
    assert annotated
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    return [uri, issue["location"]["path"], annotated[1]]


@pytest.mark.parametrize("absolute", [False, True])
def test_paths_are_relative_to_the_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch, *, absolute: bool
) -> None:
    folder = repository / "fusion" / "production"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    file = str(folder / "customers.yaml") if absolute else "./customers.yaml"

    assert located(Finding(file, Place(1, 1), "wrong", Rule.STRUCTURE)) == ["fusion/production/customers.yaml"] * 3


def test_a_path_outside_of_a_repository_is_relative_to_the_working_directory(repository: Path) -> None:
    (repository / ".git").rmdir()

    assert located(Finding("eu/customers.yaml", Place(1, 1), "wrong", Rule.STRUCTURE)) == ["eu/customers.yaml"] * 3


@pytest.mark.usefixtures("repository")
def test_a_path_of_another_folder_without_repository_is_absolute() -> None:
    finding = Finding("/etc/fusion/our customers.yaml", Place(1, 1), "wrong", Rule.STRUCTURE)

    file = "/etc/fusion/our customers.yaml"
    assert located(finding) == ["file:///etc/fusion/our%20customers.yaml", file, file]


@pytest.mark.usefixtures("repository")
def test_the_uri_of_a_path_is_encoded() -> None:
    finding = Finding("our customers%.yaml", Place(1, 1), "wrong", Rule.STRUCTURE)

    assert located(finding) == ["our%20customers%25.yaml", "our customers%.yaml", "our customers%25.yaml"]


@pytest.mark.usefixtures("repository")
def test_a_cell_of_a_csv_file_is_not_a_column_of_a_text() -> None:
    finding = Finding("customers.csv", Place(3, 4), "wrong", Rule.STRUCTURE)

    [result] = json.loads(sarif([finding]))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    assert github([finding]) == "::error file=customers.csv,line=3,title=Catalog%3A structure::wrong\n"


WRONG: Final = """\
version: 1
customers:
  acme-corp: {organization: Acme, colour: 1, color: 1, status: Trial, status: Active}
  ACME-corp: {organization: Acme}
"""


def fingerprints(file: Path, content: str) -> list[str]:
    file.write_text(content, encoding="utf-8")
    findings = validate(str(file))
    assert findings
    codes = [each["fingerprint"] for each in json.loads(gitlab(findings))]
    run = json.loads(sarif(findings))["runs"][0]
    assert [each["partialFingerprints"]["pulumiFusionCatalog/v1"] for each in run["results"]] == codes
    return codes


def test_a_fingerprint_is_unique_and_stays_the_same_if_lines_move(repository: Path) -> None:
    file = repository / "customers.yaml"
    before = fingerprints(file, WRONG)

    assert len(set(before)) == len(before)
    assert set(fingerprints(file, WRONG.replace("customers:", "# a comment\n\ncustomers:"))) == set(before)
    assert set(fingerprints(file, WRONG.replace("ACME-corp", "lakeside"))) != set(before)


def commands(line: str) -> list[tuple[str, dict[str, str], str]]:
    """Return the command that GitHub's runner finds in a line of a log, with properties and message.

    After https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs, with every name registered.
    """
    line = line.lstrip()
    if line.startswith("::") and "::" in line[2:]:
        head, _, message = line[2:].partition("::")
        name, _, rest = head.partition(" ")
        pairs = (pair.split("=", 1) for pair in rest.split(",") if "=" in pair)
        return [(name, {key: unescaped(value) for key, value in pairs}, unescaped(message))]
    if old := re.search(r"##\[(.*?)\](.*)", line):
        return [(old[1], {}, old[2])]
    return []


def unescaped(value: str) -> str:
    for character in "\r\n:,%":
        value = value.replace(f"%{ord(character):02X}", character)
    return value


def found(log: str) -> list[tuple[str, dict[str, str], str]]:
    return [command for line in re.split(r"[\r\n]+", log) for command in commands(line)]


hostile = st.lists(
    st.sampled_from(["::", "add-mask", "##[", "]", "set-output name=x", "stop-commands", "##", "[", "./", "\x1b[31m"])
    | st.sampled_from(["%0A", "%", "\n", "\r", "\u2028", ",", ":", " ", "=", "a"]),
    max_size=12,
).map("".join)


@given(hostile, hostile, st.none() | hostile)
@example("::add-mask::.yaml", "x", None)
@example("customers.yaml", "x\n::add-mask::x", "##[add-mask]x")
def test_a_hostile_catalog_gives_no_command_but_its_errors(file: str, message: str, shortname: str | None) -> None:
    finding = Finding(file, Place(3, 5), message, Rule.SHORTNAME, shortname)

    [command] = found(github([finding]))
    name, properties, _ = command
    assert name == "error"
    assert set(properties) == {"file", "line", "col", "title"}
    assert (properties["line"], properties["col"], properties["title"]) == ("3", "5", "Catalog: shortname")
    for other in ("text", "json", "gitlab", "sarif"):
        assert found(FORMATS[other]([finding])) == []


@given(hostile, hostile)
def test_json_formats_keep_what_the_catalog_has(message: str, shortname: str) -> None:
    finding = Finding("customers.yaml", Place(3, 5), message, Rule.SHORTNAME, shortname)

    [written] = json.loads(to_json([finding]))
    assert (written["message"], written["shortname"]) == (message, shortname)
