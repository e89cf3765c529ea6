"""Deadlines and interrupts."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as messages

from fusion_emulator import Emulator
from pulumi_fusion.plugin import values
from tests.contract.faults.plugin_stack import PluginStack, urn
from tests.contract.faults.stack import PROGRAM
from tests.contract.plugin.wire import ACME, refused
from tests.engine.stack import mutations

KIND = messages.PropertyDiff


def test_a_custom_timeout_is_the_deadline_of_an_operation(emulator: Emulator) -> None:
    emulator.faults.add("GET /customer/* hang")
    request = messages.CreateRequest(urn=ACME, properties=values.write(PROGRAM), timeout=1)
    with PluginStack(emulator, deadline=200.0) as stack:
        began = time.monotonic()
        code, text = refused(lambda: stack.stub.Create(request))
        assert time.monotonic() - began < 25  # the wait for the first response would take longer
    assert code not in (grpc.StatusCode.UNKNOWN,), text


def test_an_interrupt_ends_40_concurrent_calls(emulator: Emulator) -> None:
    calls = 40
    emulator.faults.add("POST /customer hang-before")

    def create(number: int) -> tuple[grpc.StatusCode, str]:
        news = {**PROGRAM, "shortname": f"customer-{number}"}
        request = messages.CreateRequest(urn=urn(f"customer-{number}"), properties=values.write(news))
        return refused(lambda: stack.stub.Create(request))

    # The deadline lets the first call wait until the last one is sent.
    with PluginStack(emulator, deadline=200.0) as stack, ThreadPoolExecutor(calls) as pool:
        running = [pool.submit(create, number) for number in range(calls)]
        end = time.monotonic() + 25
        while len(emulator.requests.of("POST", "/customer")) < calls:
            assert time.monotonic() < end, "the calls are not concurrent"
            time.sleep(0.02)
        stack.stub.Cancel(Empty())
        results = [each.result() for each in running]
        stack.stub.Cancel(Empty())  # a second interrupt does nothing
    assert {code for code, _ in results} == {grpc.StatusCode.UNKNOWN}
    assert all("it was interrupted while it waited for the answer" in text for _, text in results)
    assert len(emulator.requests.of("POST", "/customer")) == calls


def test_nothing_is_sent_after_an_interrupt(stack: PluginStack, emulator: Emulator) -> None:
    stack.stub.Cancel(Empty())
    request = messages.CreateRequest(urn=ACME, properties=values.write(PROGRAM))
    assert refused(lambda: stack.stub.Create(request))[0] is grpc.StatusCode.CANCELLED
    assert mutations(emulator.requests) == []
