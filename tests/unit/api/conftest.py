from __future__ import annotations

import pytest

from pulumi_fusion import redaction


@pytest.fixture(autouse=True)
def forget_other_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test masks its own secrets alone, as a process of a user does, whatever ran before it."""
    monkeypatch.setattr(redaction, "_known", redaction._Known())
