"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["table"]


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table with a line end after each row."""
    head = [*columns]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
