"""Ids that a seed determines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller, Reply

PERSON = {"given_name": "Bo", "family_name": "Bell", "email": "bo@example.com", "roles": ["admin"]}


def answers(emulator: Emulator) -> list[Reply]:
    """Send requests, and return the answers that have no secrets."""
    caller = Caller(emulator.netosecret)
    caller.authenticate()
    caller.create(shortname="gone-again")
    caller.delete("gone-again")
    caller.send("POST", "/api/v1/api-keys", {"appname": "second", "roles": ["admin"]})
    changes = [caller.create(), caller.send("POST", "/api/v1/user", PERSON), caller.update(organization="Other")]
    created = caller.send("POST", "/_emulator/accounts", {"shortname": "msp-east", "type": "reseller"})
    reads = ("customers", "customer/acme-one", "customer/msp-east", "users")
    return [*changes, created, *(caller.send("GET", f"/api/v1/{path}") for path in reads)]


def ids(emulator: Emulator) -> list[str]:
    """Return the ids of the accounts and users."""
    return [*(each.id for each in emulator.accounts()), *(each.id for each in emulator.users())]


def compared(replies: list[Reply]) -> list[tuple[int, dict[str, str], bytes]]:
    """Return everything of the answers but their dates."""
    return [
        (each.status, {name: value for name, value in each.headers.items() if name != "Date"}, each.body)
        for each in replies
    ]


def test_the_same_requests_get_the_same_answers_with_the_same_seed() -> None:
    with Emulator(seed=7) as one, Emulator(seed=7) as other:
        first, second = compared(answers(one)), compared(answers(other))
        assert [status for status, _, _ in first] == [201, 201, 200, 200, 200, 200, 200, 200]
        assert first == second
        assert one.netosecret != other.netosecret
        assert {each.sharedsecret for each in one.accounts()}.isdisjoint(each.sharedsecret for each in other.accounts())


def test_another_seed_or_none_makes_other_ids() -> None:
    found = []
    for seed in (0, 1, None, None):
        with Emulator(seed=seed) as emulator:
            found += [emulator.root.id, emulator.seed("acme-one").id]
    assert len(set(found)) == len(found)
    assert all(len(id_) == 24 and int(id_, 16) for id_ in found)


def test_no_id_is_used_again_after_a_restart(tmp_path: Path) -> None:
    state, found = tmp_path / "fusion.json", []
    for _ in range(3):
        with Emulator(state=state, seed=7) as emulator:
            found.append(emulator.seed("acme-one").id)
            emulator.remove("acme-one")
    assert len(set(found)) == 3
    with Emulator(seed=7) as emulator:
        assert [emulator.seed(f"acme-{number}").id for number in range(3)] == found


def test_an_id_that_a_state_file_has_already_is_not_given_to_another_account(tmp_path: Path) -> None:
    state = tmp_path / "fusion.json"
    with Emulator(state=state, seed=7) as emulator:
        first = emulator.seed("acme-one")
    # As after a merge of two files by hand.
    state.write_text(state.read_text().replace('"minted":5', '"minted":3'))
    with Emulator(state=state, seed=7) as emulator:
        second = emulator.seed("acme-two")
        assert emulator.accounts() == (first, second)
        assert len({first.id, second.id}) == 2


def test_the_same_ids_are_given_after_the_same_snapshot_without_a_count() -> None:
    with Emulator(seed=7) as source:
        source.seed("acme-one")
        document = json.loads(source.snapshot())
    del document["minted"]
    found = []
    for _ in range(2):
        with Emulator(seed=7) as emulator:
            emulator.load(json.dumps(document))
            for name in ("gone-one", "acme-two", "acme-ten"):
                emulator.seed(name)
                found += ids(emulator)
            emulator.remove("gone-one")
            emulator.seed("acme-six")
            found += ids(emulator)
    half = len(found) // 2
    assert found[:half] == found[half:]
    assert len(set(found)) == 11


@pytest.mark.parametrize("seed", [-1, 1.0, "1", True])
def test_a_seed_that_is_not_a_whole_number_is_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match="seed: expected a whole number from 0, not "):
        Emulator(seed=seed)
