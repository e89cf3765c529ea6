"""Pulumi's protocol as its SDK publishes it: the messages and stubs, from the one place that they are imported from."""

from __future__ import annotations

from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

__all__ = ["plugin_pb2", "provider_pb2", "provider_pb2_grpc", "status_pb2"]
