"""The process: one server on loopback, whose port is all that it says, and which ends with whoever started it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc

from pulumi_fusion.plugin.answers import Answers
from pulumi_fusion.plugin.protocol import provider_pb2_grpc
from pulumi_fusion.plugin.servicer import Servicer
from pulumi_fusion.redaction import redact_logs

__all__ = ["main", "serve"]

# As many as an engine sends at once: 4 for each core by default, and any number that `--parallel` names. Threads are
# made when they are needed, and Cancel must never wait for one.
_THREADS: Final = 10_000

# As the engine's own limit: https://github.com/pulumi/pulumi/blob/master/sdk/go/common/util/rpcutil/serve.go
_LONGEST_MESSAGE: Final = 400 * 1024 * 1024

# Seconds that calls get to answer after an interrupt: every wait ends within 2.
_GRACE: Final = 4.0

# Seconds between looks for the process that started this one.
_LOOK: Final = 1.0


def serve(servicer: Servicer) -> tuple[grpc.Server, int]:
    """A running server of the provider on a free loopback port, and the port."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="call"),
        interceptors=[Answers()],
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
    """Serve until the engine ends this process or is gone itself. The exit code is 0 then.

    ``sys.argv[1]`` is the engine's address. It is missing where the engine attaches to a process that runs already
    (PULUMI_DEBUG_PROVIDERS).
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    # An engine that was killed says nothing; its child is inherited by another process then.
    parent = os.getppid()
    redact_logs()
    servicer = Servicer(engine=next((each for each in sys.argv[1:] if not each.startswith("-")), ""))
    server, port = serve(servicer)
    # The engine reads the port from the first line; anything else there would be taken for part of the protocol.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    sys.stdout = sys.stderr
    while not ended.wait(_LOOK):
        if os.getppid() != parent:
            break
    servicer.cancel()
    server.stop(_GRACE).wait()
    return 0
