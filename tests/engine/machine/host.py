"""The language host of the engine's inline programs, as a process: it runs the program that it finds, pickled, in the
folder of the command. What a killed command leaves behind in it stays out of the tests' own process.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any, Final

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc

from tests.engine.machine import program as programs
from tests.engine.machine.program import Program

__all__ = ["hand_over", "serving"]

_FILE: Final = "program.pickle"


def hand_over(program: Program, folder: Path) -> None:
    """Let the next command in that folder run this program."""
    (folder / _FILE).write_bytes(pickle.dumps(program))


class _Host(LanguageServer):
    """One that the Automation API has for a single program, for any number of commands."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def Run(self, request: Any, context: Any) -> Any:
        program = pickle.loads((Path(request.pwd) / _FILE).read_bytes())  # noqa: S301  # written by hand_over
        return LanguageServer(lambda: programs.run(program)).Run(request, context)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """A host for as long as the context lasts; its address."""
    with subprocess.Popen(
        [sys.executable, "-m", __spec__.name],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as host:
        try:
            assert host.stdout is not None
            yield f"127.0.0.1:{int(host.stdout.readline())}"
        finally:
            host.kill()


def _main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(_Host(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    os.write(1, f"{port}\n".encode())
    sys.stdin.read()  # until the tests end, whichever way


if __name__ == "__main__":
    _main()
