"""Responses for the tests of the API's requests, records and errors."""

from __future__ import annotations

import json
from typing import Any

from pulumi_fusion.api import requests
from pulumi_fusion.api.messages import Response
from pulumi_fusion.customer.model import Account

RECORD = {
    "id": "7239b7f5",
    "shortname": "acmecorp",
    "ingest_ip": "203.0.113.19",
    "ingest_port": 2001,
    "billing": {"data_retention": 7, "rollup_retention": 90, "trial": False},
    "reseller": {"parent": "msp01", "node": "msp01/acmecorp", "children": 0, "is_parent": False},
}
ACCOUNT = Account.model_validate(RECORD)
GET = requests.get_customer("acmecorp")


def response_of(status: int, body: Any = b"", **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def fusion_error(status: int, /, **changes: Any) -> Response:
    return response_of(status, {"status": status, "name": "Some name", "message": "Some message"} | changes)
