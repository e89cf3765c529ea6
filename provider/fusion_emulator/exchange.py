"""What the server and the routes share about one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

if TYPE_CHECKING:
    from fusion_emulator.emulator import Emulator
    from fusion_emulator.service import Service

__all__ = ["EXCHANGE", "MAX_BODY", "Exchange", "current"]

EXCHANGE = "emulator.exchange"
"""The key of the exchange in the WSGI environ of a request."""

MAX_BODY = 1 << 20
"""Bytes."""


@dataclass
class Exchange:
    """One request and the emulator that it was sent to.

    ``skew``: seconds that the service's clock is ahead; ``stale``: reads that do not see this write, None for the
    number of the switches; ``account``: the shortname of the account that the request acts in, once it is known.
    """

    emulator: Emulator
    service: Service
    skew: float = 0.0
    stale: int | None = None
    account: str | None = None


def current() -> Exchange:
    """Return the exchange of the request that is being handled."""
    exchange: Exchange = request.environ[EXCHANGE]
    return exchange
