"""Snapshots of a running emulator."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator, Refused, StateFileUnreadable, Switches
from fusion_emulator.service import Service
from tests.contract.emulator.caller import Caller
from tests.contract.emulator.invariants import broken

PATH = "/_emulator/snapshot"


def fill(emulator: Emulator) -> Caller:
    """Create accounts below others, users and keys, and return a client of the root account."""
    emulator.seed("north", type="reseller")
    emulator.seed("gone-co")
    emulator.seed("leaf-co", parent="north", fps=5, trial=True, organization='Ö "x" \u202e\U0001f600')
    emulator.remove("gone-co")
    emulator.edit("leaf-co", allowed_ips=["127.0.0.0/8"])
    caller = Caller(emulator.netosecret)
    caller.authenticate()
    person = {
        "given_name": "Bo",
        "family_name": "Bell",
        "email": "bo@example.com",
        "roles": ["readonly"],
        "nickname": "B",
    }
    assert caller.send("POST", "/api/v1/user", person).status == 201
    key = {"appname": "ci", "roles": ["admin"], "description": "of the pipeline"}
    assert caller.send("POST", "/api/v1/api-keys", key).status == 201
    return caller


def secrets(emulator: Emulator) -> set[str]:
    """Return all secrets of an emulator."""
    state = emulator._running.state
    accounts = {each.sharedsecret for each in state.accounts.values()}
    return {state.signing_key, *accounts, *(each.appkey for each in state.keys.values()), *state.sessions, *state.seen}


def test_a_snapshot_is_loaded_by_another_emulator(tmp_path: Path) -> None:
    with Emulator(seed=1) as source:
        fill(source)
        text = source.snapshot()
        reply = Caller(source.netosecret).send("GET", PATH)
        assert (reply.headers["Content-Type"], reply.body.decode()) == ("application/json", text)
        users = source.users()
    path = tmp_path / "fusion.json"
    with Emulator(state=path) as emulator:
        emulator.seed("other-co")
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        inside = Caller(emulator.key("other-co"))
        reply = caller.send("PUT", PATH, text.encode())
        assert (reply.status, reply.body.decode()) == (200, text)
        assert emulator.snapshot() == text
        assert set(emulator.users()) == set(users)
        assert emulator.mails() == ()
        # Its own credential is valid, its tokens and other credentials are not.
        assert emulator.netosecret == caller.netosecret
        assert caller.read("north").status == 401
        assert inside.authenticate().status == 404
        assert caller.authenticate().status == 200
        assert caller.read("leaf-co").data["reseller"]["node"] == "example-msp/north/leaf-co"
        assert Caller(caller.netosecret, shortname="leaf-co").authenticate().status == 200
        assert caller.create().status == 201
        later = emulator.snapshot()
    assert any("whole" in json.loads(line) for line in path.read_text().splitlines())
    with Emulator(state=path) as again:
        assert again.snapshot() == later
        assert Caller(again.netosecret).secret["sharedsecret"] == caller.secret["sharedsecret"]
        assert broken(json.loads(path.read_text().splitlines()[0])) == []


def test_a_snapshot_has_no_secrets_and_is_ascii_where_characters_are_hidden(emulator: Emulator) -> None:
    fill(emulator)
    text = emulator.snapshot()
    assert [each for each in secrets(emulator) if each in text] == []
    assert all(each.isprintable() or each == "\n" for each in text)
    assert 'Ö \\"x\\" \\u202e😀' in text
    assert json.loads(text)["accounts"][2]["organization"] == 'Ö "x" \u202e\U0001f600'


def test_loading_an_earlier_snapshot_keeps_the_credentials_that_it_names(emulator: Emulator) -> None:
    emulator.seed("north")
    keys = [Caller(emulator.key("north")), Caller(emulator.key(appname="ci")), Caller(emulator.netosecret)]
    text = emulator.snapshot()
    late = Caller(emulator.key("north", appname="late"))
    emulator.seed("other-co")
    emulator.load(text)
    assert emulator.snapshot() == text
    assert [each.authenticate().status for each in keys] == [200, 200, 200]
    assert late.authenticate().status == 404


def test_snapshots_of_the_same_seed_and_requests_are_the_same() -> None:
    texts = []
    for _ in range(2):
        with Emulator(seed=3) as emulator:
            fill(emulator)
            texts.append(emulator.snapshot())
            emulator.seed("next-co")
            emulator.load(texts[-1])
            emulator.seed("next-co")
            texts.append(emulator.snapshot())
    assert texts[:2] == texts[2:]


def test_accounts_of_the_same_shortname_keep_their_places() -> None:
    with Emulator(Switches(unique_shortnames=False)) as source:
        first, second = source.seed("north"), source.seed("north")
        source.edit("north", shortname="north-one")
        source.seed("leaf-co", parent="north")
        source.edit("north-one", shortname="north")
        text = source.snapshot()
    assert json.loads(text)["accounts"][3]["parent"] == second.id
    with Emulator(Switches(unique_shortnames=False)) as emulator:
        emulator.load(text)
        assert emulator.snapshot() == text
        leaf = emulator.account("leaf-co")
        assert leaf is not None
        assert (leaf.parent, first.id == second.id) == (second.id, False)
    with Emulator() as emulator, pytest.raises(Refused, match="2 have the shortname 'north', which unique_shortnames"):
        emulator.load(text)


def changed(text: str, change: Any) -> bytes:
    document = json.loads(text)
    return json.dumps(change(document) or document).encode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda it: it.update(snapshot=2),
            "It has format 2, and this version reads formats up to 1. Update pulumi-fusion",
        ),
        (lambda it: it.pop("snapshot") and None, "It is not a snapshot of this emulator"),
        (lambda it: it.update(format=2), "It is a state file, which has secrets. Start an emulator with --state"),
        (lambda it: [it], "It is not a JSON object"),
        (lambda it: it.update(root="x"), "root: there is no such field"),
        (
            lambda it: it["accounts"][1].update(rollup_retention=7),
            "accounts.north.rollup_retention: there is no such field",
        ),
        (lambda it: it["accounts"][1].pop("rollupRetention") and None, "accounts.north.rollupRetention: required"),
        (
            lambda it: it["accounts"][1].update(retention="90"),
            "accounts.north.retention: Input should be a valid integer",
        ),
        (lambda it: it["accounts"][1].update(shortname=5), "accounts.1.shortname: Input should be a valid string"),
        (lambda it: it["accounts"].__setitem__(1, 5), "accounts.1: Input should be an object"),
        (lambda it: it["accounts"][1].update(fps=2**63), "fps has more than 64 bits"),
        (lambda it: it["accounts"][1].update(ingest_port=0), "the ingest port 0 is not between 1 and 65535"),
        (lambda it: it["accounts"][1].update(ingest_port=2000), "accounts: 2 have the ingest port 2000"),
        (lambda it: it["accounts"][1].update(id=it["accounts"][2]["id"]), "accounts: 2 have the id"),
        (lambda it: it["accounts"][1]["users"].append(it["accounts"][0]["users"][0]), "users: 2 have the id"),
        (lambda it: it["accounts"][1].update(parent="leaf-co"), "'north' is below itself"),
        (lambda it: it["accounts"][1].update(parent="nobody"), "the parent 'nobody' of 'north' does not exist"),
        (
            lambda it: it["accounts"][1].update(parent=None),
            "accounts: 2 have no parent, which only the root account has",
        ),
        (lambda it: it.update(accounts=[]), "accounts: 0 have no parent, which only the root account has"),
        (lambda it: it["accounts"][1].update(shortname="leaf-co"), "2 have the shortname 'leaf-co'"),
        (
            lambda it: it.update(accounts=[{**it["accounts"][0], "shortname": "other-msp"}]),
            "Its root account is 'other-msp', and that of the emulator's credential is 'example-msp'. Rename",
        ),
        (
            lambda it: it["accounts"][0]["keys"].append({"id": "x", "appname": "pulumi-fusion", "roles": []}),
            "have the name 'pulumi-fusion'",
        ),
    ],
)
def test_a_snapshot_that_breaks_a_rule_is_refused_and_changes_nothing(
    tmp_path: Path, change: Any, message: str
) -> None:
    path = tmp_path / "fusion.json"
    with Emulator(state=path) as emulator:
        caller = fill(emulator)
        text, stored = emulator.snapshot(), path.read_bytes()
        refused = caller.send("PUT", PATH, changed(text, change))
        assert refused.status == 400
        assert message in refused.json["message"]
        assert emulator.snapshot() == text
        assert path.read_bytes() == stored
        assert caller.read("north").status == 200


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "It is not a JSON object"),
        (b'{"snapshot": 1}\n{}', "It has more after the end of the snapshot"),
        (b'{"snapshot": 1} {}', "Line 1, column 16: it is not valid JSON: there is more after its end"),
        (b'{"format": 2}\n{}', "It is a state file, which has secrets"),
        (b'{"snapshot": 1, "accounts": [', "it is not valid JSON"),
        (b'{"snapshot": 1, "snapshot": 1}', "appears twice"),
        (b'{"snapshot": 1, "accounts": [{"shortname": "\\ud800"}]}', "half of a surrogate pair"),
        (b"[" * 100_000, "it is nested too deeply"),
        ("{}".encode("utf-16"), "It is UTF-16"),
        (b"\xff", "It is not UTF-8 at byte 0"),
    ],
)
def test_what_is_not_a_snapshot_is_refused_with_the_place(
    emulator: Emulator, caller: Caller, content: bytes, message: str
) -> None:
    refused = caller.send("PUT", PATH, content)
    assert refused.status == 400
    assert refused.json["message"].startswith("The snapshot cannot be loaded. ")
    assert message in refused.json["message"]
    assert caller.send("PUT", PATH, content, headers={"Content-Type": "text/plain"}).status == 400


def test_a_snapshot_may_be_written_by_hand(emulator: Emulator, caller: Caller) -> None:
    def account(shortname: str, parent: str | None, port: int) -> dict[str, Any]:
        terms = {"type": "reseller", "retention": 90, "rollupRetention": 90, "trial": False, "fps": None}
        place = {"parent": parent, "ingest_ip": "203.0.113.19", "ingest_port": port}
        return {"id": f"id-{shortname}", "shortname": shortname, "organization": shortname, **terms, **place}

    accounts = [account("example-msp", None, 2000), account("acme-two", "example-msp", 2001)]
    assert caller.send("PUT", PATH, {"snapshot": 1, "accounts": accounts}).status == 200
    caller.authenticate()
    assert caller.create().status == 201
    assert [(each.shortname, each.ingest_port) for each in emulator.accounts()] == [
        ("acme-two", 2001),
        ("acme-one", 2002),
    ]


def test_a_request_changes_nothing_if_a_snapshot_is_loaded_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(seed=1) as source:
        text = source.snapshot()
    path = tmp_path / "fusion.json"
    with Emulator(state=path) as emulator:
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        known = Service.commit

        def commit(service: Service, change: Any) -> Any:
            """Load the snapshot after the request was authenticated."""
            monkeypatch.undo()
            emulator.load(text)
            return known(service, change)

        monkeypatch.setattr(Service, "commit", commit)
        assert caller.create().status == 401
        assert emulator.snapshot() == text
    with Emulator(state=path) as again:
        assert again.snapshot() == text


def test_a_large_snapshot_is_loaded_and_other_large_bodies_are_not(emulator: Emulator, caller: Caller) -> None:
    document = json.loads(emulator.snapshot())
    document["accounts"][0]["organization"] = "x" * (2 << 20)
    assert caller.send("PUT", PATH, document).status == 200
    assert emulator.root.organization == document["accounts"][0]["organization"]
    assert caller.send("POST", "/_emulator/accounts", document).status == 413
    assert caller.send("PUT", PATH, headers={"Content-Length": str(1 << 27)}).status == 413


def test_a_load_that_cannot_be_stored_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fusion.json"
    with Emulator(state=path) as emulator:
        caller = fill(emulator)
        text, stored = emulator.snapshot(), path.read_bytes()

        def full_disk(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full_disk)
        document = json.loads(text)
        refused = caller.send("PUT", PATH, {**document, "accounts": document["accounts"][:1]})
        assert (refused.status, refused.json["message"]) == (
            500,
            "The state could not be stored: No space left on device",
        )
        monkeypatch.undo()
        assert (emulator.snapshot(), path.read_bytes()) == (text, stored)


def test_a_state_file_with_another_name_keeps_what_was_loaded_under_both(tmp_path: Path) -> None:
    path, other = tmp_path / "fusion.json", tmp_path / "other.json"
    with Emulator(state=path) as emulator:
        emulator.seed("acme-one")
        text = emulator.snapshot()
        emulator.remove("acme-one")
    other.hardlink_to(path)
    with Emulator(state=path) as emulator:
        emulator.load(text)
        emulator.reset()
        emulator.load(text)
    with Emulator(state=other) as emulator:
        assert emulator.snapshot() == text


def test_a_snapshot_is_not_a_state_file(tmp_path: Path, emulator: Emulator) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text(emulator.snapshot())
    with pytest.raises(StateFileUnreadable, match=r"It is a snapshot, .*pulumi-fusion snapshot load FILE"):
        Emulator(state=path).start()
    assert path.read_text() == emulator.snapshot()


def test_the_secret_of_the_credential_is_given_to_no_other_account(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("north")
    document = json.loads(emulator.snapshot())
    root, north = document["accounts"]
    root["id"], north["id"] = "another", root["id"]
    emulator.load(json.dumps(document))
    assert emulator.netosecret == caller.netosecret
    assert {each.sharedsecret for each in emulator.accounts()}.isdisjoint({emulator.root.sharedsecret})
    assert caller.authenticate().status == 200


def test_a_key_with_the_id_of_the_emulators_own_is_refused(emulator: Emulator, caller: Caller) -> None:
    document = json.loads(emulator.snapshot())
    own = emulator._running.state.own_key
    document["accounts"][0]["keys"] = [{"id": own, "appname": "ci", "roles": ["admin"]}]
    refused = caller.send("PUT", PATH, document)
    assert refused.status == 400
    assert f"keys: '{own}' is the id of the emulator's own API key, which no snapshot has" in refused.json["message"]
    assert caller.authenticate().status == 200
