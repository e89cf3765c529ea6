"""The configuration of the provider: CheckConfig, DiffConfig and Configure."""

from __future__ import annotations

import base64
import json
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.rpc import UNKNOWN as COMPUTED

from fusion_emulator import Emulator
from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.plugin import values
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import PROGRAM
from tests.contract.plugin.wire import ACME, check, invoke, refused, struct

KIND = messages.PropertyDiff


def check_config(stack: PluginStack, **inputs: Any) -> dict[str, str]:
    checked = stack.stub.CheckConfig(messages.CheckRequest(urn="urn:x", news=struct(**inputs)))
    return {failure.property: failure.reason for failure in checked.failures}


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("netosecret", "not-base64!", "netosecret: it is not base64, or was cut"),
        ("netosecret", 5, "netosecret must be a string"),
        ("apiUrl", "http://example.com", "apiUrl must use https"),
        ("apiUrl", True, "apiUrl must be a string"),
        ("account", ["x"], "account must be the shortname of an account"),
        ("preflight", "maybe", "preflight must be one of auto, off, required"),
        ("deadline", "soon", "deadline must be a number of seconds from 1 to 3600"),
        ("deadline", 0, "deadline must be a number of seconds from 1 to 3600"),
        ("netoSecret", "x", "(did you mean 'netosecret'?)"),
    ],
)
def test_a_wrong_setting_is_a_failure_at_its_key(stack: PluginStack, key: str, value: Any, reason: str) -> None:
    failures = check_config(stack, **{"account": "flowmore", key: value, "version": "0.1.0"})
    # The CLI prints the value of a property, even if it is secret.
    named = "" if key == "netosecret" else key
    assert list(failures) == [named]
    assert reason in failures[named]
    assert "not-base64!" not in failures[named]


def test_all_failures_of_the_settings_are_returned_at_once(stack: PluginStack) -> None:
    assert set(check_config(stack, netosecret="x", deadline=-1, preflight="x")) == {
        "",
        "deadline",
        "preflight",
    }


def test_unknown_and_blank_settings_pass(stack: PluginStack) -> None:
    assert check_config(stack, netosecret=COMPUTED, apiUrl=COMPUTED, account="", deadline=COMPUTED) == {}


def test_the_inputs_have_the_credential_as_a_secret_and_nothing_of_the_environment(
    stack: PluginStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUSION_ACCOUNT", "from-the-environment")
    monkeypatch.setenv("FUSION_API_URL", emulator.url)
    checked = stack.stub.CheckConfig(messages.CheckRequest(news=struct(netosecret=emulator.netosecret, deadline="30")))
    assert list(checked.failures) == []
    inputs = values.read(checked.inputs)
    assert inputs.plain == {"netosecret": emulator.netosecret, "deadline": "30"}
    assert inputs.secret == {"netosecret"}
    monkeypatch.setenv("NETOSECRET", emulator.netosecret)
    assert stack.stub.CheckConfig(messages.CheckRequest(news=struct())).inputs == Struct()


def diff_config(stack: PluginStack, old: dict[str, Any], new: dict[str, Any]) -> messages.DiffResponse:
    difference = stack.stub.DiffConfig(
        messages.DiffRequest(olds=values.write(old), old_inputs=values.write(old), news=values.write(new))
    )
    assert isinstance(difference, messages.DiffResponse)
    return difference


def credential(emulator: Emulator, **changed: str) -> str:
    """Return the emulator's credential with other fields."""
    fields = json.loads(base64.b64decode(emulator.netosecret + "=="))
    return base64.b64encode(json.dumps({**fields, **changed}).encode()).decode()


def test_a_changed_configuration_never_replaces_the_provider(stack: PluginStack, emulator: Emulator) -> None:
    mine = {"netosecret": emulator.netosecret, "apiUrl": emulator.url}
    rotated = credential(emulator, appkey="another-key", sharedsecret="another-secret")
    elsewhere = credential(emulator, url="https://api.vectra.ai")
    for old, new in (
        (mine, mine),
        (mine, {**mine, "apiUrl": "https://api.netography.com"}),
        (mine, {**mine, "apiUrl": f"{emulator.url}/api/v1"}),
        (mine, {**mine, "netosecret": rotated}),
        (mine, {"netosecret": elsewhere}),
        ({"netosecret": elsewhere}, mine),
        (mine, {**mine, "account": "flowmore", "deadline": 7}),
        (mine, {"apiUrl": emulator.url}),  # the credential moves into the environment
        ({}, mine),
        (mine, {**mine, "netosecret": UNKNOWN}),
        (mine, {**mine, "apiUrl": UNKNOWN}),
        ({"netosecret": "broken"}, mine),
        ({"__provider": "pickled", "version": "1"}, {"version": "2"}),
    ):
        difference = diff_config(stack, old, new)
        assert list(difference.replaces) == [], (old, new)
        assert not difference.deleteBeforeReplace
    changed = diff_config(stack, mine, {"account": "flowmore", "apiUrl": emulator.url})
    assert {key: each.kind for key, each in changed.detailedDiff.items()} == {
        "account": KIND.ADD,
        "netosecret": KIND.DELETE,
    }
    assert emulator.netosecret not in str(changed)


def test_a_credential_of_another_account_is_refused_with_both_accounts(
    stack: PluginStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {"netosecret": emulator.netosecret, "apiUrl": emulator.url}
    other = credential(emulator, shortname="another-msp", url="https://nowhere.example")
    theirs = {**mine, "netosecret": other}

    def failures(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
        checked = stack.stub.CheckConfig(messages.CheckRequest(olds=values.write(old), news=values.write(new)))
        return {failure.property: failure.reason for failure in checked.failures}

    found = failures(mine, theirs)
    assert list(found) == [""]
    code, text = refused(lambda: diff_config(stack, mine, theirs))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    for each in (found[""], text):
        assert f"'{emulator.root.shortname}'" in each
        assert "'another-msp'" in each
        assert "another stack" in each
        assert other not in each
    assert failures(mine, {**mine, "netosecret": COMPUTED}) == {}
    assert failures({}, theirs) == {}
    assert failures({"netosecret": "broken"}, theirs) == {}
    assert failures(mine, {}) == {}
    monkeypatch.setenv("NETOSECRET", other)
    assert list(failures(mine, {"apiUrl": emulator.url})) == [""]
    assert failures({"apiUrl": emulator.url}, {"apiUrl": emulator.url}) == {}


def test_a_wrong_url_is_only_a_failure_of_the_url(stack: PluginStack, emulator: Emulator) -> None:
    assert list(check_config(stack, netosecret=emulator.netosecret, apiUrl="ftp://x")) == ["apiUrl"]


def test_configure_reads_the_environment(
    stack: PluginStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a rotated key works with refresh and destroy, regardless of the state."""
    monkeypatch.setenv("FUSION_API_URL", emulator.url)
    stack.stub.Configure(messages.ConfigureRequest())
    code, text = refused(lambda: stack.stub.Read(messages.ReadRequest(id="acme-corp", urn=ACME)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "netosecret is not set" in text
    monkeypatch.setenv("NETOSECRET", emulator.netosecret)
    emulator.seed("acme-corp")
    configured = stack.stub.Configure(messages.ConfigureRequest(args=struct(account="")))
    assert configured.acceptSecrets
    assert configured.supportsPreview
    assert stack.stub.Read(messages.ReadRequest(id="acme-corp", urn=ACME)).id == "acme-corp"


def test_no_other_source_replaces_an_unknown_setting(
    stack: PluginStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment may have the key of another account."""
    monkeypatch.setenv("NETOSECRET", emulator.netosecret)
    monkeypatch.setenv("FUSION_API_URL", emulator.url)
    stack.stub.Configure(messages.ConfigureRequest(args=struct(netosecret=COMPUTED, account=COMPUTED)))
    assert list(check(stack, values.write(PROGRAM)).failures) == []
    assert (
        "the provider's account, netosecret can't be known until other resources are created"
        in refused(lambda: invoke(stack, "getCustomers"))[1]
    )
    assert len(emulator.requests) == 0


def test_an_older_engine_configures_by_variables_only(stack: PluginStack, emulator: Emulator) -> None:
    emulator.seed("acme-corp")
    variables = {"fusion:config:netosecret": emulator.netosecret, "fusion:config:apiUrl": emulator.url}
    stack.stub.Configure(messages.ConfigureRequest(variables=variables))
    assert stack.stub.Read(messages.ReadRequest(id="acme-corp", urn=ACME)).id == "acme-corp"
