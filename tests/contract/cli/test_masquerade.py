"""The command pulumi-fusion masquerade: its refusals, the environment of its child, and the audit."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal

REASON = ("--reason", "INC-1234 ingest check")
SHOW = f"{shlex.quote(sys.executable)} -c 'import json, os; print(json.dumps(dict(os.environ)))'"


@pytest.fixture(autouse=True)
def customers(emulator: Emulator) -> None:
    emulator.seed(shortname="acme-corp", type="reseller")
    emulator.seed(shortname="acme-east", parent="acme-corp")
    emulator.seed(shortname="other-corp")


def audit(folder: Path) -> list[dict[str, object]]:
    file = folder / ".local" / "state" / "pulumi-fusion" / "audit.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


# name: arguments, environment, message
REFUSALS: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "no reason": (("acme-corp", "--ci"), {}, "Missing option '--reason'"),
    "a short reason": (("acme-corp", "--ci", "--reason", "testing"), {}, "the reason must have 10 to 500 characters"),
    "a blank reason": (("acme-corp", "--ci", "--reason", " " * 20), {}, "and this one has 0"),
    "no duration": (("acme-corp", "--ci", *REASON, "--duration", "0s"), {}, "the duration must be 1 s to 60 min"),
    "too long": (("acme-corp", "--ci", *REASON, "--duration", "61m"), {}, "the duration must be 1 s to 60 min"),
    "no unit": (("acme-corp", "--ci", *REASON, "--duration", "15"), {}, "a whole number with its unit"),
    "a session inside": (("acme-corp", "--ci", *REASON), {"FUSION_MASQUERADE": "other-corp"}, "inside 'other-corp'"),
    "our own account": (("example-msp", "--ci", *REASON), {}, "it is your own account"),
    "an unknown customer": (("nobody-here", "--ci", *REASON), {}, "no such customer"),
    "not below us": (("acme-east", "--ci", *REASON), {"FUSION_ACCOUNT": "other-corp"}, "'other-corp' has no such"),
    "no terminal": (("acme-corp", *REASON), {}, "there is no terminal"),
    "CI": (("acme-corp", *REASON), {"CI": "true"}, "this is CI"),
    "no credential": (("acme-corp", "--ci", *REASON), {"NETOSECRET": ""}, "netosecret is not set"),
    "no audit": (("acme-corp", "--ci", *REASON), {"FUSION_AUDIT_FILE": "/proc/audit.jsonl"}, "/proc/audit.jsonl"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_session_starts_and_changes_nothing(terminal: Terminal, emulator: Emulator, case: str) -> None:
    arguments, environ, said = REFUSALS[case]
    done = terminal.run("masquerade", *arguments, "--", "touch", "started", **environ)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert done.stdout == ""
    assert not (terminal.folder / "started").exists()
    assert all(each.method == "GET" or each.path.endswith("/auth/token") for each in emulator.requests)
    assert audit(terminal.folder) == []


@pytest.mark.parametrize("masquerade", ["401", "404", "parent-token"])
def test_a_service_that_gives_no_token_of_the_customer_starts_nothing(
    terminal: Terminal, emulator: Emulator, masquerade: str
) -> None:
    emulator.switch(masquerade=masquerade)
    done = terminal.run("masquerade", "acme-corp", "--ci", *REASON, "--", "touch", "started")
    assert done.returncode == 1
    assert ("right to masquerade" in done.stderr) == (masquerade != "parent-token")
    assert not (terminal.folder / "started").exists()


def test_a_role_without_the_right_to_masquerade_is_named(terminal: Terminal, emulator: Emulator) -> None:
    emulator.edit("acme-corp", type="reseller")
    key = emulator.key(role="neto_flow")
    done = terminal.run("masquerade", "acme-corp", "--ci", *REASON, "--", "touch", "started", NETOSECRET=key)
    assert done.returncode == 1
    assert not (terminal.folder / "started").exists()


def test_a_session_inside_a_session_is_also_detected_by_its_credential(terminal: Terminal) -> None:
    inner = f"env -u FUSION_MASQUERADE pulumi-fusion masquerade acme-east --ci {shlex.join(REASON)} -- touch started"
    done = terminal.run("masquerade", "acme-corp", "--ci", *REASON, "--", "sh", "-c", inner)
    assert done.returncode == 1
    assert "the credential belongs to a session inside 'acme-corp'" in done.stderr
    assert not (terminal.folder / "started").exists()


def test_the_command_gets_only_a_synthetic_credential(terminal: Terminal, emulator: Emulator) -> None:
    environ = {
        "FUSION_DEADLINE": "20",
        "PULUMI_ACCESS_TOKEN": "pul-0123456789",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse",
        "COPY_OF_IT": emulator.netosecret,
        "UNRELATED": "kept",
    }
    done = terminal.run("masquerade", "acme-corp", "--ci", *REASON, "--", "sh", "-c", SHOW, **environ)
    assert done.returncode == 0
    given = json.loads(done.stdout)
    assert given["NETOSECRET"] != emulator.netosecret
    assert given["UNRELATED"] == "kept"
    assert {name for name in given if name.startswith(("FUSION_", "PULUMI_"))} == {
        "FUSION_MASQUERADE",
        "FUSION_MASQUERADE_ID",
    }
    assert "COPY_OF_IT" not in given
    assert emulator.netosecret not in done.stdout + done.stderr
    kept = terminal.run(
        "masquerade", "acme-corp", "--ci", *REASON, "--keep-env", "PULUMI_CONFIG_PASSPHRASE", "--", "sh", "-c", SHOW,
        **environ,
    )  # fmt: skip
    assert json.loads(kept.stdout)["PULUMI_CONFIG_PASSPHRASE"] == "correct horse"


@pytest.mark.parametrize("named", ["/dev/stdin", "/dev/fd/7", "/proc/self/fd/7", "secret"])
def test_the_command_inherits_no_descriptor_of_the_credential_file(
    terminal: Terminal, emulator: Emulator, named: str
) -> None:
    if named.startswith("/proc") and sys.platform != "linux":
        pytest.skip("there is no such folder")
    (terminal.folder / "secret").write_text(emulator.netosecret)
    look = "import os\nfor n in (0, 7):\n try: print(os.pread(n, 4000, 0))\n except OSError: pass"
    done = subprocess.run(
        [
            *("sh", "-c", '"$@" <secret 7<secret', "sh"),
            *(COMMAND, "masquerade", "acme-corp", "--ci", *REASON, "--", sys.executable, "-c", look),
        ],
        cwd=terminal.folder,
        env=terminal.environment(NETOSECRET="", FUSION_NETOSECRET_FILE=named),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "b''\n"


def test_pulumi_fusion_runs_in_a_session_and_the_audit_counts_its_requests(
    terminal: Terminal, emulator: Emulator
) -> None:
    done = terminal.run(
        "masquerade", "acme-corp", "--ci", *REASON, "--ticket", "INC-1234", "--", "pulumi-fusion", "customers", "--json"
    )
    assert [each["shortname"] for each in json.loads(done.stdout)] == ["acme-east"]
    assert "MASQUERADE acme-corp (read-only) from example-msp" in done.stderr
    assert "MASQUERADE ENDED acme-corp" in done.stderr
    start, end = audit(terminal.folder)
    assert start["ticket"] == end["ticket"] == "INC-1234"
    assert (end["ended"], end["exit_code"], end["requests"]) == ("exit code 0", 0, {"GET": 1})


def test_a_session_without_write_refuses_changes(terminal: Terminal, emulator: Emulator) -> None:
    program = """
from pulumi_fusion import FusionClient
from pulumi_fusion.errors import Forbidden
with FusionClient() as inside:
    try:
        inside.delete_customer("acme-east")
    except Forbidden as refused:
        print(refused)
"""
    command = ("--", sys.executable, "-c", program)
    done = terminal.run("masquerade", "acme-corp", "--ci", *REASON, *command)
    assert "the session is read-only" in done.stdout
    assert emulator.account("acme-east") is not None
    done = terminal.run("masquerade", "acme-corp", "--ci", *REASON, "--write", *command)
    assert done.stdout == ""
    assert emulator.account("acme-east") is None
    assert [each.get("requests") for each in audit(terminal.folder)][1::2] == [{}, {"DELETE": 1}]


def test_a_raw_token_is_announced_and_recorded(terminal: Terminal, emulator: Emulator) -> None:
    done = terminal.run("masquerade", "acme-corp", "--ci", *REASON, "--raw-token", "--", "sh", "-c", SHOW)
    given = json.loads(done.stdout)
    assert given["FUSION_RAW_URL"] == emulator.url
    assert given["FUSION_RAW_TOKEN"].count(".") == 2
    assert "NETOSECRET" not in given
    assert "RAW TOKEN: the command gets the token itself" in done.stderr
    assert {each["mode"] for each in audit(terminal.folder)} == {"raw token"}


@pytest.mark.parametrize(("command", "code"), [(("no-such-command",), 127), (("./folder",), 127)])
def test_a_command_that_does_not_exist_exits_with_127(terminal: Terminal, command: tuple[str, ...], code: int) -> None:
    (terminal.folder / "folder").mkdir()
    done = terminal.run("masquerade", "acme-corp", "--ci", *REASON, "--", *command)
    assert done.returncode == code
    assert audit(terminal.folder) == []


def test_a_command_that_cannot_run_is_reported_and_recorded(terminal: Terminal) -> None:
    (terminal.folder / "broken").write_text("#!/no/such/interpreter\n")
    (terminal.folder / "broken").chmod(0o755)
    done = terminal.run("masquerade", "acme-corp", "--ci", *REASON, "--", "./broken")
    assert done.returncode == 126
    assert "the command couldn't be started: No such file or directory" in done.stderr
    assert audit(terminal.folder)[1]["exit_code"] == 126
