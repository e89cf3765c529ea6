"""The formats in which ``pulumi-fusion catalog validate`` writes what it finds."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pulumi_fusion.catalog.entries import is_csv
from pulumi_fusion.catalog.findings import MEANINGS, Finding, Rule

__all__ = ["FORMATS", "github", "gitlab", "sarif", "text", "to_json"]

_Findings = Sequence[Finding]


def text(findings: _Findings) -> str:
    """Return ``FILE:LINE:COLUMN: MESSAGE`` for each finding, the convention of compilers."""
    return "".join(f"{each}\n" for each in findings)


def to_json(findings: _Findings) -> str:
    """Return a list of objects with all that is known of each finding."""
    return _json(
        [
            {
                "file": each.file,
                "line": each.place.line,
                "column": each.place.column,
                "rule": each.rule.value,
                "shortname": each.shortname,
                "field": each.field,
                "message": each.message,
            }
            for each in findings
        ]
    )


def github(findings: _Findings) -> str:
    """Return a workflow command for each finding, which annotates its line in a pull request.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
    """
    return "".join(f"{line}\n" for line in _commands(findings))


def _commands(findings: _Findings) -> Iterator[str]:
    paths = _paths(findings)
    for each in findings:
        place = {"file": paths[each.file], "line": each.place.line, **_column(each, "col")}
        properties = {**place, "title": f"Catalog: {each.rule.value}"}
        written = ",".join(f"{name}={_escaped(str(value), _IN_PROPERTIES)}" for name, value in properties.items())
        yield f"::error {written}::{_escaped(each.text, _IN_MESSAGES)}"


# https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
_IN_MESSAGES: Final = "%\r\n"
_IN_PROPERTIES: Final = "%\r\n:,"


def _escaped(value: str, characters: str) -> str:
    return "".join(f"%{ord(each):02X}" if each in characters else each for each in value)


def gitlab(findings: _Findings) -> str:
    """Return a Code Quality report.

    https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    """
    paths = _paths(findings)
    return _json(
        [
            {
                "description": each.text,
                "check_name": each.rule.value,
                "fingerprint": fingerprint,
                "severity": "major",
                "location": {"path": paths[each.file], "lines": {"begin": each.place.line}},
            }
            for each, fingerprint in zip(findings, _fingerprints(findings, paths), strict=True)
        ]
    )


def sarif(findings: _Findings) -> str:
    """Return a log in SARIF 2.1.0.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    paths = _paths(findings)
    rules = list(Rule)
    driver = {
        "name": "pulumi-fusion",
        "version": version("pulumi-fusion"),
        "rules": [_sarif_rule(each) for each in rules],
    }
    results = [
        {
            "ruleId": each.rule.value,
            "ruleIndex": rules.index(each.rule),
            "level": "error",
            "message": {"text": _sarif_message(each.text)},
            "locations": [{"physicalLocation": _physical_location(each, paths[each.file])}],
            "partialFingerprints": {"pulumiFusionCatalog/v1": fingerprint},
        }
        for each, fingerprint in zip(findings, _fingerprints(findings, paths), strict=True)
    ]
    # PyYAML counts the columns in code points.
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return _json({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]})


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    """Return the description of a rule. GitHub requires each of its parts, and shows the help."""
    meaning = {"text": MEANINGS[rule]}
    more = {"text": f"{MEANINGS[rule]} `pulumi-fusion docs catalog-check` describes the rules."}
    return {"id": rule.value, "shortDescription": meaning, "fullDescription": meaning, "help": more}


def _sarif_message(message: str) -> str:
    """Escape placeholders and separate what would be a link: section 3.11.5 and 3.11.6 of the specification."""
    return message.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _physical_location(finding: Finding, path: str) -> dict[str, Any]:
    outside = Path(path).is_absolute()
    return {
        "artifactLocation": {"uri": Path(path).as_uri()} if outside else {"uri": quote(path), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": finding.place.line, **_column(finding, "startColumn")},
    }


def _column(finding: Finding, name: str) -> dict[str, int]:
    """Return the column; in a CSV file it is the number of the cell, so that it is left out."""
    return {} if is_csv(finding.file) else {name: finding.place.column}


def _paths(findings: _Findings) -> dict[str, str]:
    """Return the path of each file relative to the top level of its repository, as services expect it."""
    return {file: _in_repository(file) for file in {each.file for each in findings}}


def _in_repository(file: str) -> str:
    path = Path(os.path.abspath(file))  # noqa: PTH100 (resolve() would follow links)
    root = next((each for each in path.parents if (each / ".git").exists()), Path.cwd())
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _fingerprints(findings: _Findings, paths: Mapping[str, str]) -> Iterator[str]:
    """Yield an identifier of each finding that stays the same if the lines of the file move."""
    seen: Counter[str] = Counter()
    for each in findings:
        message = re.sub(r"\bline \d+", "line", each.message)
        parts = [paths[each.file], each.rule.value, each.shortname, each.field, message]
        key = json.dumps(parts)
        seen[key] += 1
        yield hashlib.sha256(f"{key}{seen[key]}".encode()).hexdigest()


def _json(value: object) -> str:
    # Without indentation, which takes most of the time for a large catalog. GitHub's runner takes ##[ for a command
    # anywhere in a line of a log; a JSON parser reads the escape.
    return json.dumps(value).replace("##[", "#\\u0023[") + "\n"


FORMATS: Final[Mapping[str, Callable[[_Findings], str]]] = {
    "text": text,
    "json": to_json,
    "github": github,
    "gitlab": gitlab,
    "sarif": sarif,
}
"""The functions by the names of the option."""
