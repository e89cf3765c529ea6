"""The command pulumi-fusion emulator."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal

JSON = "Content-Type: application/json"
SHOW = f"{shlex.quote(sys.executable)} -c 'import json, os; print(json.dumps(dict(os.environ)))'"


def test_a_shell_that_evaluates_the_output_uses_the_emulator(bare: Terminal) -> None:
    with bare.start("emulator") as process:
        assert process.stdout is not None
        lines = "".join(process.stdout.readline() for _ in range(5))
        done = subprocess.run(
            ["sh", "-c", f'eval "$0"; exec {shlex.quote(str(COMMAND))} types --json', lines],
            # The settings of the shell must not lead to another service.
            env=bare.environment(NETOSECRET="real", FUSION_ACCOUNT="real", FUSION_NETOSECRET_FILE="/real"),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert len(json.loads(done.stdout)) == 3
    assert process.returncode == 0
    assert stdout == ""
    assert "Ctrl-C ends it" in stderr
    assert "GET /api/v1/customers/types 200" in stderr


@pytest.mark.parametrize(("switch", "uses"), [("record=extended", "http://127.0.0.1:"), ("record=nothing", "none")])
def test_the_commands_of_the_help_wait_for_the_emulator_or_its_end(bare: Terminal, switch: str, uses: str) -> None:
    found = re.search(
        r"^ *rm -f fusion.env\n(?:.*\n)*? *\. \./fusion.env$", bare.run("emulator", "--help").stdout, re.M
    )
    assert found is not None
    (bare.folder / "fusion.env").write_text("export FUSION_EMULATOR=earlier\n")
    commands = f"{found[0].replace('record=extended', switch)}\necho ${{FUSION_EMULATOR-none}}; kill $!; wait $!"
    done = subprocess.run(
        ["sh", "-c", commands],
        cwd=bare.folder,
        env=bare.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith(uses), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_emulator_without_a_command_with_0(bare: Terminal, number: signal.Signals) -> None:
    with bare.start("emulator") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_command_gets_the_settings_of_the_emulator_only(bare: Terminal) -> None:
    done = bare.run(
        "emulator",
        "--",
        "sh",
        "-c",
        SHOW,
        NETOSECRET="cmVhbC1jcmVkZW50aWFs",
        FUSION_NETOSECRET_FILE="/real",
        FUSION_ACCOUNT="real",
        FUSION_API_URL="https://api.netography.com",
        FUSION_OTHER="real",
        FUSION_MASQUERADE="acme-corp",
        FUSION_MASQUERADE_ID="0123456789abcdef",
        FUSION_DEADLINE="30",
        FUSION_MAX_DELETES="1",
    )
    assert (done.returncode, done.stderr) == (0, "")
    seen = {name: value for name, value in json.loads(done.stdout).items() if "FUSION" in name or "NETO" in name}
    assert seen.pop("NETOSECRET") not in ("", "cmVhbC1jcmVkZW50aWFs")
    assert (seen.pop("FUSION_DEADLINE"), seen.pop("FUSION_MAX_DELETES")) == ("30", "1")
    url = seen.pop("FUSION_API_URL")
    assert url.startswith("http://127.0.0.1:")
    assert Path(seen.pop("FUSION_AUDIT_FILE")).name == "audit.jsonl"
    assert seen == {"FUSION_EMULATOR": url}


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)], ids=["success", "failure", "killed"]
)
def test_the_exit_code_of_the_command_is_returned(bare: Terminal, script: str, code: int) -> None:
    assert bare.run("emulator", "--", "sh", "-c", script).returncode == code


def test_the_emulator_passes_sigterm_to_its_command(bare: Terminal) -> None:
    script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"
    with bare.start("emulator", "--", "sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 9


def test_the_command_decides_about_ctrl_c(bare: Terminal) -> None:
    script = "trap 'exit 9' INT; echo ready; while :; do sleep 0.1; done"
    with bare.start("emulator", "--", "sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (9, "")


def test_a_missing_command_is_exit_code_127(bare: Terminal) -> None:
    done = bare.run("emulator", "--", "no-such-command", "--flag")
    assert done.returncode == 127
    assert "'no-such-command'" in done.stderr


def test_the_command_needs_no_dashes_before_it(bare: Terminal) -> None:
    assert bare.run("emulator", "sh", "-c", "exit 3").returncode == 3


def test_switches_and_faults_of_the_command_line_are_used(bare: Terminal) -> None:
    arguments = ["--switch", "types=one=First", "--fault", "GET /customers 403", "--", "sh", "-c"]
    done = bare.run("emulator", *arguments, f"{COMMAND} types; {COMMAND} customers")
    assert "one" in done.stdout
    assert "403" in done.stderr
    assert done.returncode == 1


def test_a_seed_of_the_command_line_determines_the_ids(bare: Terminal) -> None:
    script = f"curl -sS $FUSION_API_URL/_emulator/accounts -H '{JSON}' -d '{{\"shortname\": \"acme-corp\"}}'"
    account = json.loads(bare.run("emulator", "--seed", "7", "--", "sh", "-c", script).stdout)
    with Emulator(seed=7) as emulator:
        assert account["id"] == emulator.seed("acme-corp").id


@pytest.mark.parametrize("seed", ["-1", "1.5"])
def test_a_seed_that_is_not_a_whole_number_is_wrong_usage(bare: Terminal, seed: str) -> None:
    done = bare.run("emulator", "--seed", seed, "--", "true")
    assert done.returncode == 2
    assert "--seed" in done.stderr


def test_the_log_of_the_emulator_has_a_line_per_request(bare: Terminal) -> None:
    bare.run("emulator", "--log", "requests.log", "--", str(COMMAND), "customers")
    lines = (bare.folder / "requests.log").read_text().splitlines()
    assert [line.split()[1:3] for line in lines] == [["POST", "/api/v1/auth/token"], ["GET", "/api/v1/customers"]]


def test_accounts_are_read_from_the_state_file(bare: Terminal, tmp_path: Path) -> None:
    state = tmp_path / "fusion.json"
    with Emulator(state=state) as before:
        before.seed("big-bright")
    done = bare.run("emulator", "--state", str(state), "--", str(COMMAND), "customers", "--json")
    assert [each["shortname"] for each in json.loads(done.stdout)] == ["big-bright"]


def test_a_state_file_that_another_emulator_uses_is_refused(bare: Terminal, tmp_path: Path) -> None:
    with Emulator(state=tmp_path / "fusion.json"):
        done = bare.run("emulator", "--state", "fusion.json", "--", "true")
    assert (done.returncode, done.stdout) == (1, "")
    assert "fusion.json is in use by another emulator" in done.stderr


def test_a_file_that_is_not_a_state_is_refused_and_not_modified(bare: Terminal, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("precious")
    done = bare.run("emulator", "--state", "notes.txt", "--", "true")
    assert done.returncode == 1
    assert "notes.txt" in done.stderr
    assert (tmp_path / "notes.txt").read_text() == "precious"


def test_an_empty_name_of_a_state_file_is_wrong_usage(bare: Terminal) -> None:
    done = bare.run("emulator", "--state", "", "--", "true")
    assert done.returncode == 2
    assert "the path is empty" in done.stderr


def test_a_state_file_that_cannot_be_written_is_named(bare: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = bare.run("emulator", "--state", "file/fusion.json", "--", "true")
    assert done.returncode == 1
    assert "file" in done.stderr


def test_a_port_that_another_process_uses_is_named(bare: Terminal) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = bare.run("emulator", "--port", port, "--", "true")
    assert done.returncode == 1
    assert port in done.stderr


def test_without_flask_the_error_has_the_command_to_install_it(bare: Terminal, tmp_path: Path) -> None:
    # A module that raises as if it were missing precedes the real one.
    (tmp_path / "flask.py").write_text("raise ModuleNotFoundError('No module named flask', name='flask')\n")
    done = bare.run("emulator", "--", "true", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "pip install 'pulumi-fusion[emulator]'" in done.stderr


SESSION = "pulumi-fusion masquerade acme-corp --ci --reason 'INC-1234 ingest check' -- true"


def test_sessions_in_the_emulator_are_audited_next_to_its_state_file(bare: Terminal, tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    with Emulator(state=tmp_path / "fusion.json") as before:
        before.seed("acme-corp")
    for count in (1, 2):
        done = bare.run(
            *("emulator", "--state", "fusion.json", "--", "sh", "-c", f"{SESSION} && pulumi-fusion audit"),
            FUSION_AUDIT_FILE=str(own),
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1 + count
    assert not own.exists()
    assert not (tmp_path / ".local").exists()
    assert len((tmp_path / "fusion.json.audit.jsonl").read_text().splitlines()) == 4


RED_LINE = """
import re, sys, urllib.request

page = urllib.request.urlopen(sys.argv[1] + "/_emulator/").read().decode()
shown = re.search('<div id="live-sessions".*?</div>', page, re.DOTALL)
print("page:", " ".join(re.sub("<.*?>", " ", shown[0]).split()))
"""


def test_the_page_shows_a_session_of_the_command_while_it_runs(bare: Terminal, tmp_path: Path) -> None:
    (tmp_path / "red_line.py").write_text(RED_LINE)
    with Emulator(state=tmp_path / "fusion.json") as before:
        before.seed("acme-corp")
    read = f'{shlex.quote(sys.executable)} red_line.py "$FUSION_EMULATOR"'
    session = SESSION.replace("-- true", f"--duration 90s --write -- {read}")
    done = bare.run("emulator", "--state", "fusion.json", "--", "sh", "-c", f"{session} && {read}")
    assert done.returncode == 0, done.stderr
    during, after = done.stdout.splitlines()
    assert re.fullmatch(r"page: MASQUERADE acme-corp READ AND WRITE , 1 min \d+ s left", during)
    assert after == "page: "


def test_without_a_state_file_the_audit_file_ends_with_the_emulator(bare: Terminal, tmp_path: Path) -> None:
    program = (
        "import os, urllib.request as r; r.urlopen(r.Request(os.environ['FUSION_API_URL'] + '/_emulator/accounts', "
        """b'{"shortname": "acme-corp"}', {'Content-Type': 'application/json'}))"""
    )
    script = f"{shlex.join([sys.executable, '-c', program])} && {SESSION} && pulumi-fusion audit"
    (tmp_path / "tmp").mkdir()
    done = bare.run(
        *("emulator", "--", "sh", "-c", f'{script} && ls -ld "${{FUSION_AUDIT_FILE%/*}}"'),
        TMPDIR=str(tmp_path / "tmp"),
    )
    assert done.returncode == 0, done.stderr
    assert "INC-1234 ingest check" in done.stdout
    assert "drwx------" in done.stdout
    assert [*(tmp_path / "tmp").iterdir()] == []
    assert not (tmp_path / ".local").exists()


def test_a_shell_that_evaluates_the_output_uses_the_audit_file_of_the_emulator(bare: Terminal, tmp_path: Path) -> None:
    with bare.start("emulator", "--state", "fusion.json") as process:
        assert process.stdout is not None
        lines = "".join(process.stdout.readline() for _ in range(5))
        done = subprocess.run(
            ["sh", "-c", 'eval "$0"; echo "$FUSION_AUDIT_FILE"', lines],
            env=bare.environment(FUSION_AUDIT_FILE=str(tmp_path / "own.jsonl")),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert done.stdout == f"{tmp_path}/fusion.json.audit.jsonl\n"


def test_faults_without_effect_are_named_at_the_start_and_unused_ones_at_the_end(bare: Terminal) -> None:
    lines = ["GET /custmers 503", "GET /customers delay=0.001", "GET /users 500"]
    arguments = [word for line in lines for word in ("--fault", line)]
    done = bare.run("emulator", *arguments, "--", "sh", "-c", f"{COMMAND} customers; echo between >&2; exit 4")
    before, _, after = done.stderr.partition("between\n")
    assert done.returncode == 4
    assert before.startswith(
        "Warning: the fault 'GET /custmers 503' has no effect: no route of the API matches /custmers"
    )
    assert after.splitlines() == [f"Warning: the fault {line!r} was not used" for line in (lines[0], lines[2])]


def test_requests_that_no_route_matched_are_named_at_the_end(bare: Terminal) -> None:
    get = "urllib.request.urlopen(os.environ['FUSION_API_URL'] + path)"
    script = (
        "import contextlib, os, urllib.request, urllib.error\n"
        f"for path in ['/api/v1/custmers', '/api/v1/custmers', *[f'/{{n}}%0A' for n in range(10)]]:\n"
        f"    with contextlib.suppress(urllib.error.HTTPError): {get}"
    )
    done = bare.run("emulator", "--", sys.executable, "-c", script)
    first, *others, last = done.stderr.splitlines()
    assert done.returncode == 0
    assert first == "Warning: no route matched GET /api/v1/custmers, answered with 404 2 times"
    assert len(others) == 9
    assert last == "Warning: no route matched 1 further path"


@pytest.mark.parametrize("host", ["::1", "localhost", "127.0.0.2"])
def test_commands_use_an_emulator_on_another_loopback_address(bare: Terminal, host: str) -> None:
    done = bare.run("emulator", "--host", host, "--", str(COMMAND), "types", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)) == 3


def test_an_address_that_other_machines_reach_needs_consent(bare: Terminal) -> None:
    command = ("--", str(COMMAND), "types", "--json")
    refused = bare.run("emulator", "--host", "0.0.0.0", *command)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--host: '0.0.0.0' is not a loopback address: anyone who can connect" in " ".join(refused.stderr.split())
    allowed = bare.run("emulator", "--host", "0.0.0.0", "--allow-remote", *command)
    assert (allowed.returncode, len(json.loads(allowed.stdout))) == (0, 3)
    assert allowed.stderr.startswith("Warning: 0.0.0.0 is not a loopback address: anyone who can connect")
