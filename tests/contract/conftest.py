"""The services that the tests of a folder use unless it has its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fusion_emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Yield a service without customers."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def shared_emulator() -> Iterator[Emulator]:
    """Yield a service with the customer acme-corp, for tests that do not change it."""
    with Emulator() as running:
        running.seed("acme-corp")
        yield running
