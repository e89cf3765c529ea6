"""What a preview finds before any change: invalid input, invalid settings, and failures that the service reports."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator, Switches
from pulumi_fusion.customer.names import state_key
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import Ran, Stack, a_customer, credential_parts, mutations

# Each row is a program, with as many values that are wrong by themselves as there are properties: the engine stops at
# the first resource that fails, but it reports all failures of that one. The rule of Rollup Retention depends on Data
# Retention.
BAD: list[dict[str, Any]] = [
    {
        "email": "nobody",
        "given_name": " ",
        "family_name": "Long\nbottom",
        "organization": "",
        "shortname": "acme",
        "type": "slg",
        "status": "active",
        "data_retention": 30,
        "contractual_flows_per_second": 0,
        "multi_account": "yes",
        "internal": 1,
        "deletion_protection": "on",
        "adopt": " ",
    },
    {
        "email": "a b@example.com",
        "given_name": None,
        "family_name": True,
        "organization": " Acme",
        "shortname": "acme-corporation-1",
        "type": "partner",
        "status": "Suspended",
        "data_retention": "90",
        "contractual_flows_per_second": 2**31,
    },
    {"email": 7, "organization": ["Acme"], "shortname": "acme+corp", "type": False, "data_retention": True},
    {"shortname": "acme%20corp", "data_retention": 90.5},
    {"shortname": "acme/corp", "rollup_retention": 7},
    {"shortname": "äcme-corp", "rollup_retention": 45},
    {"shortname": 12345},
]


@pytest.mark.parametrize("bad", BAD, ids=range(1, len(BAD) + 1))
def test_a_preview_names_each_invalid_value_and_sends_nothing(
    stack: Stack, emulator: Emulator, bad: dict[str, Any]
) -> None:
    stack.declare({"acme": {**a_customer("acme-corp"), **bad}})
    printed = stack.pulumi("preview").failed().text
    assert set(re.findall(r"property (\w+) ", printed)) == {state_key(name) for name in bad}
    assert mutations(emulator.requests) == []


def test_a_preview_reports_several_invalid_values_at_once(stack: Stack) -> None:
    stack.declare(
        {"acme": a_customer("a+b", email="x", data_retention=30, status="active", internal="no", rollup_retention="7")}
    )
    printed = stack.pulumi("preview").failed().text
    for label in (
        "Shortname must",
        "Email must",
        "Data Retention must",
        "Status must",
        "Internal must",
        "Rollup Retention must",
    ):
        assert label in printed


@pytest.mark.parametrize("name", FRONTENDS)
def test_a_preview_ends_at_one_invalid_customer(name: str, tmp_path: Path, emulator: Emulator) -> None:
    frontend = Frontend(name)
    stack = frontend.stack(tmp_path, emulator)
    invalid: dict[str, Any] = {"email": "nobody", "data_retention": 30}
    stack.declare({each: frontend.customer(each, **invalid) for each in ("first-corp", "second-corp")})

    refused = stack.preview("--parallel", "1").failed().text

    assert refused.count("has a problem: Email must be") == refused.count("has a problem: Data Retention must be") == 1
    assert "unknown flag: --continue-on-error" in stack.preview("--continue-on-error").text
    applied = stack.up("--continue-on-error").failed().text
    assert len(re.findall(r"resource '\w+-corp': property email", applied)) == 2  # as progress, and in the summary
    assert emulator.accounts() == ()


def test_a_rejected_credential_fails_the_preview(stack: Stack, emulator: Emulator) -> None:
    parts = credential_parts(emulator.netosecret)
    parts["sharedsecret"] = "not-the-shared-secret"
    stack.environ["NETOSECRET"] = base64.b64encode(json.dumps(parts).encode()).decode()
    stack.declare({"acme": a_customer("acme-corp")})

    printed = stack.pulumi("preview").failed().text

    assert "fusion:Customer resource 'acme' has a problem: " in printed
    assert "property netosecret" not in printed, "it is not a property of the customer"
    assert "401" in printed
    assert "not-the-shared-secret" not in printed


def test_a_malformed_credential_fails_the_preview(stack: Stack) -> None:
    stack.environ["NETOSECRET"] = "bm90IGpzb24gYXQgYWxs"
    stack.declare({"acme": a_customer("acme-corp")})
    printed = stack.pulumi("preview").failed().text
    assert "netosecret" in printed
    assert "bm90IGpzb24gYXQgYWxs" not in printed


def test_the_error_for_an_invalid_setting_names_its_source(stack: Stack) -> None:
    stack.environ["FUSION_DEADLINE"] = "soon"
    stack.declare({"acme": a_customer("acme-corp")})
    printed = stack.pulumi("preview").failed().text
    assert "deadline (environment variable FUSION_DEADLINE) must be a number of seconds" in printed


def test_a_type_is_checked_against_those_that_the_service_lists(stack: Stack, emulator: Emulator) -> None:
    emulator.switches = Switches(types="client=SLG,partner=MSSP,gold=Gold Customer")
    stack.declare({"acme": a_customer("acme-corp", type="customer")})
    assert "'client', 'partner', 'gold'" in stack.pulumi("preview").failed().text

    stack.declare(
        {
            "acme": a_customer("acme-corp"),
            "north": a_customer("north-mssp", type="MSSP"),
            "gold": a_customer("gold-corp", type="Gold Customer"),
        }
    )
    stack.up().ok()
    assert {each.shortname: each.type for each in emulator.accounts()} == {
        "acme-corp": "client",
        "north-mssp": "partner",
        "gold-corp": "gold",
    }
    stack.require_no_changes()


def test_a_preview_without_a_credential_checks_the_rules(stack: Stack, emulator: Emulator) -> None:
    del stack.environ["NETOSECRET"]
    stack.declare({"acme": a_customer("acme-corp")})
    printed = stack.pulumi("preview").ok().text
    assert printed.count("Only the rules were checked") >= 1
    assert "fusion:netosecret" in printed

    stack.declare({"acme": a_customer("acme-corp", data_retention=30)})
    assert "Data Retention must be one of" in stack.pulumi("preview").failed().text

    stack.declare({"acme": a_customer("acme-corp")})
    missing = stack.up().failed().text
    assert "NETOSECRET" in missing
    assert "fusion:netosecret" in missing
    assert list(emulator.requests) == []

    stack.environ["FUSION_PREFLIGHT"] = "required"
    assert "netosecret is not set" in stack.pulumi("preview").failed().text


@pytest.mark.parametrize(("mode", "passes"), [("auto", True), ("required", False)])
def test_an_unavailable_service_warns_or_fails_a_preview(
    stack: Stack, emulator: Emulator, mode: str, passes: bool
) -> None:
    # All repeats take 7.5 s at most; what the rest is for is a machine that stalls.
    stack.environ |= {"FUSION_PREFLIGHT": mode, "FUSION_DEADLINE": "25"}
    stack.declare({"acme": a_customer("acme-corp"), "other": a_customer("other-corp")})
    emulator.stop()
    ran = stack.pulumi("preview")
    (ran.ok if passes else ran.failed)()
    assert "connection refused" in ran.text


def test_the_credential_from_the_stack_configuration(stack: Stack, emulator: Emulator) -> None:
    secret, url = stack.environ.pop("NETOSECRET"), stack.environ.pop("FUSION_API_URL")
    stack.pulumi("config", "set", "--secret", "fusion:netosecret", secret).ok()
    stack.pulumi("config", "set", "fusion:apiUrl", url).ok()
    stack.declare({"acme": a_customer("acme-corp")})
    stack.up().ok()
    assert [account.shortname for account in emulator.accounts()] == ["acme-corp"]
    stack.require_no_changes()
    stack.destroy().ok()


def test_a_pipe_as_the_credential_serves_one_process_and_the_next_one_fails(stack: Stack, emulator: Emulator) -> None:
    (stack.folder / "secret").write_text(f'"{stack.environ.pop("NETOSECRET")}"\n')
    stack.declare({"acme": a_customer("acme-corp")})

    def through_a_pipe(*arguments: str) -> Ran:
        script = 'FUSION_NETOSECRET_FILE=<(cat secret) "$@"'
        done = subprocess.run(
            ["bash", "-c", script, "bash", *stack.command(*arguments)],
            cwd=stack.folder,
            env=stack.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    through_a_pipe("preview").ok()
    printed = " ".join(through_a_pipe("up", "--yes").failed().text.split())
    assert "no complete credential was written to it" in printed
    assert "Put the credential into a file or into NETOSECRET" in printed
    assert mutations(emulator.requests) == []

    stack.environ["FUSION_NETOSECRET_FILE"] = "secret"
    stack.up().ok()
