"""A provider whose engine was killed sends nothing more that changes the service."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import mutations

# The request that waits when the engine dies, and what the provider would send next.
WAITING = {
    "before a create": "GET /customer/acme-corp delay=2 x1",
    "between two tries": "POST /customer 429 retry-after=2 x1",
}


@pytest.mark.parametrize("fault", WAITING.values(), ids=WAITING)
@pytest.mark.parametrize("name", FRONTENDS)
def test_nothing_is_created_after_the_engine_was_killed(
    name: str, fault: str, tmp_path: Path, emulator: Emulator
) -> None:
    frontend = Frontend(name)
    stack = frontend.stack(tmp_path, emulator, FUSION_PREFLIGHT="off")
    stack.declare({"acme": frontend.customer("acme-corp")})
    emulator.faults.add(fault)
    provider = "pulumi.dynamic" if name == "dynamic" else "pulumi-resource-fusion"
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.until(lambda: not emulator.faults)
        assert running.descendants(provider)
        running.signal(signal.SIGKILL)
        running.end()
        # The plugin ends by itself. A dynamic provider survives, so it gets more time than the fault takes.
        end = time.monotonic() + 4
        while running.descendants(provider) and time.monotonic() < end:
            time.sleep(0.1)
    assert emulator.accounts() == ()
    assert mutations(emulator.requests) == (["POST /api/v1/customer"] if fault.startswith("POST") else [])
