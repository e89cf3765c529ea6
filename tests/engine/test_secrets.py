"""Search everything that a run may leave for the credential and all that is derived from it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import Stack, a_customer, credential_parts

# A request or an access token, in any of the three parts of a JWT that could be cut out of it.
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")


def forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield from (raw, json.dumps(secret)[1:-1].encode(), quote(secret, safe="").encode(), raw.hex().encode())
    yield base64.b64encode(raw).rstrip(b"=")
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")


def found(canaries: dict[str, str], sinks: dict[str, bytes]) -> list[str]:
    """Which canary stands in which sink, in any form."""
    hits = [
        f"{name} in {sink}"
        for sink, content in sinks.items()
        for name, secret in canaries.items()
        if any(form in content for form in forms(secret))
    ]
    return hits + [f"a token in {sink}" for sink, content in sinks.items() if TOKEN.search(content)]


def left_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def canaries_of(emulator: Emulator) -> dict[str, str]:
    """The credential and each secret part of it, by name."""
    parts = credential_parts(emulator.netosecret)
    decoded = base64.b64decode(emulator.netosecret + "==").decode()
    return {
        "netosecret": emulator.netosecret,
        "its JSON": decoded,
        "sharedsecret": parts["sharedsecret"],
        "appkey": parts["appkey"],
    }


@pytest.fixture
def canaries(emulator: Emulator) -> dict[str, str]:
    return canaries_of(emulator)


@pytest.fixture
def watched(stack: Stack) -> Stack:
    """A stack that keeps its temporary files and the engine's own protocol log where they are looked through."""
    (stack.folder / "tmp").mkdir()
    stack.environ |= {"TMPDIR": str(stack.folder / "tmp"), "PULUMI_DEBUG_GRPC": str(stack.folder / "grpc.json")}
    return stack


def test_the_search_for_secrets_finds_a_planted_one(canaries: dict[str, str], tmp_path: Path) -> None:
    for name, secret in canaries.items():
        for number, form in enumerate(forms(secret)):
            (tmp_path / "planted").write_bytes(b"x=" + form + b";")
            assert f"{name} in planted" in found(canaries, left_in(tmp_path)), (name, number)
    (tmp_path / "planted").write_text("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzaG9ydG5hbWUiOiJhIn0.c2ln")
    assert found({}, left_in(tmp_path)) == ["a token in planted"]


def test_a_run_with_all_logs_leaves_no_secret(watched: Stack, emulator: Emulator, canaries: dict[str, str]) -> None:
    watched.declare({"acme": a_customer("acme-corp")})
    said = [watched.up("--logtostderr", "-v=11").ok().text, watched.refresh("--logtostderr", "-v=11").ok().text]
    exported = watched.pulumi("stack", "export", "--show-secrets").ok().text
    said.append(watched.destroy("--logtostderr", "-v=11").ok().text)

    sinks = left_in(watched.folder) | {"export": exported.encode(), "said": "".join(said).encode()}
    assert b"acme-corp" in sinks["grpc.json"]  # the log was on
    assert len(sinks["said"]) > 50_000
    assert found(canaries, sinks) == []


@pytest.mark.parametrize("fault", ["POST /auth/token revoked", "POST /customer commit-then-hang=60", "* * html-500"])
def test_a_failed_run_leaves_no_secret(
    watched: Stack, emulator: Emulator, canaries: dict[str, str], fault: str
) -> None:
    watched.environ |= {"FUSION_PREFLIGHT": "off", "FUSION_DEADLINE": "4"}
    watched.declare({"acme": a_customer("acme-corp")})
    emulator.faults.add("POST /auth/token delay=2 x1", fault)
    with watched.start("up", "--yes", "--skip-preview", "--logtostderr", "-v=9") as running:
        # The first request waits, so all processes still run.
        running.until(lambda: not any("delay" in each.text for each in emulator.faults))
        lines = [running.command_line(pid) for pid in running.descendants("")]
        running.end()
    assert any("pulumi.dynamic" in line for line in lines)
    sinks = left_in(watched.folder) | {"command lines": "\n".join(lines).encode()}
    assert found(canaries, sinks) == []


def test_a_credential_of_the_stack_configuration_is_stored_only_encrypted(
    watched: Stack, emulator: Emulator, canaries: dict[str, str]
) -> None:
    # The engine's own verbose and protocol logs write out the configuration that it hands to a provider, secrets
    # included (https://github.com/pulumi/pulumi/issues/648), so both are off here.
    del watched.environ["PULUMI_DEBUG_GRPC"]
    secret = watched.environ.pop("NETOSECRET")
    watched.pulumi("config", "set", "--secret", "fusion:netosecret", secret).ok()
    watched.declare({"acme": a_customer("acme-corp")})
    said = watched.up().ok().text
    assert "fusion:netosecret" in (watched.folder / "Pulumi.test.yaml").read_text()
    assert found(canaries, left_in(watched.folder) | {"said": said.encode()}) == []


@pytest.mark.parametrize("name", FRONTENDS)
def test_a_refresh_uses_the_credential_that_the_last_up_stored(name: str, tmp_path: Path, emulator: Emulator) -> None:
    frontend = Frontend(name)
    stack = frontend.stack(tmp_path, emulator)
    current = stack.environ.pop("NETOSECRET")
    stack.pulumi("config", "set", "--secret", "fusion:netosecret", current).ok()
    stack.declare({"acme": frontend.customer("acme-corp")})
    stack.up().ok()
    assert "netosecret" in stack.checkpoint.read_text()
    assert current in stack.pulumi("stack", "export", "--show-secrets").ok().stdout

    wrong = json.dumps({**credential_parts(current), "sharedsecret": "b" * 32})
    stack.pulumi("config", "set", "--secret", "fusion:netosecret", base64.b64encode(wrong.encode()).decode()).ok()
    stack.refresh().ok()
    assert "401 Unauthorized" in stack.refresh("--run-program").failed().text
