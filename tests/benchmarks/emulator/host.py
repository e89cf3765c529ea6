"""An emulator as a process of its own, of this version or of another one, and a client with one connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import psutil

from tests.contract.emulator.caller import Caller, customer

__all__ = ["Client", "Host"]

PROGRAM: Final = """
import json, sys, time
from pathlib import Path
from fusion_emulator import Emulator, Switches
emulator = Emulator(Switches(list_limit=0), state=Path(sys.argv[1]))
started = time.perf_counter()
emulator.start()
print(json.dumps({"netosecret": emulator.netosecret, "start": time.perf_counter() - started}), flush=True)
sys.stdin.read()
"""


class Host:
    """The process of an emulator with a state file, until the end of the ``with`` or ``kill``."""

    def __init__(self, provider: Path, state: Path) -> None:
        """Start it; ``provider`` is the folder of its modules."""
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, state],
            env={**os.environ, "PYTHONPATH": str(provider)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.netosecret: str = ready["netosecret"]
        self.seconds_of_start: float = ready["start"]

    @property
    def memory(self) -> int:
        """The resident bytes."""
        size: int = psutil.Process(self._process.pid).memory_info().rss
        return size

    @property
    def used(self) -> float:
        """The seconds of the processor so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        seconds: float = times.user + times.system
        return seconds

    def kill(self) -> None:
        """End the process with SIGKILL."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Host:
        """Return the running process."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill the process if it runs."""
        self.kill()


class Client:
    """Requests by one connection that stays open; those without a name have the token of the construction."""

    def __init__(self, netosecret: str, *, token: str | None = None) -> None:
        """Connect, with a token or to get one."""
        self._caller = Caller(netosecret)
        self._connection = HTTPConnection("127.0.0.1", self._caller.port, timeout=600)
        self.token = token or self.exchange()

    def send(self, method: str, path: str, body: object = None, *, bearer: str | None = None) -> Any:
        """Return the document that a request got, or raise ConnectionError or HTTPException."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        content = response.read()
        assert response.status in (200, 201), content
        return json.loads(content)

    def exchange(self) -> str:
        """Return a new access token."""
        body = {"jwt": self._caller.request_token()}
        token: str = self.send("POST", "/api/v1/auth/token", body)["access_token"]
        return token

    def create(self, shortname: str) -> None:
        """Create a customer."""
        self.send("POST", "/api/v1/customer", customer(shortname=shortname), bearer=self.token)

    def read(self, shortname: str) -> None:
        """Read a customer."""
        self.send("GET", f"/api/v1/customer/{shortname}", bearer=self.token)

    def names(self) -> set[str]:
        """Return the shortnames of all customers."""
        return {each["shortname"] for each in self.send("GET", "/api/v1/customers", bearer=self.token)["data"]}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
