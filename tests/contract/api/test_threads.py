"""A client where the system lets its process start no further thread."""

from __future__ import annotations

import threading

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import NotSent


@pytest.mark.parametrize("relayed", [False, True])
def test_nothing_is_sent_without_a_thread_that_watches_the_deadline(
    client: FusionClient, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, relayed: bool
) -> None:
    client.list_customers()
    emulator.requests.clear()
    for thread in threading.enumerate():
        if thread.name == "pulumi-fusion-watch":
            thread.join(10)  # it ends soon after the last request
    bound = client.within(Deadline(2))
    started = threading.Thread.start

    def refusing(thread: threading.Thread) -> None:
        if thread.name == "pulumi-fusion-watch":
            raise RuntimeError("can't start new thread")
        started(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refusing)
        with pytest.raises(NotSent, match=r"no further thread\. Nothing was sent\. End other processes"):
            if relayed:
                with bound.relay("GET", "/api/v1/customers", {}, None, Deadline(2)):
                    pytest.fail("it was relayed")
            else:
                bound.list_customers()
    assert len(emulator.requests) == 0
    assert client.list_customers() == []
