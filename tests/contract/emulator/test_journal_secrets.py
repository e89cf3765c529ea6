"""Secrets that a client puts where they don't belong are not in the journal."""

from __future__ import annotations

import dataclasses
import json

import pytest

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller, send_bytes

KEPT_OF_A_METHOD = 64


@pytest.mark.parametrize("place", ["/api/v1/customer/{}", "/api/v1/customers;access_token={}", "/{}/x"])
def test_a_secret_in_a_path_is_not_kept(emulator: Emulator, caller: Caller, place: str) -> None:
    secrets = [caller.token or "", caller.secret["appkey"], caller.secret["sharedsecret"], caller.netosecret]
    for secret in secrets:
        caller.send("GET", place.format(secret))
    shown = json.dumps([dataclasses.asdict(entry) for entry in emulator.requests])
    assert "***" in shown
    assert not [secret for secret in secrets if secret in shown]


def test_a_secret_as_a_name_is_not_kept(emulator: Emulator, caller: Caller) -> None:
    appkey = caller.secret["appkey"]
    caller.send("POST", "/api/v1/customer", {"shortname": appkey, appkey: 1})
    entry = emulator.requests[-1]
    assert (entry.shortname, entry.body_keys) == ("***", ("shortname", "***"))


def test_a_password_in_a_target_is_not_kept(emulator: Emulator) -> None:
    send_bytes(emulator.port, b"GET http://user:password@one.example/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert "password" not in emulator.requests[-1].path


def test_a_long_method_is_cut(emulator: Emulator) -> None:
    send_bytes(emulator.port, b"X" * 5000 + b" / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert [len(entry.method) for entry in emulator.requests if len(entry.method) > KEPT_OF_A_METHOD] == []
