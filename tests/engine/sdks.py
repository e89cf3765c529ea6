"""The parts of the engine that some examples need, and SDKs as Pulumi's own generators write them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pulumi_fusion.plugin import schema

ROOT = Path(__file__).resolve().parents[2]


def engine_part(name: str, *programs: str) -> Path:
    """Return the directory that `.ci/engine/get` prints for a part of the engine that needs these programs."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        # Only some examples need them, so that a laptop may do without; a pipeline that did would hide a gap.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {', '.join(missing)} on PATH")
    got = subprocess.run([ROOT / ".ci/engine/get", name], capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stdout + got.stderr
    return Path(got.stdout.strip())


def generate(program: Path, *arguments: str | Path, spec: dict[str, Any] | None = None) -> None:
    """Run a generator on the provider's schema, or on ``spec``."""
    text = schema.as_json() if spec is None else json.dumps(spec)
    subprocess.run([program, *arguments], input=text, text=True, check=True)
