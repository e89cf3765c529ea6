"""A dynamic provider as usually written: its class in the program, a token for each request, a GET for each read."""

import base64
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
import requests
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)


class FusionApi:
    def token(self) -> str:
        secret = os.environ["NETOSECRET"]
        key = json.loads(base64.b64decode(secret + "=" * (-len(secret) % 4)))
        claims = {name: key[name] for name in ("appname", "appkey", "shortname")}
        claims |= {"iat": int(time.time()), "jti": str(uuid.uuid4())}
        signed = jwt.encode(claims, key["sharedsecret"], algorithm="HS256")
        answer = requests.post(f"{os.environ['FUSION_API_URL']}/api/v1/auth/token", json={"jwt": signed}, timeout=60)
        answer.raise_for_status()
        document = answer.json()
        return str(document.get("data", document)["access_token"])

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method,
            f"{os.environ['FUSION_API_URL']}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token()}"},
            timeout=60,
        )
        answer.raise_for_status()
        document = answer.json() if answer.content else {}
        return document.get("data", document)


class CustomerProvider(ResourceProvider):
    def body(self, props: dict[str, Any]) -> dict[str, Any]:
        return {
            "organization": props["organization"],
            "type": "customer" if props["type"] == "SLG" else "reseller",
            "trial": props["status"] == "Trial Active",
            "fps": int(props["contractualFlowsPerSecond"]),
            "retention": int(props["dataRetention"]),
            "rollupRetention": int(props["rollupRetention"]),
        }

    def outputs(self, props: dict[str, Any], record: Any) -> dict[str, Any]:
        if isinstance(record, list):
            record = record[0]
        return {
            **props,
            "customerId": record.get("id"),
            "ingestIp": record.get("ingest_ip"),
            "ingestPort": record.get("ingest_port"),
            "parent": record.get("reseller"),
            "node": record.get("node"),
        }

    def create(self, props: dict[str, Any]) -> CreateResult:
        body = {
            **self.body(props),
            "shortname": props["shortname"],
            "username": props["email"],
            "given_name": props["givenName"],
            "family_name": props["familyName"],
        }
        return CreateResult(props["shortname"], self.outputs(props, FusionApi().call("POST", "customer", body)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, self.outputs(props, FusionApi().call("GET", f"customer/{id_}")))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        changed = [key for key in _news if key in _olds and _news[key] != _olds[key] and key != "__provider"]
        return DiffResult(changes=bool(changed), replaces=[key for key in changed if key == "shortname"])

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self.outputs(_news, FusionApi().call("PUT", f"customer/{_id}", self.body(_news))))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        FusionApi().call("DELETE", f"customer/{_id}")


class Customer(Resource):
    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        outputs = dict.fromkeys(("customerId", "ingestIp", "ingestPort", "parent", "node"))
        super().__init__(CustomerProvider(), name, {**fields, **outputs})


for name, fields in json.loads(Path("customers.json").read_text()).items():
    Customer(name, fields)
