"""Inside the emulator's environment and inside a session, commands and the client connect to nothing else."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal

REASON = ("--reason", "INC-1234 ingest check")
CLIENT = "from pulumi_fusion import FusionClient; print(len(FusionClient({}).list_customers()))"

Within = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=["emulator", "session"])
def within(request: pytest.FixtureRequest, terminal: Terminal, emulator: Emulator) -> Within:
    """Run a command inside another emulator, or inside a session; ``emulator`` is the real service then."""
    emulator.seed("acme-corp", type="reseller")
    emulator.seed("other-corp", type="reseller")
    before = {
        "emulator": ["emulator"],
        "session": ["masquerade", "acme-corp", "--write", "--ci", *REASON],
    }[request.param]

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return terminal.run(*before, "--", *command)

    return run


@pytest.mark.parametrize(
    "command",
    [
        ("pulumi-fusion", "customers", "--api-url", "{url}"),
        ("pulumi-fusion", "customers", "--account", "other-corp"),
        ("pulumi-fusion", "types", "--api-url", "{url}"),
        ("env", "FUSION_API_URL={url}", "pulumi-fusion", "customers"),
        ("env", "FUSION_NETOSECRET_FILE=real", "pulumi-fusion", "customers"),
        ("env", "-u", "NETOSECRET", "FUSION_NETOSECRET_FILE=real", "pulumi-fusion", "types"),
        ("env", "NETOSECRET={netosecret}", "FUSION_API_URL=", "pulumi-fusion", "customers"),
        (sys.executable, "-c", CLIENT.format("netosecret='{netosecret}'")),
        (sys.executable, "-c", CLIENT.format("api_url='{url}'")),
        (sys.executable, "-c", CLIENT.format("account='other-corp'")),
    ],
    ids=lambda command: " ".join(command)[-40:],
)
def test_every_other_source_of_a_service_is_refused(
    within: Within, terminal: Terminal, emulator: Emulator, command: tuple[str, ...]
) -> None:
    (terminal.folder / "real").write_text(emulator.netosecret)
    filled = [each.format(url=emulator.url, netosecret=emulator.netosecret) for each in command]
    done = within(sys.executable, "-c", QUIETLY, *filled)
    assert done.returncode == 1, done.stdout
    assert "this environment is bound to" in done.stdout
    assert "`unset FUSION_" in done.stdout
    assert "Nothing was sent" in done.stdout
    assert emulator.netosecret not in done.stdout
    if "emulator" in done.stdout.partition("bound to")[2][:20]:
        assert list(emulator.requests) == []


def test_a_real_credential_that_a_shell_exports_is_sent_to_the_emulator_alone(
    terminal: Terminal, emulator: Emulator
) -> None:
    command = ("env", f"NETOSECRET={emulator.netosecret}", "pulumi-fusion", "customers")
    assert terminal.run("emulator", "--", *command).returncode == 1
    assert list(emulator.requests) == []


# The output of the command isn't searched for tracebacks, since a program of the user may print one.
QUIETLY = """
import subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
print(done.stdout + done.stderr.replace("Traceback", "failed"))
sys.exit(done.returncode)
"""


def test_an_argument_equal_to_the_environment_is_allowed(within: Within) -> None:
    say_again = "import os; from pulumi_fusion import FusionClient; print(FusionClient({}).list_customers())"
    done = within(sys.executable, "-c", say_again.format("netosecret=os.environ['NETOSECRET']"))
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_commands_work_in_the_emulator_and_doctor_reports_the_binding(within: Within) -> None:
    for command in ("customers", "types", "audit"):
        assert within("pulumi-fusion", command).returncode == 0
    shown = json.loads(within("pulumi-fusion", "doctor", "--json").stdout)
    found = {check["name"]: check for check in shown["checks"]}
    assert found["service"]["verdict"] == "ok"
    assert "FUSION_" in found["environment"]["found"]


def test_doctor_names_settings_from_other_sources(within: Within, emulator: Emulator) -> None:
    shown = json.loads(within("pulumi-fusion", "doctor", "--json", "--api-url", emulator.url).stdout)
    found = {check["name"]: check for check in shown["checks"]}
    assert found["settings"]["verdict"] == "failed"
    assert "api_url comes from the argument" in found["settings"]["found"]
    assert "`unset FUSION_" in found["settings"]["next_step"]


def test_a_session_opens_inside_the_emulator_and_an_emulator_inside_another(terminal: Terminal) -> None:
    url = "import os; print(os.environ['FUSION_EMULATOR'] == os.environ['FUSION_API_URL'])"
    inner = ("pulumi-fusion", "emulator", "--", sys.executable, "-c", url)
    assert terminal.run("emulator", "--", *inner).stdout == "True\n"

    state = terminal.folder / "fusion.json"
    with Emulator(state=state) as before:
        before.seed("acme-corp")
    session = ("pulumi-fusion", "masquerade", "acme-corp", "--ci", *REASON, "--", "pulumi-fusion", "types")
    done = terminal.run("emulator", "--state", str(state), "--", *session)
    assert done.returncode == 0, done.stderr
    assert "MASQUERADE ENDED acme-corp" in done.stderr


def test_an_emulator_that_has_ended_is_named(bare: Terminal) -> None:
    with bare.start("emulator") as process:
        assert process.stdout is not None
        lines = "".join(process.stdout.readline() for _ in range(5))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    (bare.folder / "fusion.env").write_text(lines)
    command, python = shlex.quote(str(COMMAND)), shlex.quote(sys.executable)
    authenticate = f'{python} -c "from pulumi_fusion import FusionClient; FusionClient().authenticate()"'
    for used in (f"{command} customers", authenticate):
        done = subprocess.run(
            ["sh", "-c", f". ./fusion.env; export FUSION_DEADLINE=3; {used}"],
            cwd=bare.folder,
            env=bare.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "This environment is bound to the emulator at http://127.0.0.1:" in done.stderr
        assert "which may have ended" in done.stderr


@pytest.mark.parametrize("fault", ["* * 503", "GET /customers 503", "* * revoked", "* * 429", "* * html-502"])
def test_an_emulator_that_answers_an_error_is_named_with_its_faults(bare: Terminal, fault: str) -> None:
    python = [sys.executable, "-c", "from pulumi_fusion import FusionClient; FusionClient().list_customers()"]
    for used in (["pulumi-fusion", "customers"], python):
        command = ["emulator", "--fault", fault, "--", *used]
        with bare.start(*command, FUSION_DEADLINE="2") as process:
            _, stderr = process.communicate(timeout=60)
        assert process.returncode == 1
        assert re.search(r" The emulator at (http://127\.0\.0\.1:\d+) answered; \1/_emulator/ shows the faults", stderr)
        assert "may have ended" not in stderr
        assert "unset" not in stderr


def test_an_error_about_a_customer_is_as_outside_of_the_emulator(bare: Terminal) -> None:
    program = "from pulumi_fusion import FusionClient; FusionClient().get_customer('nobody')"
    with bare.start("emulator", "--", sys.executable, "-c", program) as process:
        _, stderr = process.communicate(timeout=60)
    assert "NotFound" in stderr
    assert "answered;" not in stderr


def test_leftover_variables_of_a_session_are_named(terminal: Terminal, emulator: Emulator) -> None:
    """The message names them, and its advice works."""
    left = {"FUSION_MASQUERADE": "acme-corp", "FUSION_MASQUERADE_ID": "0123456789abcdef"}
    emulator.seed("other-corp")
    for command in (("customers",), ("masquerade", "other-corp", "--ci", *REASON, "--", "true")):
        done = terminal.run(*command, **left)
        assert done.returncode == 1
        assert "`unset FUSION_MASQUERADE FUSION_MASQUERADE_ID`" in done.stderr
        assert list(emulator.requests) == []
        assert terminal.run(*command).returncode == 0
        emulator.requests.clear()
