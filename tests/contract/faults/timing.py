"""The waits of the provider, shortened for tests: the one place that knows where they are defined."""

from __future__ import annotations

import random

import pytest

from pulumi_fusion.api import transport
from pulumi_fusion.operations import operation, read

__all__ = ["set_consistency_timeout", "set_jitter", "set_pause", "set_read_timeout"]


def set_jitter(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """Draw every random wait at this share of its range, from 0 to 1."""
    monkeypatch.setattr(random, "uniform", lambda low, high: low + (high - low) * share)


def set_read_timeout(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Wait for an answer for at most so many seconds."""
    monkeypatch.setattr(transport, "READ_SECONDS", seconds)


def set_pause(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Wait at least so many seconds between the GETs that confirm that a customer is missing."""
    monkeypatch.setattr(read, "PAUSE", seconds)


def set_consistency_timeout(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let an answer lag behind a write for so many seconds."""
    monkeypatch.setattr(operation, "CONSISTENCY_SECONDS", seconds)
