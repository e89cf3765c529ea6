"""A rehearsal uses the emulator and a session its customer, whatever the stack's configuration contains."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.stack import PLUGIN_PROGRAM, PROGRAM, Ran, Stack, a_customer, in_schema, mutations
from tests.engine.test_provider_account import PROVIDERS_PROGRAM, configure, customer

IN_EMULATOR = ("pulumi-fusion", "emulator", "--state", "rehearsal.json", "--")
IN_SESSION = (
    *("pulumi-fusion", "masquerade", "acme-corp", "--write", "--ci", "--reason", "INC-1234 ingest check"),
    *("--keep-env", "PULUMI_CONFIG_PASSPHRASE", "--"),
)


def inside(bounds: tuple[str, ...], stack: Stack, *arguments: str, **environ: str) -> Ran:
    """Run a command of the stack inside an emulator's environment or a session."""
    done = subprocess.run(
        [*bounds, *stack.command(*arguments)],
        cwd=stack.folder,
        env={**stack.environment(), **environ},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def words(ran: Ran) -> str:
    return " ".join(ran.text.split())


@pytest.fixture(params=["dynamic", "plugin"])
def production(request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator) -> Stack:
    """A stack of one customer whose configuration leads to ``emulator``, which is the real service here."""
    if request.param == "dynamic":
        stack, declared = Stack(tmp_path), a_customer("real-corp")
    else:
        stack = Stack(tmp_path, program=PLUGIN_PROGRAM, kind="fusion:index:Customer")
        declared = in_schema(a_customer("real-corp"))
    configure(stack, netosecret=emulator.netosecret, apiUrl=emulator.url)
    stack.declare({"real": declared})
    stack.up().ok()
    emulator.requests.clear()
    return stack


def grown(stack: Stack) -> None:
    """Declare another customer, so that an `up` has something to send."""
    declared = json.loads((stack.folder / "customers.json").read_text())
    made = a_customer("more-corp")
    stack.declare({**declared, "more": made if stack.program == PROGRAM else in_schema(made)})


def test_a_configured_stack_in_the_emulator_reaches_nothing_else(production: Stack, emulator: Emulator) -> None:
    stack = production
    grown(stack)
    up = ("up", "--yes", "--skip-preview")
    for ran in (
        inside(IN_EMULATOR, stack, "preview"),
        inside(IN_EMULATOR, stack, *up, FUSION_PREFLIGHT="off"),
        inside(IN_EMULATOR, stack, "refresh", "--yes", "--skip-preview"),
        inside(IN_EMULATOR, stack, "destroy", "--yes", "--skip-preview"),
    ):
        printed = words(ran.failed(interrupted=True))
        assert "bound to the emulator at http://127.0.0.1:" in printed
        assert "netosecret comes from the stack configuration fusion:netosecret and not from NETOSECRET" in printed
        assert "api_url comes from the stack configuration fusion:apiUrl and not from FUSION_API_URL" in printed
        assert "`pulumi stack init rehearsal`" in printed
    assert list(emulator.requests) == []
    assert set(stack.state()) == {"real"}

    # The way that the error names: a stack of its own, which has its own configuration.
    stack.pulumi("stack", "init", "rehearsal").ok()
    inside(IN_EMULATOR, stack, *up, "--stack", "rehearsal").ok()
    inside(IN_EMULATOR, stack, "preview", "--expect-no-changes", "--stack", "rehearsal").ok()
    configure(stack, account="acme-corp")
    printed = words(inside(IN_EMULATOR, stack, "preview", "--stack", "rehearsal").failed(interrupted=True))
    assert "account comes from the stack configuration fusion:account and not from FUSION_ACCOUNT" in printed
    assert list(emulator.requests) == []
    with Emulator(state=stack.folder / "rehearsal.json") as rehearsed:
        assert {each.shortname for each in rehearsed.accounts()} == {"real-corp", "more-corp"}


def test_a_stack_in_a_session_does_not_use_its_own_credential(production: Stack, emulator: Emulator) -> None:
    stack = production
    stack.environ |= {"NETOSECRET": emulator.netosecret, "FUSION_AUDIT_FILE": str(stack.folder / "audit.jsonl")}
    emulator.seed("acme-corp", type="reseller")
    grown(stack)
    for arguments in (("preview",), ("up", "--yes", "--skip-preview")):
        printed = words(inside(IN_SESSION, stack, *arguments, FUSION_PREFLIGHT="off").failed(interrupted=True))
        assert "bound to the masquerade session inside 'acme-corp'" in printed
        assert "netosecret comes from the stack configuration fusion:netosecret and not from NETOSECRET" in printed
        assert "`exit`" in printed
    assert mutations(emulator.requests) == []

    # In a stack without a credential of its own, the session's works.
    stack.pulumi("stack", "init", "below").ok()
    inside(IN_SESSION, stack, "up", "--yes", "--skip-preview", "--stack", "below").failed(
        interrupted=True
    )  # the names are taken
    stack.declare({"east": (a_customer if stack.program == PROGRAM else customer)("acme-east")})
    inside(IN_SESSION, stack, "up", "--yes", "--skip-preview", "--stack", "below").ok()
    parent = emulator.account("acme-corp")
    made = emulator.account("acme-east")
    assert parent is not None
    assert made is not None
    assert made.parent == parent.id


def test_an_explicit_provider_is_refused_in_the_emulator(tmp_path: Path, emulator: Emulator) -> None:
    stack = Stack(tmp_path, program=PROVIDERS_PROGRAM, kind="fusion:index:Customer")
    inputs = {"netosecret": emulator.netosecret, "apiUrl": emulator.url, "account": "north-mssp"}
    stack.declare({"providers": {"hq": inputs}, "customers": {"first": ["hq", customer("first-corp")]}})
    for arguments in (("preview",), ("up", "--yes", "--skip-preview")):
        printed = words(inside(IN_EMULATOR, stack, *arguments, FUSION_PREFLIGHT="off").failed(interrupted=True))
        for key in ("netosecret", "api_url", "account"):
            assert f"{key} comes from the argument" in printed
        assert "hq" in printed
    assert list(emulator.requests) == []


def test_a_shell_with_the_environment_of_the_emulator_is_bound(production: Stack, emulator: Emulator) -> None:
    """As after `. ./fusion.env`; also with half of it unset, and with a real credential exported again."""
    stack = production
    with Emulator() as rehearsal:
        environ = {
            "NETOSECRET": rehearsal.netosecret,
            "FUSION_API_URL": rehearsal.url,
            "FUSION_EMULATOR": rehearsal.url,
        }
        for changed in ({}, {"NETOSECRET": "", "FUSION_API_URL": ""}, {"NETOSECRET": emulator.netosecret}):
            printed = words(inside((), stack, "preview", **{**environ, **changed}).failed(interrupted=True))
            assert f"bound to the emulator at {rehearsal.url}" in printed
        assert list(rehearsal.requests) == []
    assert list(emulator.requests) == []


def test_a_setting_that_equals_that_of_the_emulator_is_accepted(production: Stack, emulator: Emulator) -> None:
    stack = production
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url, "FUSION_EMULATOR": emulator.url}
    inside((), stack, "preview", "--expect-no-changes", **environ).ok()
