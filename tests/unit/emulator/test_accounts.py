"""The rules of the tree, without a server."""

from __future__ import annotations

import itertools

import pytest

from fusion_emulator import Refused, Switches, accounts
from fusion_emulator.accounts import Account, ApiKey, Creation, State, User

SWITCHES = Switches()
IDS = (f"id-{number}" for number in itertools.count())


def mint() -> str:
    return next(IDS)


@pytest.fixture
def state() -> State:
    root = Account("root", "root-account", "Root", "reseller", 180, 365, False, None, None, 2000, "secret")
    return accounts.found(
        root=root,
        admin=User("admin", "root", "admin@example.com", "A", "B", ("admin",)),
        key=ApiKey("root", "app", "key", ("admin",)),
        signing_key="signing",
    )


def add(state: State, shortname: str, *, below: str = "root") -> tuple[State, Account]:
    wanted = Creation(shortname, "Org", "customer", 7, 7, False, None, "a@example.com", "A", "B")
    return accounts.create(state, below, wanted, SWITCHES, mint=mint)


def test_a_change_leaves_the_state_before_it_alone(state: State) -> None:
    after, account = add(state, "child")
    assert account.id not in state.accounts
    assert after.accounts[account.id] == account
    assert accounts.delete(after, account, SWITCHES).accounts == state.accounts


def test_the_tree_is_seen_from_above_only(state: State) -> None:
    state, middle = add(state, "middle")
    state, leaf = add(state, "leaf-", below=middle.id)
    state, aside = add(state, "aside")
    assert accounts.find(state, "leaf-", top="root") == leaf
    assert accounts.find(state, "leaf-", top=middle.id) == leaf
    assert accounts.find(state, "leaf-", top=aside.id) is None
    assert accounts.find(state, "root-account", top=middle.id) is None
    assert accounts.lineage(state, leaf) == ("root-account", "middle", "leaf-")
    assert accounts.children(state, "root") == (middle, aside)


def test_deleting_an_account_takes_its_users_and_keys(state: State) -> None:
    state, account = add(state, "child")
    state = accounts.put_key(state, ApiKey(account.id, "its-app", "key", ("admin",)))
    state = accounts.delete(state, account, SWITCHES)
    assert [user.id for user in state.users.values()] == ["admin"]
    assert [key.appname for key in state.keys] == ["app"]


def test_a_name_is_taken_on_the_whole_platform(state: State) -> None:
    state, middle = add(state, "middle")
    with pytest.raises(Refused) as refusal:
        add(state, "middle", below=middle.id)
    assert refusal.value.status == 409


def test_the_last_administrator_stays(state: State) -> None:
    with pytest.raises(Refused):
        accounts.remove_user(state, state.users["admin"])


def test_system_roles_are_fixed_and_masquerade_for_resellers_only(state: State) -> None:
    state, child = add(state, "child")
    root_admin = accounts.role_named(state, "root", "admin")
    child_admin = accounts.role_named(state, child.id, "admin")
    assert root_admin is not None
    assert child_admin is not None
    assert (root_admin.can_masquerade, child_admin.can_masquerade) == (True, False)
    with pytest.raises(Refused):
        accounts.put_role(state, root_admin)
    with pytest.raises(Refused):
        accounts.remove_role(state, root_admin)
