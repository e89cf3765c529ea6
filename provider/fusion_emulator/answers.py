"""HTTP answers as values, and what the faults and the server need to make one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import format_datetime

from fusion_emulator.records import error

__all__ = ["Answer", "http_date", "refusal"]


@dataclass(frozen=True)
class Answer:
    """One complete HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with the documented error body."""
    body = json.dumps(error(status, message)).encode()
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, body)


def http_date(timestamp: float) -> str:
    """Return the date of an HTTP header for a time in Unix seconds."""
    return format_datetime(datetime.fromtimestamp(int(timestamp), tz=timezone.utc), usegmt=True)
