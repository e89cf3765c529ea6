"""The calls that concern the provider: handshake, information, warnings."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as messages

from fusion_emulator import Emulator
from pulumi_fusion.plugin import values
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import PROGRAM
from tests.contract.plugin.wire import ACME, refused

KIND = messages.PropertyDiff


def test_the_handshake_accepts_secrets(stack: PluginStack) -> None:
    handshake = stack.stub.Handshake(messages.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert handshake.accept_secrets
    assert not handshake.accept_outputs


def test_the_plugin_returns_its_version_and_no_mappings(stack: PluginStack) -> None:
    assert stack.stub.GetPluginInfo(Empty()).version == "0.1.0"
    assert stack.stub.GetMapping(messages.GetMappingRequest(key="terraform")).data == b""
    assert list(stack.stub.GetMappings(messages.GetMappingsRequest(key="terraform")).providers) == []


def test_attaching_stores_the_address_of_the_engine(stack: PluginStack) -> None:
    assert stack.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:2")) == Empty()
    assert stack.servicer.engine == "127.0.0.1:2"


def test_a_call_or_format_that_is_not_supported_is_refused(stack: PluginStack) -> None:
    assert refused(lambda: stack.stub.Construct(messages.ConstructRequest()))[0] is grpc.StatusCode.UNIMPLEMENTED
    assert refused(lambda: stack.stub.Parameterize(messages.ParameterizeRequest()))[0] is grpc.StatusCode.UNIMPLEMENTED
    assert "format 0" in refused(lambda: stack.stub.GetSchema(messages.GetSchemaRequest(version=1)))[1]
    other = "urn:pulumi:s::p::fusion:index:Other::x"
    assert "has no 'fusion:index:Other'" in refused(lambda: stack.stub.Check(messages.CheckRequest(urn=other)))[1]


def test_a_warning_is_shown_once_and_at_its_resource(stack: PluginStack) -> None:
    stack.up("acme", PROGRAM)
    for _ in range(2):
        stack.plan("acme", {**PROGRAM, "dataRetention": 7})
    assert stack.warned_resources == [ACME]
    assert "goes from 90 to 7 days" in stack.warnings[0]


def test_two_providers_work_at_the_same_time_in_two_accounts(emulator: Emulator) -> None:
    """In one process here; the engine starts a process for each."""
    emulator.seed("north-mssp", type="reseller")
    with PluginStack(emulator, deadline=10.0) as home, PluginStack(emulator, deadline=10.0) as inside:
        config = {"netosecret": emulator.netosecret, "apiUrl": emulator.url, "account": "north-mssp"}
        inside.stub.Configure(messages.ConfigureRequest(args=values.write(config)))
        done = threading.Barrier(2)

        def up(stack: PluginStack, name: str) -> None:
            done.wait()
            assert stack.up("acme", {**PROGRAM, "shortname": name}).ok

        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(up, home, "home-corp"), pool.submit(up, inside, "inside-corp")]:
                each.result()
        parents = [each.state["acme"].outputs["parent"] for each in (home, inside)]
    assert parents == [emulator.root.shortname, "north-mssp"]
