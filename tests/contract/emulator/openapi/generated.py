"""Sends requests that Schemathesis generates from an OpenAPI document to an emulator, and checks the answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller
from tests.scale import NIGHTLY

HERE = Path(__file__).parent

# Checks that assume that a read sees the last write, and that a deleted name isn't taken again.
OF_CONSISTENCY = ("use_after_free", "ensure_resource_availability")


def send(
    emulator: Emulator, document: str | Path, folder: Path, *options: str, examples: int, without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Send requests to every operation of a document, and fail if an answer isn't as the document describes.

    The requests are the same in each run, except at night.

    Args:
        emulator: A running one.
        document: The path or URL of the document.
        folder: Receives the report.
        options: Further options of ``schemathesis run``.
        examples: The number of random requests per operation, in addition to the systematic ones.
        without: The checks to leave out.

    Returns:
        Schemathesis' report.
    """
    caller = Caller(emulator.netosecret)
    assert caller.authenticate().status == 200
    report = folder / "report.json"
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml")),
        *("run", str(document), "--url", emulator.url, "--max-examples", str(examples)),
        *("--report", "json", "--report-json-path", str(report), *options),
        *(() if NIGHTLY else ("--seed", "1", "--generation-deterministic")),
        *(("--exclude-checks", ",".join(without)) if without else ()),
    ]
    environment = {**os.environ, "EMULATOR_TOKEN": caller.token or "", "EMULATOR_HOOKS": str(HERE / "hooks.py")}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    found: dict[str, Any] = json.loads(report.read_text())
    assert found["complete"], done.stdout
    return found
