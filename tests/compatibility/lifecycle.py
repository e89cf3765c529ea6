"""The life of a customer through the Pulumi CLI on PATH, with the SDK and the Python that run this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fusion_emulator import Emulator
from tests.engine.frontends import Frontend
from tests.engine.stack import Stack
from tests.engine.test_recorded_state import test_a_state_of_commit_6555204_works as require_recorded_state

__all__ = ["STEPS", "failed_step"]


def _declare(stack: Stack, frontend: Frontend, **fields: Any) -> None:
    stack.declare({"acme": frontend.customer("acme-corp", **fields)})


def _retention(emulator: Emulator) -> int | None:
    account = emulator.account("acme-corp")
    return account.retention if account else None


def _preview(stack: Stack, emulator: Emulator, frontend: Frontend) -> None:
    _declare(stack, frontend)
    assert "create" in stack.preview().ok().stdout
    assert emulator.accounts() == ()


def _up(stack: Stack, emulator: Emulator, frontend: Frontend) -> None:
    stack.up().ok()
    account = emulator.account("acme-corp")
    assert account is not None
    assert stack.state()["acme"]["outputs"]["customerId"] == account.id


def _no_changes(stack: Stack, emulator: Emulator, frontend: Frontend) -> None:
    stack.pulumi("preview", "--expect-no-changes").ok()


def _update(stack: Stack, emulator: Emulator, frontend: Frontend) -> None:
    _declare(stack, frontend, data_retention=180)
    assert "~ dataRetention: 90 => 180" in stack.diff_lines()
    stack.up().ok()
    assert _retention(emulator) == 180


def _drift(stack: Stack, emulator: Emulator, frontend: Frontend) -> None:
    emulator.edit("acme-corp", retention=45)
    stack.refresh().ok()
    assert "~ dataRetention: 45 => 180" in stack.diff_lines()
    stack.up().ok()
    assert _retention(emulator) == 180


def _destroy(stack: Stack, emulator: Emulator, frontend: Frontend) -> None:
    stack.destroy().ok()
    assert emulator.accounts() == ()


STEPS: Final[Mapping[str, Callable[[Stack, Emulator, Frontend], None]]] = {
    "preview": _preview,
    "up": _up,
    "preview --expect-no-changes": _no_changes,
    "update": _update,
    "refresh after a change outside Pulumi": _drift,
    "destroy": _destroy,
}


def failed_step(frontend: str, folder: Path) -> str | None:
    """Run the steps and then a recorded state with a frontend; return the first that fails and why, or None."""
    with Emulator() as emulator:
        chosen = Frontend(frontend)
        stack = chosen.stack(folder, emulator)
        for name, step in STEPS.items():
            try:
                step(stack, emulator, chosen)
            except AssertionError as failure:
                return f"{name}: {failure}"
    recorded = folder / "recorded"
    recorded.mkdir()
    try:
        require_recorded_state(frontend, recorded)
    except AssertionError as failure:
        return f"a recorded state: {failure}"
    return None
