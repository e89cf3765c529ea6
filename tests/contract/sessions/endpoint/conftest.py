from __future__ import annotations

from collections.abc import Iterator

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient
from pulumi_fusion.sessions.access import Access, open_access
from pulumi_fusion.sessions.endpoint import Endpoint
from pulumi_fusion.sessions.request import SessionRequest


@pytest.fixture
def access(fusion: FusionClient, emulator: Emulator) -> Iterator[Access]:
    opened = open_access(fusion, SessionRequest("acme-corp", "INC-1234 ingest check"))
    emulator.requests.clear()
    yield opened
    opened.close()


@pytest.fixture
def endpoint(access: Access, fusion: FusionClient) -> Iterator[Endpoint]:
    running = Endpoint(access)
    running.start()
    yield running
    fusion.close()
    running.close()


@pytest.fixture
def writing(fusion: FusionClient) -> Iterator[Endpoint]:
    opened = open_access(fusion, SessionRequest("acme-corp", "INC-1234 ingest check", write=True))
    running = Endpoint(opened)
    running.start()
    yield running
    opened.close()
    running.close()
