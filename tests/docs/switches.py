"""The table of the emulator's switches, from its code."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from fusion_emulator import Switches
from tests.docs.tables import table

__all__ = ["switches"]

_VALUES: Final = {bool: "`true`, `false`", int: "a whole number", float: "seconds"}


def switches() -> str:
    """Return the table of the switches with their default, their values and what they decide."""
    hints, described = get_type_hints(Switches), dict(_docstrings())
    return table(
        ("Switch", "Default", "Values", "What it decides"),
        (
            (f"`{field.name}`", f"`{_text(field.default)}`", _values(field.name, hints), described[field.name])
            for field in dataclasses.fields(Switches)
        ),
    )


def _values(name: str, hints: Mapping[str, Any]) -> str:
    if get_origin(hints[name]) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(hints[name]))
    if name.endswith("_rate"):
        return "`off`, `COUNT/SECONDS`"
    return _VALUES.get(hints[name], "`value=label` pairs")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _docstrings() -> Iterator[tuple[str, str]]:
    """Yield the name and the description of each switch; a text that begins with "Inference:" is shown without it."""
    [definition] = ast.parse(inspect.getsource(Switches)).body
    assert isinstance(definition, ast.ClassDef)
    for field, described in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(described, ast.Expr):
            assert isinstance(field.target, ast.Name)
            text = " ".join(str(ast.literal_eval(described.value)).split()).replace("``", "`")
            text = re.sub(r"^Inference: (.)", lambda found: found[1].upper(), text)
            yield field.target.id, text
