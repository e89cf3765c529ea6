"""The fields of a snapshot."""

from __future__ import annotations

import dataclasses

from fusion_emulator import Account, ApiKey, User
from fusion_emulator.records import WholeAccount
from fusion_emulator.snapshots import SnapshotAccount, SnapshotKey, SnapshotUser
from pulumi_fusion.cli.snapshot.diff import _FIELDS


def names(kind: type) -> set[str]:
    return {each.name for each in dataclasses.fields(kind)}


def test_a_snapshot_has_every_field_but_the_secrets() -> None:
    fields = {name.replace("rollupRetention", "rollup_retention") for name in names(SnapshotAccount)}
    assert fields == names(Account) - {"sharedsecret"} | {"users", "keys"}
    assert names(SnapshotUser) == names(User) - {"account"}
    assert names(SnapshotKey) == names(ApiKey) - {"account", "appkey"}


def test_an_account_has_the_names_of_the_control_routes() -> None:
    assert names(SnapshotAccount) == set(WholeAccount.__annotations__) | {"users", "keys"}


def test_every_field_can_be_left_out_of_a_comparison() -> None:
    assert set(_FIELDS) == names(SnapshotAccount) - {"shortname"}
