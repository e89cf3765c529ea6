"""Existing clients work unchanged: the vendor's own, and those in its recipes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import bearer, connected, received, secret, signed
from tests.contract.sessions.endpoint.upstream import Upstream

NODE, CURL = shutil.which("node"), shutil.which("curl")
JSON = "Content-Type: application/json"


def as_httpx_sends(endpoint: Endpoint, line: str, *fields: str, body: bytes = b"") -> bytes:
    """Return a request as httpx 0.28 sends it, which the vendor's client uses.

    https://github.com/netography/neto-mcp, neto_mcp_server/neto/api.py and main.py
    """
    head = [
        f"{line} HTTP/1.1",
        f"Host: 127.0.0.1:{endpoint.port}",
        "Accept-Encoding: gzip, deflate",
        "Connection: keep-alive",
        "User-Agent: python-httpx/0.28.1",
        *fields,
        *([f"Content-Length: {len(body)}"] if body else []),
        "",
        "",
    ]
    return "\r\n".join(head).encode() + body


def test_the_vendors_client_works_over_one_connection(endpoint: Endpoint) -> None:
    """One exchange; then statistics, searches and the list of detection models, with the token kept for all of them."""
    body = json.dumps(signed(secret(endpoint), iat=1_700_000_000, jti="58213")).encode()
    asked = as_httpx_sends(endpoint, "POST /api/v1/auth/token", JSON, "Accept: application/json", body=body)
    with connected(endpoint) as connection, connection.makefile("rb") as stream:
        connection.sendall(asked.replace(b"keep-alive", b"close"))  # httpx.post keeps no connection
        [granted] = received(stream, "POST")
    token = json.loads(granted.body)["access_token"]
    models = b'{"meta":{"code":200,"count":1},"data":[{"name":"a model"}]}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(models), models)
    known = ("Accept: */*", f"Authorization: Bearer {token}")
    query = b'{"size":1000,"search":["srcip == 10.0.0.1"],"start":-300,"end":0}'
    asked_for = [
        ("GET /api/v1/docs/detection-models", b""),
        ("POST /api/v1/search/flow", query),
        ("POST /api/v1/stats/flow/ts", query),
        ("GET /api/v1/labels/ips?limit=10&context=name", b""),
        ("GET /api/v1/vpc", b""),
    ]
    with Upstream(*[answer] * len(asked_for)) as upstream, connected(endpoint) as connection:
        upstream.serve(endpoint)
        for line, sent in asked_for:
            fields = (*known, JSON) if sent else known
            connection.sendall(as_httpx_sends(endpoint, line, *fields, body=sent))
            got = b""
            while not got.endswith(models):
                got += connection.recv(65536)
            assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert [each.split(b" HTTP")[0].decode() for each in upstream.heads] == [line for line, _ in asked_for]
    assert all(b"user-agent: python-httpx/0.28.1" in each for each in upstream.heads)


FETCH = """
const { createHmac } = require("crypto");
const fields = JSON.parse(Buffer.from(process.env.NETOSECRET, "base64").toString());
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const payload = { iat: Math.floor(Date.now() / 1000), jti: Math.floor(Math.random() * 1e8), appname: fields.appname,
  appkey: fields.appkey, shortname: fields.shortname };
const text = encoded({ alg: "HS256", typ: "JWT" }) + "." + encoded(payload);
const jwt = text + "." + createHmac("sha256", fields.sharedsecret).update(text).digest("base64url");
const json = { "Content-Type": "application/json" };
(async () => {
  const url = fields.url + "/auth/token";
  const granted = await (await fetch(url, { method: "POST", headers: json, body: JSON.stringify({ jwt }) })).json();
  const headers = { ...json, Authorization: "Bearer " + granted.access_token };
  const ask = async () => (await fetch(fields.url + "/users", { headers })).json();
  const users = await Promise.all([...Array(30)].map(ask));
  const refused = await fetch(fields.url + "/user", { method: "POST", headers, body: "x".repeat(3000000) });
  console.log(JSON.stringify([users.filter((each) => each.data.length === 1).length, refused.status]));
})();
"""


@pytest.mark.skipif(NODE is None, reason="there is no node")
def test_fetch_of_node_works(endpoint: Endpoint) -> None:
    """Thirty requests at once, and one whose body is larger than all buffers and is refused."""
    done = subprocess.run(
        [str(NODE), "-e", FETCH],
        env={"NETOSECRET": endpoint.netosecret.reveal(), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[30,403]\n", done.stderr


def curl(endpoint: Endpoint, *arguments: str) -> tuple[int, Any]:
    """Return the status and the body."""
    done = subprocess.run(
        [str(CURL), "--silent", "--noproxy", "*", "--write-out", "\n%{http_code}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    body, _, status = done.stdout.rpartition("\n")
    assert done.returncode == 0, (done.returncode, done.stderr)
    return int(status), json.loads(body) if body else None


@pytest.mark.skipif(CURL is None, reason="there is no curl")
def test_curl_works(endpoint: Endpoint, emulator: Emulator, tmp_path: Path) -> None:
    """As https://docs.fusion.vectra.ai/api-recipes has it; it asks for HTTP/2 and waits before it sends a long body."""
    url, fields = endpoint.url, secret(endpoint)
    posted = ("-X", "POST", "-H", JSON, "--data-raw", json.dumps(signed(fields)))
    status, granted = curl(endpoint, *posted, f"{fields['url']}/auth/token")
    assert (status, granted["token_type"]) == (200, "bearer")
    known = ("-H", f"Authorization: Bearer {granted['access_token']}", "-H", JSON)
    for option in ("--get", "--http2", "--compressed", "--http1.0"):
        status, users = curl(endpoint, *known, option, f"{url}/api/v1/users")
        assert (status, len(users["data"])) == (200, 1)
    long = tmp_path / "long"
    long.write_bytes(b"x" * 3_000_000)
    for options in ((), ("-H", "Expect:"), ("-H", "Transfer-Encoding: chunked")):
        status, refused = curl(endpoint, *known, *options, "--data-binary", f"@{long}", f"{url}/api/v1/user")
        assert (status, "read-only" in refused["message"]) == (403, True)
    assert {each.method for each in emulator.requests} == {"GET"}


@pytest.mark.skipif(CURL is None, reason="there is no curl")
def test_curl_sends_a_long_body(writing: Endpoint) -> None:
    headers = ("-H", f"Authorization: {bearer(writing)['Authorization']}", "-H", JSON)
    addresses = json.dumps([f"10.0.{n // 250}.{n % 250}" for n in range(60_000)])
    url = f"{writing.url}/api/v1/customer/access-allowed-ips"
    done = subprocess.run(
        [str(CURL), "--silent", "--noproxy", "*", "-X", "PUT", *headers, "--data-binary", "@-", url],
        input=addresses,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == json.loads(addresses)
