"""A subprocess that a Pulumi program starts inside a session, under the real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.stack import Stack

PROGRAM = """
import json
import subprocess
import sys

import pulumi

from pulumi_fusion import masquerade

CHILD = '''
import json, os
from pulumi_fusion import FusionClient
from pulumi_fusion.errors import OutOfBounds, RequestFailed
fusion = FusionClient()
try:
    fusion.delete_customer("acme-east")
    wrote = True
except RequestFailed:
    wrote = False
print(json.dumps([[each.shortname for each in fusion.list_customers()], wrote, dict(os.environ)]))
'''

seen = ["skipped"]
with masquerade("acme-corp", reason="a check of a subprocess", skip_in_preview=True) as session:
    environ = session.environ()
    done = subprocess.run([sys.executable, "-c", CHILD], env=environ, stdout=subprocess.PIPE, check=True)
    customers, wrote, environ = json.loads(done.stdout)
    seen = [customers, wrote, sorted(set(environ) & {"PULUMI_CONFIG", "PULUMI_CONFIG_PASSPHRASE", "FUSION_API_URL"})]
pulumi.export("seen", seen)
"""


@pytest.mark.threat("reads-the-credential")
def test_a_subprocess_of_a_program_acts_in_the_session(tmp_path: Path, emulator: Emulator) -> None:
    emulator.seed("acme-corp", type="reseller")
    emulator.seed("acme-east", parent="acme-corp")
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    stack = Stack(tmp_path, {**environ, "FUSION_AUDIT_FILE": str(tmp_path / "audit.jsonl")}, program=PROGRAM)
    emulator.requests.clear()
    stack.preview().ok()
    assert list(emulator.requests) == []
    assert not (tmp_path / "audit.jsonl").exists()
    stack.up().ok()
    assert json.loads(stack.pulumi("stack", "output", "seen", "--json").ok().stdout) == [["acme-east"], False, []]
    assert [json.loads(line)["event"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()] == [
        "start",
        "end",
    ]
