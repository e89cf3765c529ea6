"""A client that was used before its process forks: each process gets its own answers, and none waits for another."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.contract.forks import programs
from tests.contract.tls.service import CERTIFICATE, tls_service


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Four customers with ten each whose names begin alike, in a process that nobody forks."""
    with Emulator() as running:
        for number in range(4):
            for each in range(10):
                running.seed(f"acme-{number}{each}", type="reseller")
            running.seed(f"below-{number}", parent=f"acme-{number}0")
        yield running


def run(program: str, folder: Path, netosecret: str, **more: str) -> Any:
    environ = {"HOME": str(folder), "NETOSECRET": netosecret, "FUSION_AUDIT_FILE": str(folder / "audit.jsonl"), **more}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def test_four_workers_get_their_own_answers(emulator: Emulator, tmp_path: Path) -> None:
    """Over one connection the answers of https://github.com/psf/requests/issues/4323 were mixed up."""
    emulator.faults.add("GET /customer/* delay=0.02 jitter=0.1")
    got = run(programs.POOL, tmp_path, emulator.netosecret)
    assert got == [[f"acme-{number}{each}" for each in range(10)] for number in range(4)]
    asked = defaultdict(set)
    for entry in emulator.requests.of("GET", "/customer/*"):
        asked[entry.connection].add((entry.shortname or "")[:6])
    assert len(emulator.requests.of("GET", "/customer/*")) == 40
    assert all(len(workers) == 1 for workers in asked.values()), asked
    assert len(emulator.requests.of("POST", "/auth/token")) == 1


def test_four_workers_open_sessions_of_their_own(emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults.add("* * delay=0.01 jitter=0.05")
    got = run(programs.SESSIONS, tmp_path, emulator.netosecret)
    assert got == [[[f"below-{number}"]] * 10 for number in range(4)]


def test_a_request_in_flight_stays_with_the_parent(emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults.add("GET /customer/acme-00 delay=2")
    got = run(programs.REQUEST, tmp_path, emulator.netosecret)
    assert got["child"] == {"sockets": [], "got": ["acme-11", "acme-12"]}
    assert (got["parent"], got["after"]) == ("acme-00", "acme-01")
    assert len(emulator.requests.of("GET", "/customer/acme-00")) == 1


def test_a_child_does_not_wait_for_a_token_that_the_parent_requests(emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults.add("POST /auth/token delay=2 x1")
    assert run(programs.TOKEN, tmp_path, emulator.netosecret) == [40, 40]
    assert len(emulator.requests.of("POST", "/auth/token")) == 2


def test_a_child_does_not_wait_for_a_list_that_the_parent_requests(emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults.add("GET /customers/types delay=2 x1")
    assert run(programs.LIST, tmp_path, emulator.netosecret) == [3, 3]


def test_a_child_does_not_wait_for_a_slot_of_the_rate_limit_of_the_parent(emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults.add("GET /customer/acme-00 429 retry-after=1 x1", "GET /customer/acme-00 delay=2 skip=1")
    assert run(programs.TURN, tmp_path, emulator.netosecret) == ["acme-01", "acme-00"]


def test_a_child_does_not_wait_for_a_lock_of_the_parent(emulator: Emulator, tmp_path: Path) -> None:
    held, child, parent = run(programs.LOCKS, tmp_path, emulator.netosecret)
    assert held >= 5
    assert (child, parent) == ("acme-01", "acme-02")


def test_a_signal_handler_that_forks_during_a_call_leaves_two_calls(emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults.add("GET /customer/acme-01 delay=1.5 x1")
    child, parent, status = run(programs.HANDLER, tmp_path, emulator.netosecret)
    assert (child[0], parent[0], status) == ("acme-01", "acme-01", 0)
    assert child[1] < 8  # of the 10 s that an answer may take


def test_a_child_does_not_end_a_tls_connection_of_the_parent(emulator: Emulator, tmp_path: Path) -> None:
    with tls_service() as service:
        more = {"FUSION_API_URL": service.url, "REQUESTS_CA_BUNDLE": str(CERTIFICATE)}
        assert run(programs.TLS, tmp_path, emulator.netosecret, **more) == [0] * 4
        assert service.connections == [5, 1]  # a token and four lists of the parent, one of the child


def test_a_child_does_not_wait_for_a_pipe_that_the_parent_reads(emulator: Emulator, tmp_path: Path) -> None:
    assert run(programs.CREDENTIAL, tmp_path, emulator.netosecret) == 40
