"""The entry point: serve the provider over gRPC on a loopback port, print the port, and exit with the engine."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc

from pulumi_fusion.plugin.error_interceptor import ErrorInterceptor
from pulumi_fusion.plugin.protocol import provider_pb2_grpc
from pulumi_fusion.plugin.servicer import Servicer
from pulumi_fusion.redaction import redact_logs

__all__ = ["main", "serve"]

# The engine sends 4 calls per core at once by default, or as many as `--parallel` allows. Threads are started when they
# are needed, and Cancel must never wait for one.
_THREADS: Final = 10_000

# The limit of the engine: https://github.com/pulumi/pulumi/blob/master/sdk/go/common/util/rpcutil/serve.go
_LONGEST_MESSAGE: Final = 400 * 1024 * 1024

# Seconds for calls to return after an interrupt; every wait ends within 2.
_GRACE: Final = 4.0

# Seconds between checks whether the parent process has ended.
_PARENT_CHECK: Final = 1.0


def serve(servicer: Servicer) -> tuple[grpc.Server, int]:
    """Return a running server of the provider, and its loopback port."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="call"),
        interceptors=[ErrorInterceptor()],
        options=[
            ("grpc.max_receive_message_length", _LONGEST_MESSAGE),
            ("grpc.max_send_message_length", _LONGEST_MESSAGE),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main() -> int:
    """Serve until the engine ends this process or has ended itself, and return 0.

    ``sys.argv[1]`` is the address of the engine. It is missing if the engine connects to a running process
    (PULUMI_DEBUG_PROVIDERS).
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    # An engine that is killed sends nothing, but this process gets another parent.
    parent = os.getppid()
    redact_logs()
    servicer = Servicer(engine=next((each for each in sys.argv[1:] if not each.startswith("-")), ""))
    server, port = serve(servicer)
    # The engine reads the port from the first line of stdout, so nothing else may be written there.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    sys.stdout = sys.stderr
    while not ended.wait(_PARENT_CHECK):
        if os.getppid() != parent:
            break
    servicer.cancel()
    server.stop(_GRACE).wait()
    return 0
