"""Read the JSON of ``pulumi preview --json`` into a plan."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pulumi_fusion.customer.names import state_key
from pulumi_fusion.customer.stack import DYNAMIC_TYPE, PLUGIN_TYPE
from pulumi_fusion.report.flow_days import flow_days
from pulumi_fusion.report.plan import FIELDS, Change, Customer, Failure, Op, Plan
from pulumi_fusion.report.problems import is_place
from pulumi_fusion.report.values import Special, Value, read_value

__all__ = ["NotAPreviewError", "read_plan"]

_HOW: Final = "Use the output of `pulumi preview --json`"

_OPS: Final[Mapping[str, Op]] = {
    "create": Op.CREATE,
    "update": Op.UPDATE,
    "delete": Op.DELETE,
    "replace": Op.REPLACE,
    "create-replacement": Op.CREATE,
    "delete-replaced": Op.DELETE,
    "import": Op.IMPORT,
    "import-replacement": Op.IMPORT,
    "same": Op.UNCHANGED,
    "read": Op.UNCHANGED,
}
"""The operations of the engine on customers. Any other one counts as an update."""

_PARTS_OF_REPLACEMENT: Final = frozenset({"create-replacement", "delete-replaced", "import-replacement"})

# The settings that decide in which account customers are created.
_SETTINGS: Final = ("fusion:account", "fusion:apiUrl")

# A refresh step has no new values; the step after it has the values that were read as its old ones.
_SKIPPED: Final = frozenset({"refresh", "discard", "discard-replaced", "read-discard", "remove-pending-replace"})
_EQUAL: Final = frozenset({"same", "read", "refresh"})

_CHECK: Final = re.compile(
    r"\S+ resource '.*?'(?:: property (?P<property>\S+) value \{.*?\})? has a problem: (?P<reason>.*)", re.DOTALL
)

# Errors that follow another one.
_CONSEQUENCES: Final = ("Resource monitor has terminated", "an unhandled error occurred: program exited with non-zero")

# Warnings of the provider that the report derives itself, and the CLI's about the plugin on PATH.
_REPEATED: Final = re.compile(
    r"^using pulumi-resource-|: (?:Data|Rollup) Retention goes from |: Shortname changes: the customer is deleted "
    r"|: the shortname isn't a DNS label "
)

_ADOPTION: Final = ": its adoption changes "
"""What is between the shortname and the labels of the fields in the provider's warning."""


class NotAPreviewError(ValueError):
    """The text isn't the output of a preview."""


def read_plan(data: bytes) -> Plan:
    """Return the plan in the output of ``preview --json``, or in that of ``up --json``, which starts with it.

    If the preview failed, the plan has its errors, and the customers that were planned before.

    Raises NotAPreviewError.
    """
    document, events = _documents(data)
    steps = _steps(document)
    errors, notes = _diagnostics([*_list(document.get("diagnostics")), *_diagnostic_events(events)])
    if not steps and not errors:
        raise NotAPreviewError(f"the preview has no steps. {_HOW}.")
    adoptions = {name: text for name, is_one, text in (note.partition(_ADOPTION) for note in notes) if is_one}
    customers = [_adopted(each, adoptions) for each in _customers(steps)]
    if steps and not errors and all(step["op"] == "refresh" for step in steps):
        raise NotAPreviewError(
            "this is the output of `pulumi refresh`, which doesn't show what differs. "
            "Use that of `pulumi preview --refresh --json`."
        )
    project, stack = _names(steps)
    others = [(step["op"], step["urn"]) for step in steps if _is_other(step) and step["op"] != "refresh"]
    listed = sum(step["op"] == "same" for step in steps)
    return Plan(
        project=project,
        stack=stack,
        settings=tuple(sorted([*_settings(document), *_provider_settings(steps)])),
        customers=tuple(
            sorted(
                (each for each in customers if each.op is not Op.UNCHANGED),
                key=lambda each: (list(Op).index(each.op), each.name, each.resource),
            )
        ),
        unchanged=sum(each.op is Op.UNCHANGED for each in customers),
        unlisted=max(0, _number(_object(document.get("changeSummary")).get("same")) - listed),
        others=Counter(op for op, _ in others),
        other_changes=tuple(sorted((op, urn) for op, urn in others if op not in _EQUAL)),
        failures=tuple(errors),
        notes=tuple(note for note in notes if _ADOPTION not in note),
        flow_days=flow_days(customers),
    )


def _documents(data: bytes) -> tuple[dict[str, Any], list[Any]]:
    """Return the first document of the output, and the events of the engine after it."""
    try:
        found = list(_decoded(data.decode(json.detect_encoding(data)).removeprefix("\ufeff").strip()))
    except (ValueError, RecursionError):
        raise NotAPreviewError(f"the input isn't JSON. {_HOW}, without what it prints on stderr.") from None
    if not found:
        raise NotAPreviewError(f"the input is empty. Did `pulumi preview --json` fail? {_HOW}.")
    first = found[0]
    if not isinstance(first, dict) or not ({"steps", "changeSummary", "diagnostics"} & first.keys()):
        if isinstance(first, dict) and "sequence" in first:
            raise NotAPreviewError("these are events of the engine, without a preview. Leave --skip-preview out.")
        raise NotAPreviewError(f"the JSON isn't that of a preview. {_HOW}.")
    return first, found[1:]


def _decoded(text: str) -> Iterator[Any]:
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        document, place = decoder.raw_decode(text, place)
        yield document
        while place < len(text) and text[place].isspace():
            place += 1


def _steps(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    steps = document.get("steps") or []
    if not isinstance(steps, list) or not all(
        isinstance(step, dict) and isinstance(step.get("op"), str) and isinstance(step.get("urn"), str)
        for step in steps
    ):
        raise NotAPreviewError(f"the JSON has `steps` that aren't those of a preview. {_HOW}.")
    return steps


def _settings(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    config = _object(document.get("config"))
    return ((key, str(config[key])) for key in _SETTINGS if key in config)


def _provider_settings(steps: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for step in steps:
        if _type(step["urn"]) == "pulumi:providers:fusion":
            inputs = _object(_object(step.get("newState")).get("inputs"))
            name = _explicit(step["urn"])
            yield from ((f"{name}:{key}", str(inputs[key])) for key in ("account", "apiUrl") if name and key in inputs)


def _explicit(provider: Any) -> str:
    """Return the name of an explicit provider from its URN, which an id may follow; "" for a default one."""
    name = _name(provider) if isinstance(provider, str) else ""
    return "" if name.startswith("default") else name.partition("::")[0]


def _customers(steps: Sequence[dict[str, Any]]) -> Iterator[Customer]:
    """Yield a customer per step; a replacement is one step, and those that it consists of are left out."""
    replaced = {_object_of(step) for step in steps if step["op"] == "replace"}
    shown = replaced | {_object_of(step) for step in steps if step["op"] in ("delete", "delete-replaced")}
    for step in filter(_is_customer, steps):
        is_part = step["op"] in _PARTS_OF_REPLACEMENT and _object_of(step) in replaced
        if step["op"] not in _SKIPPED and not is_part:
            yield _customer(step)
        elif _is_pending_deletion(step) and _object_of(step) not in shown:
            # With the values that the refresh read.
            kept = {"retainOnDelete": _object(step.get("oldState")).get("retainOnDelete")}
            yield _customer({**step, "op": "delete-replaced", "oldState": {**_object(step["newState"]), **kept}})


def _object_of(step: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the URN and the id of the object that a step is about. A state may have several objects of one URN."""
    return step["urn"], _object(step.get("oldState")).get("id")


def _is_pending_deletion(step: Mapping[str, Any]) -> bool:
    """Return whether a refresh found a customer whose deletion an earlier replacement left for the next run.

    The CLI shows its deletion only with ``--show-replacement-steps``.
    """
    is_live = step["op"] == "refresh" and step.get("newState") is not None
    return is_live and _object(step.get("oldState")).get("delete") is True


def _customer(step: Mapping[str, Any]) -> Customer:
    old_state, new_state = _object(step.get("oldState")), _object(step.get("newState"))
    inputs, outputs = _object(old_state.get("inputs")), _object(old_state.get("outputs"))
    op = _OPS.get(step["op"], Op.UPDATE)
    new = {} if op is Op.DELETE else _fields(_object(new_state.get("inputs")))
    old = {} if op in (Op.CREATE, Op.IMPORT) else {**_fields(inputs), **_fields(outputs)}
    if op is Op.CREATE and new.get("adopt") is not None:
        op = Op.ADOPT
    elif op is Op.DELETE and old_state.get("retainOnDelete") is True:
        op = Op.FORGET
    changes = _changes(old, _fields(inputs), new, _reasons(step)) if op in (Op.UPDATE, Op.REPLACE) else ()
    provider = _explicit((new_state or old_state).get("provider"))
    return Customer(
        op,
        _name(step["urn"]),
        old,
        new,
        read_value(outputs.get("customerId")),
        tuple(changes),
        provider=provider,
    )


def _adopted(customer: Customer, adoptions: Mapping[str, str]) -> Customer:
    is_known = customer.op is Op.ADOPT and customer.name in adoptions
    return replace(customer, adoption=adoptions[customer.name]) if is_known else customer


def _fields(properties: Mapping[str, Any]) -> dict[str, Value]:
    found = {name: read_value(properties.get(state_key(name))) for name in FIELDS}
    return {name: value for name, value in found.items() if value is not None}


def _changes(
    state: Mapping[str, Value], inputs: Mapping[str, Value], new: Mapping[str, Value], reasons: frozenset[str] | None
) -> Iterator[Change]:
    """Yield what differs. A field that the program never set isn't compared, though the state may have it."""
    for name in FIELDS:
        after = new.get(name)
        before = inputs.get(name) if after is None else state.get(name)
        if before is Special.SECRET and after is Special.SECRET:
            if reasons is None or state_key(name) in reasons:
                yield Change(name, before, after)
        elif before != after or isinstance(before, bool) != isinstance(after, bool):
            yield Change(name, before, after)


def _reasons(step: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the keys that the provider compared as different, or None: the dynamic provider returns none."""
    reasons = step.get("diffReasons")
    return frozenset(each for each in reasons if isinstance(each, str)) if isinstance(reasons, list) else None


def _diagnostic_events(events: Sequence[Any]) -> list[Any]:
    return [each.get("diagnosticEvent") for each in events if isinstance(each, dict)]


def _diagnostics(raw: Sequence[Any]) -> tuple[list[Failure], list[str]]:
    """Return the errors, and the warnings without duplicates."""
    errors: list[Failure] = []
    consequences: list[Failure] = []
    notes: list[str] = []
    for each in map(_object, raw):
        severity, message, urn = each.get("severity"), each.get("message"), each.get("urn")
        if not isinstance(message, str) or severity not in ("error", "warning"):
            continue
        text = message.strip().removeprefix(f"{severity}: ")
        if severity == "warning":
            notes.append(text)
        else:
            found = consequences if text.startswith(_CONSEQUENCES) else errors
            found.extend(_failures(text, _name(urn) if isinstance(urn, str) else ""))
    kept = [each for each in dict.fromkeys(notes) if not _REPEATED.search(each)]
    return list(dict.fromkeys(errors or consequences)), kept


def _failures(text: str, resource: str) -> list[Failure]:
    if found := _CHECK.fullmatch(text):
        return [Failure(resource, found["property"] or "", found["reason"])]
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no reason"]
    if any(line.startswith("Traceback") for line in lines):
        # Only the first line, which names the problem, and the last, which has the error.
        lines = [f"{lines[0]} {lines[-1]}"]
    elif not all(map(is_place, lines[1:])):
        lines = [" ".join(lines)]
    return [Failure(resource, "", line) for line in lines]


def _is_customer(step: Mapping[str, Any]) -> bool:
    return _type(step["urn"]) in (PLUGIN_TYPE, DYNAMIC_TYPE)


def _is_other(step: Mapping[str, Any]) -> bool:
    return not _is_customer(step) and _type(step["urn"]) != "pulumi:pulumi:Stack"


def _parts(urn: str) -> list[str]:
    """Return stack, project, type with those of the parents, and name."""
    return [*urn.removeprefix("urn:pulumi:").split("::", 3), "", "", ""][:4]


def _type(urn: str) -> str:
    return _parts(urn)[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return _parts(urn)[3]


def _names(steps: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return the names of project and stack."""
    stack, project = _parts(steps[0]["urn"])[:2] if steps else ("", "")
    return project, stack


def _object(raw: Any) -> dict[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _list(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _number(raw: Any) -> int:
    return raw if isinstance(raw, int) else 0
