"""``skip_in_preview`` in threads of a program, of the Automation API and of the CLI, under the real engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from fusion_emulator import Emulator
from tests.engine.stack import Stack

PROGRAM = """
import contextvars
import sys
from concurrent.futures import ThreadPoolExecutor

from pulumi import automation

from pulumi_fusion import masquerade
from pulumi_fusion.errors import SessionRefused


def look():
    seen = []
    try:
        with masquerade("acme-corp", reason="a check of threads", skip_in_preview=True) as session:
            seen.append(session.customer)
    except SessionRefused as refused:
        return str(refused)
    return seen


def program():
    with ThreadPoolExecutor() as pool:
        print("PLAIN", pool.submit(look).result(), flush=True)
        print("CONTEXT", pool.submit(contextvars.copy_context().run, look).result(), flush=True)
    print("PROGRAM", look(), flush=True)


stack = automation.create_or_select_stack("test", project_name="onboarding", program=program)
print("PREVIEW", flush=True)
stack.preview()
print("UP", flush=True)
stack.up()
"""


def test_a_thread_opens_no_session_in_a_preview(stack: Stack, emulator: Emulator, tmp_path: Path) -> None:
    emulator.seed("acme-corp")
    script = tmp_path / "inline.py"
    script.write_text(PROGRAM)
    environment = {**stack.environment(), "FUSION_AUDIT_FILE": str(tmp_path / "audit.jsonl")}
    emulator.requests.clear()
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    preview, up = done.stdout.split("UP\n")
    refusal = "PLAIN Could not masquerade as 'acme-corp': skip_in_preview is set, and this thread lacks the context"
    assert refusal in preview
    assert "contextvars.copy_context().run" in preview
    assert "CONTEXT []\nPROGRAM []" in preview
    assert refusal in up
    assert "CONTEXT ['acme-corp']\nPROGRAM ['acme-corp']" in up
    starts = (tmp_path / "audit.jsonl").read_text().count('"start"')
    assert starts == 2, "the two of the up, and none of the preview"


THREAD = """
from concurrent.futures import ThreadPoolExecutor

import pulumi

from pulumi_fusion import masquerade


def look():
    seen = []
    with masquerade("acme-corp", reason="a check of threads", skip_in_preview=True) as session:
        seen.append(session.customer)
    return seen


with ThreadPoolExecutor() as pool:
    pulumi.export("seen", pool.submit(look).result())
"""


def test_a_thread_of_a_program_sees_that_the_run_is_a_preview(tmp_path: Path, emulator: Emulator) -> None:
    emulator.seed("acme-corp")
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    stack = Stack(tmp_path, {**environ, "FUSION_AUDIT_FILE": str(tmp_path / "audit.jsonl")}, program=THREAD)
    emulator.requests.clear()
    stack.preview().ok()
    assert list(emulator.requests) == []
    stack.up().ok()
    assert json.loads(stack.pulumi("stack", "output", "seen", "--json").ok().stdout) == ["acme-corp"]
