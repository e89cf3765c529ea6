"""The documents that the tests read."""

from __future__ import annotations

from pathlib import Path

OPERATIONS = Path(__file__).with_name("operations.yaml")
