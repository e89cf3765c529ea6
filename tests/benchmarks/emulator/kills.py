"""Creates under kill -9: whether an acknowledged one is lost."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from tests.benchmarks.emulator.host import Client, Host

__all__ = ["Kills", "killed"]

CLIENTS = 3


@dataclass
class Kills:
    """The number of kills, and the shortnames by what became of their creates."""

    kills: int = 0
    acknowledged: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)

    @property
    def lost(self) -> set[str]:
        """Acknowledged creates that are not there."""
        return self.acknowledged - self.found

    @property
    def unsent(self) -> set[str]:
        """Customers that nobody created."""
        return self.found - self.sent


def killed(provider: Path, state: Path, *, kills: int, seconds: float = 0.15) -> Kills:
    """Kill an emulator so often while three clients create customers, each time after a random part of the seconds.

    Raises:
        AssertionError: It does not start again, or a token of before a kill is refused.
    """
    chance = random.Random(kills)  # noqa: S311  # not a secret
    result, token = Kills(), None
    for number in range(kills):
        with Host(provider, state) as host:
            clients = [Client(host.netosecret, token=token) for _ in range(CLIENTS)]
            token = clients[0].token
            threads = [
                threading.Thread(target=_create, args=(client, f"k{number}-{place}-", result))
                for place, client in enumerate(clients)
            ]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0, seconds))
            host.kill()
            for thread in threads:
                thread.join()
            for client in clients:
                client.close()
            result.kills += 1
    with Host(provider, state) as host, contextlib.closing(Client(host.netosecret, token=token)) as client:
        result.found = client.names()
    return result


def _create(client: Client, prefix: str, result: Kills) -> None:
    """Create customers until the connection ends."""
    for number in range(10_000):
        name = f"{prefix}{number:03}"
        result.sent.add(name)
        try:
            client.create(name)
        except (OSError, HTTPException):
            return
        result.acknowledged.add(name)
