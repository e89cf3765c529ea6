"""The requests that an account may send in a time."""

from __future__ import annotations

from fusion_emulator.limits import Admitted
from fusion_emulator.switches import RateLimit


def test_accounts_are_forgotten_once_their_requests_no_longer_count() -> None:
    admitted, limit = Admitted(), RateLimit(2, 300)
    for number in range(1000):
        assert admitted.wait(f"account-{number}", limit, now=number) == 0
    assert len(admitted) == 300
    assert admitted.wait("account-999", limit, now=1000) == 0
    assert admitted.wait("account-999", limit, now=1100) == 199
    # After the clock was moved back, nothing that was admitted counts.
    assert admitted.wait("account-999", limit, now=0) == 0
    assert len(admitted) == 1
