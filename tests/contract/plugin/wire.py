"""Messages of the protocol and calls that send them, for the tests of the plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2 as messages

from tests.contract.faults.plugin_stack import PluginStack, urn

__all__ = ["ACME", "check", "invoke", "refused", "struct"]

ACME: Final = urn("acme")


def struct(**fields: Any) -> Struct:
    """Return the fields as a message."""
    made = Struct()
    made.update(fields)
    return made


def refused(send: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    """Return the status and text of a call that fails, which is not a defect."""
    with pytest.raises(grpc.RpcError) as failed:
        send()
    failure: Any = failed.value
    assert failure.code() is not grpc.StatusCode.INTERNAL, failure.details()
    assert "Traceback" not in failure.details()
    return failure.code(), failure.details()


def check(stack: PluginStack, news: Struct, olds: Struct | None = None, where: str = ACME) -> messages.CheckResponse:
    """Check the inputs of a customer."""
    checked = stack.stub.Check(messages.CheckRequest(urn=where, olds=olds or Struct(), news=news))
    assert isinstance(checked, messages.CheckResponse)
    return checked


def invoke(stack: PluginStack, token: str, **arguments: Any) -> messages.InvokeResponse:
    """Call a function."""
    response = stack.stub.Invoke(messages.InvokeRequest(tok=f"fusion:index:{token}", args=struct(**arguments)))
    assert isinstance(response, messages.InvokeResponse)
    return response
