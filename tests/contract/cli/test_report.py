"""The command ``pulumi-fusion report`` on recorded previews of both frontends."""

from __future__ import annotations

import html
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.cli.terminal import COMMAND, Terminal
from tests.engine.frontends import FRONTENDS
from tests.previews.scenario import FOLDER
from tests.unit.report.samples import INPUTS, changed, error, preview, step

FORMATS: Final = ("text", "markdown", "github", "gitlab", "json")
WARNED: Final = [
    ("deletion", "orchard"),
    ("replacement", "renamed"),
    ("retention-cut", "adopted"),
    ("retention-cut", "lakeside"),
    ("protection-lowered", "lakeside"),
    ("type-change", "northern"),
    ("trial-ends", "flowmore"),
    ("adoption", "adopted"),
]


@pytest.fixture(params=FRONTENDS)
def frontend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def recorded(frontend: str, name: str) -> str:
    return str(FOLDER / f"{frontend}-{name}.json")


def piped(terminal: Terminal, data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, "report", *arguments],
        cwd=terminal.folder,
        env=terminal.environment(),
        input=data,
        capture_output=True,
        check=False,
    )


def test_the_json_has_all_of_a_preview(bare: Terminal, frontend: str) -> None:
    done = bare.run("report", recorded(frontend, "change"), "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["project"], found["stack"], found["failures"]) == ("onboarding", "test", [])
    assert found["counts"] == {
        "delete": 1,
        "replace": 1,
        "forget": 0,
        "update": 3,
        "adopt": 1,
        "import": 0,
        "create": 2,
        "unchanged": 1,
    }
    assert [(each["kind"], each["shortname"]) for each in found["warnings"]] == WARNED
    customers = {each["shortname"]: each for each in found["customers"]}
    assert customers["lakeside"]["changes"] == {
        "data_retention": {"old": 45, "new": 7},
        "deletion_protection": {"old": True, "new": False},
    }
    assert customers["unit-co"]["new"]["organization"] == {"not_shown": "known after apply"}
    assert customers["unit-co"]["new"]["given_name"] == {"not_shown": "hidden"}
    assert found["others"] == {"same": 1}
    # The report has its own warnings in place of the provider's.
    assert found["messages"] == []


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_has_the_data_of_an_admin(bare: Terminal, frontend: str, form: str) -> None:
    done = bare.run("report", recorded(frontend, "change"), "--format", form)
    assert done.returncode == 0
    for value in ("example.com", "Skippy", "Longbottom", "Grace"):
        assert value not in done.stdout


@pytest.mark.parametrize("form", FORMATS)
def test_the_admin_is_shown_on_request_but_no_secret(bare: Terminal, frontend: str, form: str) -> None:
    done = bare.run("report", recorded(frontend, "change"), "--format", form, "--show-admin")
    assert "Skippy" in done.stdout
    assert "Grace" not in done.stdout
    assert "secret" in done.stdout


def test_the_text_has_80_columns_and_dangers_first(bare: Terminal, frontend: str) -> None:
    done = bare.run("report", recorded(frontend, "change"))
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("onboarding / test: 2 to create, 1 to adopt, 3 to update, 1 to replace")
    words = " ".join(done.stdout.split())
    assert words.index("orchard: deleted, with all data") < words.index("lakeside: Data Retention 45 → 7 days")
    assert words.index("lakeside: Data Retention") < words.index("Customer Organization What changes")


def test_the_text_has_the_width_of_columns_and_no_blanks_at_the_end(bare: Terminal, frontend: str) -> None:
    file = recorded(frontend, "change")
    for columns, widths in (("120", range(81, 121)), ("0", range(60, 81)), ("x", range(60, 81))):
        lines = bare.run("report", file, COLUMNS=columns).stdout.splitlines()
        assert max(map(len, lines)) in widths
        assert [each for each in lines if each.endswith(" ")] == []


def test_a_word_is_not_split_where_it_has_space(bare: Terminal) -> None:
    word = "Intergovernmentalizations"
    plan = preview(step("create", new={**INPUTS, "organization": f"The {word}"}))
    assert word in piped(bare, plan).stdout.decode()


@pytest.mark.parametrize("form", ["text", "markdown", "github", "gitlab"])
def test_many_equal_warnings_are_one_line(bare: Terminal, form: str) -> None:
    cuts = [changed({"shortname": f"corp-{n:03}"}, dataRetention=7, rollupRetention=7) for n in range(234)]
    text = " ".join(piped(bare, preview(*cuts), "--format", form).stdout.decode().split())
    assert text.count("the service drops what is older") == 2
    assert text.count("234 customers (corp-000, corp-001, ") == 2


def test_a_terminal_shows_colours_in_its_width(bare: Terminal) -> None:
    program = f"import pty; pty.spawn([{str(COMMAND)!r}, 'report', {recorded('plugin', 'change')!r}])"
    environment = bare.environment(TERM="xterm", COLUMNS="60")
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert b"\x1b[1;31mdelete" in done.stdout
    assert b"orchard" in done.stdout


def test_the_failures_of_a_check_are_a_table(bare: Terminal, frontend: str) -> None:
    done = bare.run("report", recorded(frontend, "invalid"), "--format", "markdown")
    assert done.returncode == 1
    assert done.stderr == "Error: the run failed, so the plan has no digest. Errors: 3.\n"
    assert "| bad-co | email | Email must be an e-mail address |" in done.stdout
    assert "| bad-co | data&#95;retention | Data Retention must be one of 7, 45, 90, 180 (days), not 8 |" in done.stdout
    assert "ada.at" not in done.stdout


def test_the_problems_are_before_the_warnings(bare: Terminal) -> None:
    problem = "fusion:index:Customer resource 'b': property rollupRetention value {90} has a problem: it is wrong"
    plan = preview(changed(dataRetention=7), diagnostics=[error(problem, "b")])
    for form in ("text", "github"):
        words = html.unescape(piped(bare, plan, "--format", form).stdout.decode()).split()
        assert (words.count("rollup_retention"), words.count("rollupRetention")) == (1, 0)
        assert words.index("rollup_retention") < words.index("acme-corp:" if form == "text" else "**acme-corp**:")
    [failure] = json.loads(piped(bare, plan, "--format", "json").stdout)["failures"]
    assert failure["property"] == "rollupRetention"


def test_a_preview_that_failed_before_any_customer_has_its_error(bare: Terminal, frontend: str) -> None:
    done = bare.run("report", recorded(frontend, "broken"), "--format", "github")
    assert done.returncode == 1
    assert done.stdout == (
        "### onboarding / test: incomplete\n\n> [!CAUTION]\n> **No plan:** the run failed. Correct the problems, and "
        "run the preview again.\n\n**Problems**\n\n"
        "| resource | property | problem |\n| --- | --- | --- |\n"
        "| - | - | Program failed with an unhandled exception: ValueError: broken by (hidden) |\n"
    )
    assert done.stderr == (
        "Error: the preview failed before any customer was planned: Program failed with an unhandled exception: "
        "ValueError: broken by (hidden)\n"
    )


@pytest.mark.parametrize("form", ["text", "github"])
def test_the_introduction_of_the_places_in_a_catalog_is_above_the_table(bare: Terminal, form: str) -> None:
    text = "The catalog customers.yaml has problems. Correct these places:\ncustomers.yaml:7:5: acme-corp: it is wrong"
    done = piped(bare, preview(diagnostics=[error(text)]), "--format", form)
    words = " ".join(done.stdout.decode().replace("*", "").split())
    assert done.returncode == 1
    assert "No plan: the run failed. Correct the catalog; the check Validate (pulumi-fusion catalog validate)" in words
    assert words.index("Correct these places:") < words.lower().index("resource")
    assert words.count("customers.yaml:7:5: acme-corp: it is wrong") == 1


@pytest.mark.parametrize("arguments", [["--digest"], ["--expect-digest", "0" * 64]])
def test_a_failed_preview_has_no_digest(bare: Terminal, arguments: list[str]) -> None:
    done = bare.run("report", recorded("plugin", "invalid"), *arguments)
    assert done.returncode == 1
    assert "digest" not in done.stdout


def test_the_digest_is_that_of_the_report_and_of_the_plan(bare: Terminal, frontend: str) -> None:
    file = recorded(frontend, "change")
    done = bare.run("report", file, "--digest")
    digest = done.stdout.strip()
    assert (done.returncode, done.stderr, len(digest)) == (0, "", 64)
    for form in FORMATS:
        assert digest in bare.run("report", file, "--format", form).stdout
    assert bare.run("report", file, "--expect-digest", digest).returncode == 0

    for form in ("markdown", "text"):
        refused = bare.run("report", file, "--expect-digest", "0" * 64, "--format", form)
        block = " ".join(refused.stdout.split("Warnings")[0].split())
        assert "Refused" in block
        assert "This is another plan than the reviewed one" in block
    assert refused.returncode == 6
    assert refused.stderr == (
        f"Error: this is another plan than the reviewed one: its digest is {digest}, not {'0' * 64}.\n"
    )
    assert "orchard" in refused.stdout


def test_a_deletion_that_the_update_refuses_is_refused(bare: Terminal) -> None:
    name = "ada@acme.example.com"
    plan = preview(step("delete", name, old={**INPUTS, "shortname": name}), step("create", "b", new=INPUTS))
    reason = (
        "The plan deletes (hidden), with deletion protection on, and creates a customer with the same organization. A "
        "shortname can't be changed: restore it, and change organization if the name is meant. To delete the customer "
        "with all data, apply deletion_protection: false for it in a separate update first."
    )
    for form in FORMATS:
        done = piped(bare, plan, "--format", form)
        assert (done.returncode, done.stderr.decode()) == (5, f"Error: {reason}\n")
        assert "efused" in done.stdout.decode()
        assert "in a separate update first" in " ".join(done.stdout.decode().split())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--fail-on", "deletes>0"], "The plan has 2 deletes; --fail-on deletes>0 refuses that."),
        (["--fail-on", "creates>9,replaces>0"], "The plan has 1 replaces; --fail-on replaces>0 refuses that."),
        (["--max-deletes", "1"], "The plan deletes 2 customers; --max-deletes allows 1."),
        (
            ["--max-delete-percent", "30"],
            "The plan deletes 2 of 6 customers, 33.3 %; --max-delete-percent allows 30 %.",
        ),
        (["--deny", "deletion,adoption"], "The plan has 1 x deletion; --deny deletion refuses that."),
    ],
)
def test_a_limit_that_is_exceeded_is_reported_with_the_report(
    bare: Terminal, arguments: list[str], reason: str
) -> None:
    done = bare.run("report", recorded("dynamic", "change"), *arguments, "--format", "json")
    assert done.returncode == 5
    assert done.stderr.startswith(f"Error: {reason}\n")
    assert json.loads(done.stdout)["refused"][0] == reason


def test_limits_that_are_not_exceeded_change_nothing(bare: Terminal) -> None:
    limits = ["--max-deletes", "2", "--max-delete-percent", "34", "--fail-on", "deletes>2"]
    done = bare.run("report", recorded("dynamic", "change"), *limits, "--deny", "state-removal")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope.json"],
        ["--format", "html"],
        ["--fail-on", "deletes"],
        ["--max-deletes", "-1"],
        ["--max-delete-percent", "101"],
        ["--max-delete-percent", "nan"],
        ["--deny", "everything"],
        ["--expect-digest", "3f9c"],
    ],
)
def test_wrong_usage(bare: Terminal, arguments: list[str]) -> None:
    done = bare.run("report", *arguments)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_terminal_as_stdin_is_wrong_usage(bare: Terminal) -> None:
    program = f"import os, pty; os._exit(os.waitstatus_to_exitcode(pty.spawn([{str(COMMAND)!r}, 'report'])))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=bare.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert b"stdin is a terminal" in done.stdout


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Error: the input is empty."),
        (b"error: no stack selected", "Error: the input isn't JSON."),
        (b'{"version": 3, "deployment": {"resources": []}}', "Error: the JSON isn't that of a preview."),
    ],
)
def test_an_input_that_is_not_a_preview_is_one_line(bare: Terminal, data: bytes, message: str) -> None:
    done = piped(bare, data)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith(message)
    assert done.stderr.count(b"\n") == 1


def test_stdin_is_the_default_and_control_characters_are_not_printed(bare: Terminal) -> None:
    evil = "x\x1b[2J\x1b]0;evil\x07\u202e\ud800"
    data = preview(
        step("create", evil, new={**INPUTS, "shortname": evil, "organization": evil, "type": evil}),
        diagnostics=[{"severity": "warning", "message": f"warning: {evil}"}],
    )
    for form in FORMATS:
        done = piped(bare, data, "--format", form)
        assert (done.returncode, done.stderr) == (0, b"")
        text = done.stdout.decode()
        assert {char for char in text if not char.isprintable()} <= {"\n"}
        assert "evil" in text


def test_a_preview_of_a_thousand_customers(bare: Terminal, tmp_path: Path) -> None:
    [update] = [
        each
        for each in json.loads(Path(recorded("dynamic", "change")).read_text())["steps"]
        if "lakeside" in each["urn"]
    ]
    # A real step has about 30 lines of the stack of the program.
    trace = [{"sourcePosition": f"project:///../../usr/lib/python3/dist-packages/module{n}.py#1"} for n in range(30)]
    for state in ("oldState", "newState"):
        update[state]["stackTrace"] = trace
    text = json.dumps(update)
    steps = [json.loads(text.replace("lakeside", f"lakeside-{n}")) for n in range(1000)]
    file = tmp_path / "preview.json"
    file.write_bytes(preview(*steps))
    start = time.monotonic()
    done = bare.run("report", str(file), "--format", "github")
    assert done.returncode == 0
    assert len(done.stdout) < 64_000
    # About 0.5 s on an idle machine. Ten times as much is a defect and not load.
    assert time.monotonic() - start < 10
