"""The tables of the emulator: the kinds of faults, and the routes that control it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import groupby

from fusion_emulator.app import make_app
from fusion_emulator.faults.kinds import COLOURS, DECISIVE, Colour, Decisive
from fusion_emulator.openapi.operations import OPERATIONS
from fusion_emulator.routes.control import PREFIX
from tests.docs.tables import table

__all__ = ["control_routes", "fault_kinds"]

_VALUE = {"none": "", "optional": "[={}]", "required": "={}"}


def fault_kinds() -> str:
    """Return a table of the kinds: where the service acts, the options, and what the sender receives."""
    decisive = (
        (_spelled(name, kind), f"{kind.default}{'' if kind.only is None else ' only'}", _options(kind), kind.receives)
        for name, kind in DECISIVE.items()
    )
    colours = ((_spelled(name, kind), "", _options(kind), kind.receives) for name, kind in COLOURS.items())
    return table(("Kind", "Default side", "Options", "What the sender receives"), (*decisive, *colours))


def _spelled(name: str, kind: Decisive | Colour) -> str:
    return f"`{name}{_VALUE[kind.value].format(kind.example)}`"


def _options(kind: Decisive | Colour) -> str:
    return ", ".join(f"`{option}=`" for option in kind.options)


def control_routes() -> str:
    """Return a table of the routes below /_emulator/, from the routes and the functions that implement them."""
    return table(("Path", "Method", "What it does"), _rows())


def _rows() -> Iterator[tuple[str, str, str]]:
    app = make_app()
    own = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(PREFIX) and rule.endpoint in OPERATIONS]
    for path, rules in groupby(own, key=lambda rule: rule.rule):
        for number, rule in enumerate(rules):
            [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            does = inspect.getdoc(app.view_functions[rule.endpoint]) or ""
            shown = path.removeprefix(PREFIX).replace("<shortname>", "SHORTNAME")
            yield f"`{shown}`" if number == 0 else "", f"`{method}`", does.replace("``", "`").rstrip(".")
