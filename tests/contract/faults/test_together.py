"""Many operations of one run at once share one token, one retry quota and one rate limit."""

from __future__ import annotations

import time
from functools import partial

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.outcome import Outcome
from tests.contract.faults.stack import PROGRAM, Stack
from tests.contract.faults.test_taken_shortname import together

TEN = [f"tenant-{number:02}" for number in range(10)]
TWENTY = [f"tenant-{number:02}" for number in range(20)]


def test_ten_customers_are_created_updated_and_deleted_while_tokens_expire(emulator: Emulator) -> None:
    """A token expires during the operations; all that find it expired wait for the same new one."""
    emulator.switch(token_lifetime=1.0)
    emulator.faults.add("* /customer* delay=0.2")
    with Stack(emulator, deadline=60) as stack:
        began = time.monotonic()

        def live(name: str) -> Outcome:
            program = {**PROGRAM, "shortname": name}
            outcomes = [stack.up(name, program), stack.up(name, {**program, "dataRetention": 45}), stack.refresh(name)]
            if name < "tenant-05":
                outcomes.append(stack.destroy(name))
            return next((outcome for outcome in outcomes if not outcome.ok), outcomes[-1])

        outcomes = together([partial(live, name) for name in TEN])
        assert [outcome.text for outcome in outcomes if not outcome.ok] == []
        stack.require_in_step()
        stack.require_unharmed()
        assert [stack.posts(name) for name in TEN] == [1] * 10
        # One in a second, and one more where a token ended on the way; ten for each would be 100 and more.
        assert 2 <= len(emulator.requests.of("POST", "/auth/token")) <= 2 + 2 * (time.monotonic() - began)


@pytest.mark.parametrize(
    ("operation", "hit"),
    [
        ("create", "GET /customer/*"),
        ("create", "POST /customer"),
        ("update", "PUT /customer/*"),
        ("delete", "DELETE /customer/*"),
    ],
)
def test_ten_operations_share_the_token_that_follows_an_expired_one(
    emulator: Emulator, operation: str, hit: str
) -> None:
    with Stack(emulator, deadline=20) as stack:
        if operation != "create":
            for name in TEN:
                assert stack.up(name, {**PROGRAM, "shortname": name}).ok
            stack.restart()
        emulator.faults.add(f"{hit} token-expired skip=3 x1")
        changed = {**PROGRAM, "dataRetention": 45}
        acts = (
            [partial(stack.destroy, name) for name in TEN]
            if operation == "delete"
            else [partial(stack.up, name, {**changed, "shortname": name}) for name in TEN]
        )
        outcomes = together(acts)
        assert [outcome.text for outcome in outcomes if not outcome.ok] == []
        stack.require_in_step()
        stack.require_unharmed()
        assert any(entry.status == 401 for entry in emulator.requests)


@pytest.mark.parametrize("kind", ["500", "reset", "503 retry-after=1", "html-502"])
@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_twenty_operations_share_the_retry_quota_in_an_outage(emulator: Emulator, operation: str, kind: str) -> None:
    with Stack(emulator, deadline=6) as stack:
        if operation != "create":
            for name in TWENTY:
                assert stack.up(name, {**PROGRAM, "shortname": name}).ok
        stack.restart()
        emulator.requests.clear()
        emulator.faults.add(f"* /customer/* {kind}")
        changed = {**PROGRAM, "dataRetention": 45}
        if operation == "delete":
            outcomes = together([partial(stack.destroy, name) for name in TWENTY])
        else:
            outcomes = together([partial(stack.up, name, {**changed, "shortname": name}) for name in TWENTY])
        assert not any(outcome.ok for outcome in outcomes)
        assert len(emulator.requests.of("*", "/customer/*")) <= 2 * len(TWENTY)
        stack.require_in_step()
        stack.require_unharmed()


@pytest.mark.parametrize("kind", ["500", "reset", "403", "html-200"])
def test_twenty_operations_that_get_no_token_send_few_requests(emulator: Emulator, kind: str) -> None:
    emulator.faults.add(f"* * {kind}")
    with Stack(emulator) as stack:
        outcomes = together([partial(stack.up, name, {**PROGRAM, "shortname": name}) for name in TWENTY])
        assert not any(outcome.ok for outcome in outcomes)
        assert len(emulator.requests) <= 2 * len(TWENTY)
        stack.require_in_step()


@pytest.mark.parametrize("retry_after", ["none", "seconds", "date"])
def test_ten_customers_are_created_under_a_rate_limit(emulator: Emulator, retry_after: str) -> None:
    emulator.switch(customer_rate="4/2", retry_after=retry_after)
    with Stack(emulator, deadline=60) as stack:
        outcomes = together([partial(stack.up, name, {**PROGRAM, "shortname": name}) for name in TEN])
        assert [outcome.text for outcome in outcomes if not outcome.ok] == []
        stack.require_in_step()
        refused = [entry for entry in emulator.requests.of("POST", "/customer") if entry.status == 429]
        assert len(refused) <= 10
