"""The expressions of the workflows in examples/gitops, as far as these use them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

__all__ = ["evaluate", "substitute"]

Contexts = Mapping[str, Any]


def substitute(value: object, contexts: Contexts) -> str:
    """Return the value with its ``${{ }}`` parts replaced."""
    return re.sub(r"\$\{\{\s*(.*?)\s*\}\}", lambda found: _text(evaluate(found[1], contexts)), _text(value))


def evaluate(expression: str, contexts: Contexts) -> Any:
    """Return the value of an expression: names, texts, ``==``, ``!=``, ``&&``, ``||`` and ``!``.

    Functions, such as ``cancelled()``, are names in the contexts. Everything else raises KeyError.
    """
    for operator, combine in _OPERATORS:
        left, found, right = expression.partition(f" {operator} ")
        if found:
            return combine(evaluate(left, contexts), partial(evaluate, right, contexts))
    if expression.startswith("!"):
        return not evaluate(expression[1:], contexts)
    if expression.startswith("'"):
        return expression.strip("'")
    value: Any = contexts
    for name in expression.split("."):
        value = value[name]
    return value


def _text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


_OPERATORS: tuple[tuple[str, Callable[[Any, Callable[[], Any]], Any]], ...] = (
    ("||", lambda left, right: left or right()),
    ("&&", lambda left, right: left and right()),
    ("!=", lambda left, right: left != right()),
    ("==", lambda left, right: left == right()),
)
