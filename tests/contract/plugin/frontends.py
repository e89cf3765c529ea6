"""Both frontends over the same emulator, for tests that apply to either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fusion_emulator import Emulator
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import Stack

__all__ = ["FRONTENDS"]

FRONTENDS: Final[Mapping[str, Callable[[Emulator], Stack]]] = {
    "dynamic": lambda emulator: Stack(emulator, deadline=10.0),
    "plugin": lambda emulator: PluginStack(emulator, deadline=10.0),
}
