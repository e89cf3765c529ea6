"""The behaviour of the service under each value of each switch."""

from __future__ import annotations

import time

import pytest

from fusion_emulator import Emulator, Switches, UnknownSwitch
from tests.contract.emulator.caller import Caller


@pytest.mark.parametrize("status", [409, 400])
def test_the_status_of_a_duplicate_shortname_is_a_switch(emulator: Emulator, caller: Caller, status: int) -> None:
    emulator.switch(duplicate=status)
    caller.create()
    assert caller.create().status == status


def test_a_number_of_more_than_64_bits_is_refused(emulator: Emulator) -> None:
    with pytest.raises(
        UnknownSwitch, match=r"switch list_limit=.*: expected a whole number from 0 to 9223372036854775807"
    ):
        emulator.switch(list_limit=2**63)


def test_shortnames_may_be_not_unique(emulator: Emulator, caller: Caller) -> None:
    emulator.switch(unique_shortnames=False)
    first = caller.create().data
    assert caller.create().status == 201
    assert len(emulator.accounts()) == 2
    assert caller.read().data["id"] == first["id"]


@pytest.mark.parametrize(("unique", "status"), [(True, 409), (False, 201)])
def test_whether_emails_are_unique_is_a_switch(emulator: Emulator, caller: Caller, unique: bool, status: int) -> None:
    emulator.switch(unique_emails=unique)
    caller.create()
    assert caller.create(shortname="acme-two").status == status


@pytest.mark.parametrize("status", [404, 400, 403])
def test_the_status_of_an_absent_account_is_a_switch(emulator: Emulator, caller: Caller, status: int) -> None:
    emulator.switch(absence=status)
    assert [caller.read().status, caller.update().status, caller.delete().status] == [status] * 3


@pytest.mark.parametrize("extended", [False, True])
def test_whether_a_record_is_extended_is_a_switch(emulator: Emulator, caller: Caller, extended: bool) -> None:
    emulator.switch(record="extended" if extended else "strict")
    record = caller.create(fps=500).data
    extras = {"organization": "Acme, Inc.", "type": "customer", "fps": 500}
    assert {name: record.get(name) for name in extras} == (extras if extended else dict.fromkeys(extras))


def test_an_account_with_sub_accounts_is_not_deleted_by_default(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("msp-east")
    emulator.seed("east-one", parent="msp-east")
    assert caller.delete("msp-east").status == 409
    assert len(emulator.accounts()) == 2


def test_deleting_an_account_may_delete_its_sub_accounts(emulator: Emulator, caller: Caller) -> None:
    emulator.switch(delete_parent="cascades")
    emulator.seed("msp-east")
    emulator.seed("east-one", parent="msp-east")
    assert caller.delete("msp-east").status == 204
    assert emulator.accounts() == ()
    assert [user.email for user in emulator.users()] == ["admin@example.com"]


@pytest.mark.parametrize(("keeps", "left"), [("keeps", (True, 10)), ("resets", (False, None))])
def test_whether_put_resets_omitted_fields_is_a_switch(
    emulator: Emulator, caller: Caller, keeps: str, left: tuple[bool, int | None]
) -> None:
    emulator.switch(put_omitted=keeps)
    emulator.seed("acme-one", trial=True, fps=10)
    caller.update()
    account = emulator.account("acme-one")
    assert account is not None
    assert (account.trial, account.fps) == left


@pytest.mark.parametrize(
    ("scope", "includes", "names"),
    [
        ("direct", False, ["msp-east"]),
        ("subtree", False, ["msp-east", "east-one"]),
        ("direct", True, ["example-msp", "msp-east"]),
        ("subtree", True, ["example-msp", "msp-east", "east-one"]),
    ],
)
def test_which_accounts_the_list_contains_is_a_switch(
    emulator: Emulator, caller: Caller, scope: str, includes: bool, names: list[str]
) -> None:
    emulator.switch(list_scope=scope, list_includes_caller=includes)
    emulator.seed("msp-east")
    emulator.seed("east-one", parent="msp-east")
    assert caller.names() == names


@pytest.mark.parametrize(("limit", "count"), [(2, 2), (0, 3)])
def test_the_maximum_length_of_the_list_is_a_switch(emulator: Emulator, caller: Caller, limit: int, count: int) -> None:
    emulator.switch(list_limit=limit)
    for name in ("acme-one", "acme-two", "acme-three"):
        emulator.seed(name)
    reply = caller.send("GET", "/api/v1/customers")
    assert len(reply.data) == reply.json["meta"]["count"] == count


def test_one_record_may_be_wrapped_in_a_list(emulator: Emulator, caller: Caller) -> None:
    emulator.switch(single_as="list")
    assert [record["shortname"] for record in caller.create().data] == ["acme-one"]


@pytest.mark.parametrize(("parents", "status"), [("any", 201), ("reseller", 403)])
def test_which_accounts_may_have_sub_accounts_is_a_switch(emulator: Emulator, parents: str, status: int) -> None:
    emulator.switch(parents=parents)
    emulator.seed("acme-one", type="customer")
    inside = Caller(emulator.netosecret, shortname="acme-one")
    inside.authenticate()
    assert inside.create(shortname="below-it").status == status


def test_the_account_types_and_their_labels_are_a_switch(emulator: Emulator, caller: Caller) -> None:
    emulator.switch(types="msp2=MSSP,customer=SLG")
    records = caller.send("GET", "/api/v1/customers/types").data
    assert [(each["value"], each["label"]) for each in records] == [("msp2", "MSSP"), ("customer", "SLG")]
    assert caller.create(type="msp2").status == 201
    assert caller.create(shortname="acme-two", type="reseller").status == 400


@pytest.mark.parametrize("retry_after", ["none", "seconds", "date"])
def test_a_rate_limit_answers_429_with_the_retry_after_of_the_switch(
    emulator: Emulator, caller: Caller, retry_after: str
) -> None:
    emulator.switch(customer_rate="2/30", retry_after=retry_after)
    replies = [caller.create(shortname=f"acme-{number}") for number in range(3)]
    assert [reply.status for reply in replies] == [201, 201, 429]
    header = replies[-1].headers.get("Retry-After", "")
    assert {"none": header == "", "seconds": header.isdigit(), "date": header.endswith(" GMT")}[retry_after]
    assert len(emulator.accounts()) == 2


def test_a_rate_limit_ends_with_its_window() -> None:
    now = time.time()
    with Emulator(Switches(customer_rate="2/300"), clock=lambda: now) as emulator:
        caller = Caller(emulator.netosecret)
        caller.authenticate(iat=int(now))
        assert [caller.create(shortname=f"acme-{number}").status for number in range(3)] == [201, 201, 429]
        now += 299
        assert caller.create(shortname="acme-3").status == 429
        now += 1
        assert caller.create(shortname="acme-4").status == 201


def test_reads_after_a_write_may_be_stale(emulator: Emulator, caller: Caller) -> None:
    emulator.switch(stale_reads=2)
    caller.create()
    assert [caller.read().status for _ in range(3)] == [404, 404, 200]
    caller.update()
    assert [caller.read().data["billing"]["data_retention"] for _ in range(3)] == [90, 90, 45]
    caller.delete()
    assert [caller.names(), caller.names(), caller.names()] == [["acme-one"], ["acme-one"], []]
