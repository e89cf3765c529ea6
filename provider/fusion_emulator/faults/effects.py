"""The answers of the faults that decide one.

Each function takes the fault, the service's own answer (None if it did not act) and its clock in Unix seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fusion_emulator.answers import Answer, http_date, refusal
from fusion_emulator.faults.delivery import Delivery
from fusion_emulator.faults.documents import map_records, mistyped, rewritten, without

if TYPE_CHECKING:
    from fusion_emulator.faults.lines import Fault

__all__ = [
    "cut_body",
    "empty",
    "exists",
    "hang",
    "huge",
    "missing_fields",
    "not_json",
    "other_account",
    "page",
    "redirect",
    "reset",
    "revoked",
    "status",
    "unknown_fields",
    "wrong_types",
]

ENDLESS: Final = float("inf")
HUGE: Final = 20 * 1024 * 1024


def reset(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Reset the connection."""
    return Delivery(None)


def hang(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Wait, then send the genuine answer or, if there is none, reset the connection."""
    return Delivery(genuine, wait=float(fault.value) if fault.value else ENDLESS)


def cut_body(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Cut off the genuine answer."""
    return Delivery(genuine, cut=True)


def status(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Answer with a status and the error body of the service."""
    headers = {}
    if "retry-after" in fault.options:
        headers["Retry-After"] = fault.options["retry-after"]
    if "retry-after-date" in fault.options:
        headers["Retry-After"] = http_date(now + float(fault.options["retry-after-date"]))
    status = int(fault.kind)
    # A 304 has no body (RFC 9110 section 15.4.5).
    bare = status < 300 or status == 304
    return Delivery(Answer(status, headers, b"") if bare else refusal(status, "Injected fault", headers))


def page(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Answer with a page of a proxy or portal."""
    status = int(fault.kind.removeprefix("html-"))
    body = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
    return Delivery(Answer(status, {"Content-Type": "text/html; charset=utf-8"}, body.encode()))


def exists(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Answer that the account already exists."""
    return Delivery(refusal(int(fault.kind.removeprefix("exists-")), "Account already exists"))


def revoked(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Answer as for a revoked key."""
    return Delivery(refusal(401, "Access token is missing or invalid"))


def redirect(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Answer with a redirect."""
    return Delivery(Answer(int(fault.number("status", 307)), {"Location": fault.value or ""}, b""))


def empty(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Remove the body."""
    answer = genuine or Answer(200, {"Content-Type": "application/json"}, b"")
    return Delivery(Answer(answer.status, answer.headers, b""))


def not_json(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Replace the body by incomplete JSON."""
    # A 204 has no body (RFC 9110 section 15.3.5), so a body needs another status.
    status = 200 if genuine is None or genuine.status == 204 else genuine.status
    return Delivery(Answer(status, {"Content-Type": "application/json"}, b'{"meta": {"code": 200, "count"'))


def huge(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Add a huge field to the document."""

    def padded(document: Any) -> Any:
        return {**document, "padding": "x" * int(fault.value or HUGE)} if isinstance(document, dict) else document

    return rewritten(genuine, padded)


def unknown_fields(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Add undocumented fields."""

    def record(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "x_unknown": {"nested": [1, None, "text"]}, "status": None}

    return rewritten(genuine, lambda document: {**map_records(document, record), "x_extra": [None]})


def missing_fields(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Remove fields."""
    missing = set((fault.value or "reseller,ingest_ip,ingest_port").split(","))
    return rewritten(genuine, lambda document: map_records(document, lambda fields: without(fields, missing)))


def wrong_types(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Change the types of fields."""
    chosen = set(fault.value.split(",")) if fault.value else None
    return rewritten(genuine, lambda document: map_records(document, lambda fields: mistyped(fields, chosen)))


def other_account(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    """Change the account that the answer is about."""

    def record(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "id": "0ther0acc0unt000000000000", "shortname": "someone-else"}

    return rewritten(genuine, lambda document: map_records(document, record))
