"""Pulumi's protocol as its SDK publishes it: the messages and stubs, from the one place that they are imported from.

Importing them runs the whole SDK, some 70 ms of the 300 ms that the plugin takes to start. They could be loaded by the
path of their files alone, but where these lie is nothing that the SDK promises.
"""

from __future__ import annotations

from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

__all__ = ["plugin_pb2", "provider_pb2", "provider_pb2_grpc", "status_pb2"]
