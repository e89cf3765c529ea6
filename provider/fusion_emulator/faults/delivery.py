"""What a fault makes of an answer."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_emulator.answers import Answer

__all__ = ["Delivery"]


@dataclass(frozen=True)
class Delivery:
    """What is sent: an answer or, for None, a TCP reset; after ``wait`` seconds; perhaps cut off."""

    answer: Answer | None
    wait: float = 0.0
    cut: bool = False

    @property
    def status(self) -> int | None:
        """The status that the sender receives, None if it receives no complete status line."""
        return None if self.answer is None or (self.cut and not self.answer.body) else self.answer.status
