"""Send a create by the policy of this provider, and by three common ones, of which the core is implemented here.

A policy gets the emulator, and returns the id that its provider would store in the state, or None if it would raise and
store nothing.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from fusion_emulator import Emulator
from tests.contract.faults.stack import PROGRAM, Stack

__all__ = ["POLICIES", "READ_TIMEOUT", "Policy"]

READ_TIMEOUT: Final = 1.0
"""Seconds, for all policies: long enough for loopback, short enough for a benchmark."""

BODY: Final[Mapping[str, Any]] = {
    "shortname": "acmecorp",
    "organization": "Acme, Inc.",
    "type": "customer",
    "retention": 90,
    "rollupRetention": 180,
    "trial": True,
    "username": "ada@acme.example.com",
    "given_name": "Ada",
    "family_name": "Admin",
}


@dataclass(frozen=True)
class Policy:
    name: str
    create: Callable[[Emulator], str | None]


def pulumi_fusion(emulator: Emulator) -> str | None:
    """Call the methods of the provider as the engine does."""
    with Stack(emulator, deadline=8) as stack:
        stack.up("acme", PROGRAM)
        stored = stack.state.get("acme")
        return str(stored.outputs["customerId"]) if stored else None


def no_retry(emulator: Emulator) -> str | None:
    """Send one POST and trust its response, as most hand-written clients do, such as the vendor's neto-mcp."""
    return _created(lambda: _post(requests.Session(), emulator))


def urllib3_defaults(emulator: Emulator) -> str | None:
    """``requests`` with ``urllib3.Retry`` with its defaults, which repeats a POST only if the connection failed
    (https://urllib3.readthedocs.io/en/stable/reference/urllib3.util.html#urllib3.util.Retry).
    """
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=Retry(total=4, backoff_factor=0.1)))
    return _created(lambda: _post(session, emulator))


def retry_everything(emulator: Emulator) -> str | None:
    """Repeat after any error, 429 or 5xx, whatever the method: go-retryablehttp, botocore without its quota."""

    def post() -> requests.Response:
        session = requests.Session()
        for attempt in range(4):
            try:
                answer = _post(session, emulator)
                answer.json()
            except requests.RequestException:
                if attempt == 3:
                    raise
            else:
                if attempt == 3 or not (answer.status_code == 429 or answer.status_code >= 500):
                    return answer
                time.sleep(float(answer.headers.get("Retry-After", 0)))
            time.sleep(0.1 * 2**attempt)
        raise AssertionError("the fourth attempt ends it")

    return _created(post)


POLICIES: Final = (
    Policy("pulumi-fusion", pulumi_fusion),
    Policy("no retry", no_retry),
    Policy("urllib3 defaults", urllib3_defaults),
    Policy("retry everything", retry_everything),
)


def _post(session: requests.Session, emulator: Emulator) -> requests.Response:
    token = _token(session, emulator)
    return session.post(
        f"{emulator.url}/api/v1/customer",
        json=dict(BODY),
        headers={"Authorization": f"Bearer {token}"},
        timeout=READ_TIMEOUT,
    )


def _token(session: requests.Session, emulator: Emulator) -> str:
    secret = emulator.netosecret
    fields = json.loads(base64.b64decode(secret + "=" * (-len(secret) % 4)))
    claims = {
        "iat": int(time.time()),
        "jti": str(uuid.uuid4()),
        "appname": fields["appname"],
        "appkey": fields["appkey"],
        "shortname": fields["shortname"],
    }
    signed = jwt.encode(claims, fields["sharedsecret"], algorithm="HS256")
    answer = session.post(f"{emulator.url}/api/v1/auth/token", json={"jwt": signed}, timeout=READ_TIMEOUT)
    document = answer.json()
    return str(document.get("data", document)["access_token"])


def _created(post: Callable[[], requests.Response]) -> str | None:
    try:
        answer = post()
        answer.raise_for_status()
        document = answer.json()
        return str(document.get("data", document)["id"])
    except requests.RequestException:
        return None
