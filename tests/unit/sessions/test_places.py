"""Which connections to an endpoint get a place, and which lose theirs."""

from __future__ import annotations

import os
from typing import Any, cast

import pytest

from pulumi_fusion.sessions import places
from pulumi_fusion.sessions.connection import Connection
from pulumi_fusion.sessions.places import Places

OWN = os.geteuid()
OTHER, THIRD = OWN + 1, OWN + 2


@pytest.fixture
def evicted() -> list[Connection]:
    return []


@pytest.fixture
def eight(evicted: list[Connection], monkeypatch: pytest.MonkeyPatch) -> Places:
    """Eight places, two of them for other users."""
    monkeypatch.setattr(places, "_count", lambda: 8)
    return Places(evicted.append)


def entered(eight: Places, user: int | None, count: int = 1) -> list[Connection]:
    connections = [Connection(cast(Any, None), user) for _ in range(count)]
    assert all(eight.enter(each) for each in connections)
    return connections


def test_the_oldest_unauthenticated_connection_is_closed_for_a_new_one(
    eight: Places, evicted: list[Connection]
) -> None:
    first, *_ = entered(eight, OWN, 8)
    assert evicted == []
    entered(eight, OWN)
    assert evicted == [first]


def test_other_users_have_a_quarter_of_the_places(eight: Places, evicted: list[Connection]) -> None:
    own = entered(eight, OWN, 3)
    first, second = entered(eight, OTHER, 2)
    entered(eight, OTHER, 2)
    assert evicted == [first, second]
    assert {*own} <= {*eight.connections()}


def test_the_user_with_most_connections_loses_the_oldest(
    evicted: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_count", lambda: 16)
    sixteen = Places(evicted.append)
    (slow,) = entered(sixteen, OTHER)
    flood = entered(sixteen, THIRD, 6)
    assert evicted == flood[:3]
    assert slow in sixteen.connections()


def test_an_authenticated_connection_keeps_its_place(eight: Places, evicted: list[Connection]) -> None:
    lasting = entered(eight, OWN, 6)
    assert all(eight.admit(each) for each in lasting)
    entered(eight, OWN, 5)
    assert not {*evicted} & {*lasting}
    assert not eight.admit(entered(eight, OWN)[0])


def test_a_place_is_free_after_its_connection_has_left(eight: Places, evicted: list[Connection]) -> None:
    for each in entered(eight, OWN, 8):
        eight.leave(each)
    entered(eight, OWN, 8)
    assert evicted == []


def test_an_evicted_connection_is_not_admitted(eight: Places, evicted: list[Connection]) -> None:
    first, *_ = entered(eight, OWN, 9)
    assert evicted == [first]
    assert not eight.admit(first)
