"""Accounts through the control routes: the names and rules of the API, and a service that stays usable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import ROOT, Emulator, Refused, UnknownSwitch
from tests.contract.emulator.caller import Caller, customer

ACCOUNTS = "/_emulator/accounts"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fusion.json"


@pytest.fixture
def emulator(path: Path) -> Any:
    with Emulator(state=path) as running:
        running.seed("north", type="reseller")
        running.seed("middle", parent="north")
        running.seed("leaf-co", parent="middle")
        yield running


def test_an_account_is_shown_and_changed_by_the_names_of_the_api(caller: Caller) -> None:
    body = customer(shortname="acme-one", trial=True, fps=5)
    made = caller.send("POST", ACCOUNTS, {**body, "parent": "north"}).json
    fields = ("shortname", "organization", "type", "retention", "rollupRetention", "trial", "fps")
    assert {name: made[name] for name in fields} == {name: body[name] for name in fields}
    assert made["parent"] == "north"
    changed = caller.send("PATCH", f"{ACCOUNTS}/acme-one", {"rollupRetention": 365, "parent": "leaf-co"}).json
    assert changed == {**made, "rollupRetention": 365, "parent": "leaf-co"}
    assert changed in caller.send("GET", ACCOUNTS).json
    assert caller.read("acme-one").data["reseller"]["node"] == "example-msp/north/middle/leaf-co/acme-one"


def test_the_type_of_a_new_account_is_one_that_the_switches_allow(emulator: Emulator, caller: Caller) -> None:
    emulator.switch(types="slg=SLG,mssp=MSSP")
    assert caller.send("POST", ACCOUNTS, {"shortname": "acme-one"}).json["type"] == "slg"


def test_flows_per_second_are_removed_by_null(emulator: Emulator, caller: Caller) -> None:
    changes: tuple[tuple[str, Any], ...] = (
        ("fps", 5),
        ("fps", None),
        ("allowed_ips", ["127.0.0.1", "10.0.0.0/8"]),
        ("allowed_ips", []),
    )
    for name, value in changes:
        changed = caller.send("PATCH", f"{ACCOUNTS}/middle", {name: value})
        assert (changed.status, changed.json[name]) == (200, value)
        assert changed.json in caller.send("GET", ACCOUNTS).json
    # The API has no such value.
    assert caller.send("POST", "/api/v1/customer", {**customer(), "fps": None}).status == 400


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"rollup_retention": 365}, "rollup_retention: no such field (there are: shortname, organization, type"),
        ({"id": "other"}, "id: no such field"),
        ({"rules": False, "self": 1}, "rules: no such field; self: no such field"),
        ({"sharedsecret": "other"}, "sharedsecret: no such field"),
        ({"retention": "90"}, "retention: expected one of (7, 45, 90, 180)"),
        ({"retention": True}, "retention: expected one of"),
        ({"rollupRetention": 7}, "rollupRetention: expected at least retention"),
        ({"type": "MSSP"}, "type: expected one of customer, reseller, staff"),
        ({"organization": " "}, "organization: expected a text that is not blank"),
        ({"shortname": "a"}, "shortname: expected 5-16 characters"),
        ({"shortname": "north"}, "2 have the shortname 'north'"),
        ({"parent": "nobody"}, "parent: there is no account 'nobody'"),
        ({"parent": None}, "parent: expected string"),
        ({"parent": "middle"}, "'middle' is below itself"),
        ({"parent": "leaf-co"}, "is below itself"),
        ({"ingest_port": 2000}, "2 have the ingest port 2000"),
        ({"fps": -1}, "fps: expected a whole number from 0 to 9223372036854775807, or null"),
        ({"retention": None}, "retention: expected one of"),
        ({"ingest_port": 0}, "ingest_port: expected a port"),
        ({"ingest_ip": "nowhere"}, "ingest_ip: expected an IP address"),
        ({"allowed_ips": ["nowhere"]}, "allowed_ips: expected IP addresses or networks"),
        ({"trial": None, "nothing": 1}, "nothing: no such field; trial: expected boolean"),
    ],
)
def test_a_change_that_breaks_a_rule_is_refused_by_its_name(
    emulator: Emulator, caller: Caller, fields: dict[str, Any], named: str
) -> None:
    before = emulator.accounts()
    refused = caller.send("PATCH", f"{ACCOUNTS}/middle", fields)
    assert (refused.status, named in refused.json["message"]) == (400, True), refused.json
    assert emulator.accounts() == before


@pytest.mark.parametrize(
    "fields",
    [{}, {"shortname": 5}, {"shortname": "other", "parent": 5}, {"shortname": "a"}, {"shortname": "other", "self": 1}],
)
def test_an_account_that_breaks_a_rule_is_not_created(
    emulator: Emulator, caller: Caller, fields: dict[str, Any]
) -> None:
    before = emulator.accounts()
    assert caller.send("POST", ACCOUNTS, fields).status == 400
    assert emulator.accounts() == before


def test_the_root_account_stays(emulator: Emulator, caller: Caller, path: Path) -> None:
    assert caller.send("DELETE", f"{ACCOUNTS}/{ROOT}").status == 409
    assert caller.send("PATCH", f"{ACCOUNTS}/{ROOT}", {"parent": "leaf-co"}).status == 400
    renamed = caller.send("PATCH", f"{ACCOUNTS}/{ROOT}", {"shortname": "other-msp"})
    assert (renamed.status, "in the emulator's credential" in renamed.json["message"]) == (409, True)
    assert caller.send("PATCH", f"{ACCOUNTS}/{ROOT}", {"organization": "Another MSP"}).status == 200
    emulator.stop()
    with Emulator(state=path) as again:
        assert (again.root.organization, len(again.accounts())) == ("Another MSP", 3)


def test_the_credential_of_the_emulator_stays_the_same_over_restarts(
    emulator: Emulator, caller: Caller, path: Path
) -> None:
    assert caller.send("POST", "/api/v1/api-keys", {"appname": "ci", "roles": ["readonly"]}).status == 201
    assert caller.send("POST", "/api/v1/api-keys", {"appname": "pulumi-fusion", "roles": ["readonly"]}).status == 400
    with pytest.raises(Refused, match="'pulumi-fusion' exists"):
        emulator.key(appname="pulumi-fusion")
    emulator.stop()
    for _ in range(2):
        with Emulator(state=path) as again:
            after = Caller(again.netosecret)
            assert {**after.secret, "url": ""} == {**caller.secret, "url": ""}
            assert after.authenticate().status == 200


def test_a_new_account_gets_no_port_that_another_one_was_given(emulator: Emulator, caller: Caller, path: Path) -> None:
    ports = [each.ingest_port for each in emulator.accounts()]
    caller.send("PATCH", f"{ACCOUNTS}/middle", {"ingest_port": max(ports) + 2})
    for number in range(3):
        assert caller.create(shortname=f"acme-{number}").status == 201
    before = emulator.accounts()
    assert [each.ingest_port for each in before[-3:]] == [max(ports) + 1, max(ports) + 3, max(ports) + 4]
    emulator.stop()
    with Emulator(state=path) as again:
        assert again.accounts() == before


def test_shortnames_can_only_be_made_unique_while_they_are(emulator: Emulator, caller: Caller, path: Path) -> None:
    emulator.switch(unique_shortnames=False)
    emulator.seed("north", parent="middle")
    refused = caller.send("PATCH", "/_emulator/switches", {"unique_shortnames": True})
    assert (refused.status, "2 have the shortname 'north'" in refused.json["message"]) == (400, True)
    with pytest.raises(UnknownSwitch):
        emulator.switch(unique_shortnames=True)
    emulator.remove("leaf-co")
    caller.send("PATCH", f"{ACCOUNTS}/north", {"shortname": "north-two"})
    assert caller.send("PATCH", "/_emulator/switches", {"unique_shortnames": True}).status == 200


def test_shortnames_that_are_not_unique_are_still_read_after_a_restart(
    emulator: Emulator, caller: Caller, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caller.send("PATCH", "/_emulator/switches", {"unique_shortnames": False})
    assert caller.create(shortname="acme-two").status == caller.create(shortname="acme-two").status == 201
    emulator.stop()
    with Emulator(state=path) as again:
        caller = Caller(again.netosecret, token=caller.token)
        assert "The switch unique_shortnames is false" in caplog.text
        assert not again.switches.unique_shortnames
        assert caller.delete("acme-two").status == 204
        assert caller.send("PATCH", "/_emulator/switches", {"unique_shortnames": True}).status == 200
        assert caller.create(shortname="acme-two").status == 409
    caplog.clear()
    with Emulator(state=path) as again:
        assert again.switches.unique_shortnames
        assert not caplog.text


def test_a_program_may_store_values_that_the_api_refuses(emulator: Emulator, path: Path) -> None:
    emulator.edit_freely("leaf-co", shortname="a/../b\x1b[2J", type="unknown", retention=1)
    with pytest.raises(Refused, match="retention: Input should be a valid integer"):
        emulator.edit_freely("middle", retention="7")
    with pytest.raises(Refused, match="half of a surrogate pair"):
        emulator.edit_freely("middle", organization="\ud800")
    with pytest.raises(Refused, match="a number has too many digits"):
        emulator.edit_freely("middle", fps=10**5000)
    with pytest.raises(Refused, match="retention has more than 64 bits"):
        emulator.edit_freely("middle", retention=2**63)
    with pytest.raises(Refused, match="fps: expected a whole number"):
        emulator.seed("acme-one", fps=10**5000)
    with pytest.raises(Refused, match="role: expected texts"):
        emulator.key("middle", role="\ud800")
    before = emulator.accounts()
    emulator.stop()
    with Emulator(state=path) as again:
        assert again.accounts() == before


def test_an_account_with_other_retentions_is_changed_by_the_rules_of_the_api(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.edit_freely("middle", retention=30)
    assert caller.send("PATCH", f"{ACCOUNTS}/middle", {"rollupRetention": 90}).json["rollupRetention"] == 90


def test_a_recreated_account_has_the_same_fields_and_nothing_below(emulator: Emulator) -> None:
    before = emulator.edit_freely("middle", retention=30, type="unknown")
    after = emulator.recreate("middle")
    assert (after.retention, after.type, after.parent) == (before.retention, before.type, before.parent)
    assert after.id != before.id
    assert [each.shortname for each in emulator.accounts()] == ["north", "middle"]
    with pytest.raises(Refused, match="root account"):
        emulator.recreate(ROOT)


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(b""), Path.unlink, lambda path: path.rename("other")])
def test_a_state_file_that_another_program_changes_stores_nothing_more(
    emulator: Emulator, caller: Caller, path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], object]
) -> None:
    monkeypatch.chdir(path.parent)
    harm(path)
    refused = caller.create()
    assert (refused.status, "another program replaced or shortened" in refused.json["message"]) == (500, True)
    assert not path.exists() or path.read_bytes() == b""
    emulator.stop()
    with pytest.raises(Refused, match="the emulator was stopped"):
        emulator.seed("later-co")
