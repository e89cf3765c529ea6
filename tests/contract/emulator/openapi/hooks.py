"""What a JSON Schema can't express of the emulator's rules. Schemathesis loads this file by its path."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure

# Refusals of a valid request because of the present data, with the status that a wrong request has as well.
BY_DATA = ("At least one System Administrator must exist", "A user with this email exists", "An API key of the name")
# Control routes change the switches and single fields, faults are lines of a grammar, a time is one of the years 1970
# to 8999, and the accounts of a snapshot are a tree.
BY_CONTROL = (
    "type: expected one of",
    "rollupRetention: expected at least retention",
    "parent: there is no account",
    "fault ",
    "now: the time is outside",
    "advance: the time is outside",
    "The snapshot cannot be loaded",
)

schemathesis.openapi.format("ip", st.ip_addresses().map(str))
# Each contains the address of the tests, which would be blocked otherwise.
schemathesis.openapi.format("network", st.sampled_from(["127.0.0.1", "127.0.0.0/8", "0.0.0.0/0"]))


@schemathesis.hook
def filter_body(context: schemathesis.HookContext, body: Any) -> bool:
    """Leave out whole numbers with a fraction, such as 7.0: JSON Schema counts them as integers."""
    values = body.values() if isinstance(body, dict) else [body]
    return not any(isinstance(value, float) and value.is_integer() for value in values)


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case[Any], response: schemathesis.Response
) -> bool:
    """Ignore the refusal of a valid request that the data forbids."""
    if failure.title != "Schema-valid request rejected" or response.status_code != 400:
        return True
    ignored = BY_CONTROL if case.path.startswith("/_emulator") else BY_DATA
    return not json.loads(response.content)["message"].startswith(ignored)
