"""What the server and the routes share about one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from fusion_emulator.loopback import LOOPBACK

if TYPE_CHECKING:
    from fusion_emulator.emulator import Emulator
    from fusion_emulator.service import Service

__all__ = ["EXCHANGE", "Exchange", "current"]

EXCHANGE = "emulator.exchange"
"""The key of the exchange in the WSGI environ of a request."""


@dataclass
class Exchange:
    """One request and the emulator that it was sent to.

    ``skew``: seconds that the service's clock is ahead; ``stale``: reads that do not see this write, None for the
    number of the switches; ``account``: the shortname of the account that the request acts in, once it is known;
    ``token``: the number of the access token; ``masquerade``: whether it acts in another account than its key's;
    ``client``: the address that sent the request; ``unmatched``: whether no route has its path and method.
    """

    emulator: Emulator
    service: Service
    skew: float = 0.0
    stale: int | None = None
    account: str | None = None
    token: int | None = None
    masquerade: bool = False
    client: str = LOOPBACK
    unmatched: bool = False


def current() -> Exchange:
    """Return the exchange of the request that is being handled."""
    exchange: Exchange = request.environ[EXCHANGE]
    return exchange
