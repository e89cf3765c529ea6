"""The rules of the account tree, without a server."""

from __future__ import annotations

import pytest

from fusion_emulator import Account, ApiKey, Refused, Switches, User, accounts
from fusion_emulator.bodies import Creation
from fusion_emulator.keys import add_key
from fusion_emulator.state import LAST_PORT, Change, State
from fusion_emulator.users import remove_user

SWITCHES = Switches()


@pytest.fixture
def state() -> State:
    root = Account("root", "root-account", "Root", "reseller", 180, 365, False, None, None, 2000, "secret-of-root")
    admin = User("admin", "root", "admin@example.com", "A", "B", ("admin",))
    key = ApiKey("key", "root", "app", "key-of-root", ("admin",))
    return State("root", "key", "signing-key", {"root": root}, {"admin": admin}, {"key": key}, next_port=2001)


def add(state: State, shortname: str, *, below: str = "root") -> tuple[State, Account]:
    wanted = Creation(shortname, "Org", "customer", 7, 7, False, None, "a@example.com", "A", "B")
    change, account = accounts.create(state, below, wanted, SWITCHES, mint=lambda number: f"id-{number}")
    return state.after(change), account


def test_a_change_does_not_modify_the_state_before_it(state: State) -> None:
    after, account = add(state, "child")
    assert account.id not in state.accounts
    assert after.accounts[account.id] == account
    assert after.after(accounts.delete(after, account, SWITCHES)).accounts == state.accounts


def test_the_secrets_of_a_state_are_not_in_its_repr(state: State) -> None:
    shown = repr(state)
    assert not [secret for secret in ("secret-of-root", "signing-key", "key-of-root") if secret in shown]


def test_an_account_sees_only_its_descendants(state: State) -> None:
    state, middle = add(state, "middle")
    state, leaf = add(state, "leaf-", below=middle.id)
    state, aside = add(state, "aside")
    assert accounts.find(state, "leaf-", top="root") == leaf
    assert accounts.find(state, "leaf-", top=middle.id) == leaf
    assert accounts.find(state, "leaf-", top=aside.id) is None
    assert accounts.find(state, "root-account", top=middle.id) is None
    assert accounts.lineage(state, leaf) == ("root-account", "middle", "leaf-")
    assert accounts.children(state, "root") == (middle, aside)


def test_deleting_an_account_deletes_its_users_and_keys(state: State) -> None:
    state, account = add(state, "child")
    state = state.after(add_key(state, ApiKey("its-key", account.id, "its-app", "appkey", ("admin",))))
    state = state.after(accounts.delete(state, account, SWITCHES))
    assert [user.id for user in state.users.values()] == ["admin"]
    assert [key.appname for key in state.keys.values()] == ["app"]


def test_a_shortname_is_unique_on_the_whole_platform(state: State) -> None:
    state, middle = add(state, "middle")
    with pytest.raises(Refused) as refusal:
        add(state, "middle", below=middle.id)
    assert refusal.value.status == 409


def test_the_last_administrator_of_an_account_cannot_be_removed(state: State) -> None:
    with pytest.raises(Refused):
        remove_user(state, state.users["admin"])


def test_the_ports_of_deleted_accounts_are_used_when_there_are_no_new_ones(state: State) -> None:
    state, first = add(state, "first")
    state = state.after(Change(next_port=LAST_PORT))
    state, second = add(state, "second")
    state = state.after(accounts.delete(state, first, SWITCHES))
    state, third = add(state, "third")
    assert (second.ingest_port, third.ingest_port) == (LAST_PORT, 2000 + 1)
