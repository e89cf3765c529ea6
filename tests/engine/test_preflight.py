"""What a preview finds out before anything is sent: bad input, bad settings, and what the service tells."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pulumi_fusion.emulator import Emulator, Switches
from tests.engine.stack import Stack, a_customer, credential_parts, mutations

BAD: list[tuple[str, Any, str]] = [
    ("email", "nobody", "email"),
    ("email", "a b@example.com", "email"),
    ("email", 7, "email"),
    ("given_name", " ", "givenName"),
    ("given_name", None, "givenName"),
    ("family_name", "Long\nbottom", "familyName"),
    ("family_name", True, "familyName"),
    ("organization", "", "organization"),
    ("organization", " Acme", "organization"),
    ("organization", ["Acme"], "organization"),
    ("shortname", "acme", "shortname"),
    ("shortname", "acme-corporation-1", "shortname"),
    ("shortname", "acme+corp", "shortname"),
    ("shortname", "acme%20corp", "shortname"),
    ("shortname", "acme/corp", "shortname"),
    ("shortname", "äcme-corp", "shortname"),
    ("shortname", 12345, "shortname"),
    ("type", "slg", "type"),
    ("type", "partner", "type"),
    ("type", False, "type"),
    ("status", "active", "status"),
    ("status", "Suspended", "status"),
    ("data_retention", 30, "dataRetention"),
    ("data_retention", "90", "dataRetention"),
    ("data_retention", True, "dataRetention"),
    ("data_retention", 90.5, "dataRetention"),
    ("rollup_retention", 7, "rollupRetention"),
    ("rollup_retention", 45, "rollupRetention"),
    ("contractual_flows_per_second", 0, "contractualFlowsPerSecond"),
    ("contractual_flows_per_second", 2**31, "contractualFlowsPerSecond"),
    ("multi_account", "yes", "multiAccount"),
    ("internal", 1, "internal"),
    ("deletion_protection", "on", "deletionProtection"),
    ("adopt", " ", "adopt"),
]
# Tests that several workers can share.
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_each_bad_value_is_named_at_preview_and_nothing_is_sent(stack: Stack, emulator: Emulator, part: int) -> None:
    # A preview of its own for each: the engine stops at the first resource that fails.
    for name, value, key in BAD[part::PARTS]:
        stack.declare({"acme": {**a_customer("acme-corp"), name: value}})
        refused = stack.pulumi("preview").failed()
        assert f"property {key} " in refused.text, (name, value, refused.text)
    assert mutations(emulator.requests) == []


def test_several_bad_values_are_told_at_once(stack: Stack) -> None:
    stack.declare(
        {"acme": a_customer("a+b", email="x", data_retention=30, status="active", internal="no", rollup_retention="7")}
    )
    told = stack.pulumi("preview").failed().text
    for label in (
        "Shortname must",
        "Email must",
        "Data Retention must",
        "Status must",
        "Internal must",
        "Rollup Retention must",
    ):
        assert label in told


def test_a_dead_credential_is_found_at_preview(stack: Stack, emulator: Emulator) -> None:
    parts = credential_parts(emulator.netosecret)
    parts["sharedsecret"] = "not-the-shared-secret"
    stack.environ["NETOSECRET"] = base64.b64encode(json.dumps(parts).encode()).decode()
    stack.declare({"acme": a_customer("acme-corp")})

    told = stack.pulumi("preview").failed().text

    assert "netosecret" in told
    assert "401" in told
    assert "not-the-shared-secret" not in told


def test_a_malformed_credential_is_found_at_preview(stack: Stack) -> None:
    stack.environ["NETOSECRET"] = "bm90IGpzb24gYXQgYWxs"
    stack.declare({"acme": a_customer("acme-corp")})
    told = stack.pulumi("preview").failed().text
    assert "netosecret" in told
    assert "bm90IGpzb24gYXQgYWxs" not in told


def test_a_bad_setting_is_named_with_its_source(stack: Stack) -> None:
    stack.environ["FUSION_DEADLINE"] = "soon"
    stack.declare({"acme": a_customer("acme-corp")})
    told = stack.pulumi("preview").failed().text
    assert "deadline (environment variable FUSION_DEADLINE) must be a number of seconds" in told


def test_the_types_of_the_service_decide(stack: Stack, emulator: Emulator) -> None:
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
    stack.settled()


def test_without_a_credential_the_rules_are_checked_all_the_same(stack: Stack, emulator: Emulator) -> None:
    del stack.environ["NETOSECRET"]
    stack.declare({"acme": a_customer("acme-corp")})
    told = stack.pulumi("preview").ok().text
    assert told.count("The preview asks nothing of the service") >= 1
    assert "fusion:netosecret" in told

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
def test_a_service_that_is_down(stack: Stack, emulator: Emulator, mode: str, passes: bool) -> None:
    stack.environ |= {"FUSION_PREFLIGHT": mode, "FUSION_DEADLINE": "10"}
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
    stack.settled()
    stack.destroy().ok()
