"""The list of requests: which ones are kept, and what is known of each."""

from __future__ import annotations

import pytest

from fusion_emulator import Emulator, Entry, Journal
from tests.contract.emulator.caller import Caller

ENTRY = Entry(
    time=1.5,
    seconds=0.25,
    method="GET",
    path="/api/v1/customers",
    status=200,
    genuine=200,
    account="example-msp",
    shortname=None,
    fault=None,
    body_keys=(),
    connection=1,
)


def test_the_last_10_000_requests_are_kept_and_all_are_counted(emulator: Emulator, caller: Caller) -> None:
    for _ in range(10_000):
        emulator.requests.add(ENTRY)
    caller.read()
    assert (len(emulator.requests), emulator.requests.total) == (10_000, 10_002)
    assert emulator.requests[-1].path == "/api/v1/customer/acme-one"
    assert emulator.requests[0] is emulator.requests[:1][0] is ENTRY
    answer = caller.send("GET", "/_emulator/requests")
    assert (len(answer.json), answer.headers["X-Total-Count"]) == (10_000, "10002")
    cleared = caller.send("DELETE", "/_emulator/requests")
    assert (cleared.json, cleared.headers["X-Total-Count"]) == ([], "0")


def test_requests_that_no_route_matched_are_listed(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.extend(["GET /nowhere 503 x1"])
    sent = [
        ("GET", "/nowhere"),
        ("GET", "/nowhere"),
        ("PATCH", "/api/v1/customers"),
        ("GET", "/api/v1/customer/nobody"),
    ]
    for method, path in sent:
        caller.send(method, path)
    unmatched = [(each.method, each.path, each.status) for each in emulator.requests.unmatched()]
    assert unmatched == [("GET", "/nowhere", 404), ("PATCH", "/api/v1/customers", 405)]
    answer = caller.send("GET", "/_emulator/requests/unmatched").json
    assert [(each["method"], each["path"], each["status"]) for each in answer] == unmatched


@pytest.mark.parametrize(
    ("token", "masquerade", "shown"), [(3, False, " run=3 "), (4, True, " session=4 "), (None, False, "-")]
)
def test_a_line_has_the_number_of_the_run_or_session(token: int | None, masquerade: bool, shown: str) -> None:
    entry = Entry(**{**vars(ENTRY), "token": token, "masquerade": masquerade, "shortname": "acme-one"})
    assert entry.line().partition("account=example-msp")[2] == f"{shown}shortname=acme-one".replace("-short", " short")


def test_an_entry_keeps_no_more_of_a_long_request_than_its_beginning(emulator: Emulator, caller: Caller) -> None:
    body = {f"{number}{'x' * 500}": 1 for number in range(200)} | {"shortname": "y" * 500}
    caller.send("POST", f"/api/v1/customer?{'q' * 500}", body)
    caller.send("GET", f"/api/v1/customer/{'z' * 5000}")
    post, get = emulator.requests[-2:]
    assert (len(post.body_keys), max(map(len, post.body_keys)), len(post.shortname or "")) == (50, 64, 64)
    assert (len(get.path), len(get.shortname or "")) == (2000, 64)


def test_a_journal_without_a_request_is_empty() -> None:
    journal = Journal()
    assert (list(journal), journal.total, journal.unmatched()) == ([], 0, [])
