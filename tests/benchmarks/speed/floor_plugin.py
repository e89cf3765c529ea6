"""The floor of the plugin: the same calls and stubs with the same imports, and no operations."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct

from pulumi_fusion.plugin.protocol import plugin_pb2, provider_pb2, provider_pb2_grpc
from tests.benchmarks.speed.customers import OUTPUTS

__all__ = ["main"]


class EmptyServicer(provider_pb2_grpc.ResourceProviderServicer):
    def Handshake(self, request: provider_pb2.ProviderHandshakeRequest, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: Empty, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version="0.1.0")

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Any) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        some = provider_pb2.DiffResponse.DIFF_SOME
        none = provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=none if request.news == request.old_inputs else some)

    def Create(self, request: provider_pb2.CreateRequest, context: Any) -> provider_pb2.CreateResponse:
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        name = request.properties.fields["shortname"].string_value
        return provider_pb2.CreateResponse(id=name, properties=_completed(request.properties))

    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> provider_pb2.UpdateResponse:
        return provider_pb2.UpdateResponse(properties=_completed(request.news))

    def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> Empty:
        return Empty()

    def Cancel(self, request: Empty, context: Any) -> Empty:
        return Empty()


def _completed(inputs: Struct) -> Struct:
    outputs = Struct()
    outputs.CopyFrom(inputs)
    outputs.update(OUTPUTS)
    return outputs


def main() -> int:
    server = grpc.server(ThreadPoolExecutor(max_workers=100))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(EmptyServicer(), server)
    sys.stdout.write(f"{server.add_insecure_port('127.0.0.1:0')}\n")
    server.start()
    sys.stdout.flush()
    threading.Event().wait()  # for the signal by which the engine ends its plugins
    return 0
