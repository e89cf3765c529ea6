"""What a list of customers is evidence of."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_fusion.customer.listing import LONGEST_LIST, WITNESS_SECONDS, Listing, Written
from pulumi_fusion.customer.model import Account
from tests.unit.customer.scripted import ABOVE, account

MINE = account(shortname="mine-corp", id="id-9")
NOW = 1000.0


def listing(*listed: Account, **written: Written) -> Listing:
    """A list that was asked for now, after ``mine_corp`` was created just before, where nothing else is said."""
    wrote = {name.replace("_", "-"): each for name, each in (written or {"mine_corp": created()}).items()}
    return Listing(listed, ABOVE, NOW, wrote)


def created(what: Account = MINE, before: float = 0.5) -> Written:
    return Written(NOW - before, what, witnesses=True)


def deleted(before: float = 0.5) -> Written:
    return Written(NOW - before, None, witnesses=True)


def updated(before: float = 0.5) -> Written:
    return Written(NOW - before, MINE, witnesses=False)


def test_a_list_that_vouches_for_itself_tells_what_is_there_and_what_is_not() -> None:
    found = listing(account(), MINE)
    assert found.vouches
    assert found.shown("acme-corp") == account()
    assert found.shown("free-name") is None
    assert found.shows_free("free-name")
    assert not found.shows_free("acme-corp")


OTHERS = [account(shortname=f"other-{number:04}") for number in range(LONGEST_LIST)]


@pytest.mark.parametrize(
    ("listed", "written"),
    [
        pytest.param([account()], {}, id="what was created is not in it: it lags behind"),
        pytest.param([], {}, id="it is empty"),
        pytest.param([account(), account(shortname="mine-corp", id="id-8")], {}, id="another took its place"),
        pytest.param([account(), account(shortname="mine-corp", id="id-9", parent="else")], {}, id="another parent"),
        pytest.param([account(), account(shortname="mine-corp", id="id-9", parent=None)], {}, id="no parent told"),
        pytest.param(
            [account(), account(shortname="mine-corp", id=None)],
            {"mine_corp": created(account(shortname="mine-corp", id=None))},
            id="no id told",
        ),
        pytest.param([account(), MINE], {"mine_corp": deleted()}, id="what was deleted is in it: it lags behind"),
        pytest.param([account(), MINE], {"mine_corp": updated()}, id="an update is no witness"),
        pytest.param([account(), MINE], {"mine_corp": created(before=WITNESS_SECONDS + 0.1)}, id="an old witness"),
        pytest.param(
            [account(), MINE], {"mine_corp": created(), "gone_long": created(account(), 50)}, id="an older one is not"
        ),
        pytest.param([account(), MINE, *OTHERS[2:]], {}, id="it is as long as a list can be"),
        pytest.param([account(), MINE, MINE, *OTHERS[3:]], {}, id="it is that long, with one twice"),
    ],
)
def test_a_list_that_does_not_vouch_for_itself_tells_nothing(
    listed: list[Account], written: dict[str, Written]
) -> None:
    found = listing(*listed, **written)
    assert not found.vouches
    assert found.shown("acme-corp") is None
    assert not found.shows_free("free-name")


def test_a_list_that_only_came_late_contradicts_nothing() -> None:
    found = listing(account(), MINE, mine_corp=created(before=WITNESS_SECONDS + 0.1))
    assert found.agrees
    assert not found.vouches
    assert not listing(account()).agrees


def test_a_deletion_vouches_for_what_is_there_alone() -> None:
    found = listing(account(), gone_corp=deleted())
    assert found.shown("acme-corp") == account()
    assert not found.shows_free("free-name")


@pytest.mark.parametrize(
    "other", [{"children": 2}, {"is_parent": True}, {"children": None, "is_parent": None}], ids=["has", "is", "untold"]
)
def test_a_list_with_customers_that_have_their_own_shows_no_name_to_be_free(other: dict[str, Any]) -> None:
    found = listing(account(), MINE, account(shortname="reseller", id="id-5", **other))
    assert found.shown("acme-corp") == account()
    assert not found.shows_free("free-name")


def test_a_name_that_may_be_two_accounts_is_looked_at() -> None:
    for twin in ("acme-corp", "ACME-corp"):
        found = listing(account(), account(shortname=twin, id="id-7"), MINE)
        assert found.shown("acme-corp") is None
        assert found.shown("mine-corp") == MINE


@pytest.mark.parametrize("name", ["ACME-corp", ABOVE, ABOVE.upper()])
def test_a_name_that_the_service_may_fold_to_another_is_not_free(name: str) -> None:
    assert not listing(account(), MINE).shows_free(name)


def test_the_list_is_cut_where_it_is_as_long_as_it_can_be() -> None:
    assert listing(*OTHERS).is_cut
    assert listing(*[MINE] * LONGEST_LIST).is_cut
    assert not listing(*OTHERS[1:]).is_cut
