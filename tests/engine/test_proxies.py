"""A run of the real CLI where every variable names a proxy."""

from __future__ import annotations

import pytest

from fusion_emulator import Emulator
from tests.contract.recording_proxy import recording_proxy
from tests.engine.stack import Stack, a_customer, in_schema


@pytest.mark.parametrize("fixture", ["stack", "plugin_stack"])
def test_a_warning_and_the_requests_of_a_provider_pass_no_proxy(
    request: pytest.FixtureRequest, emulator: Emulator, fixture: str
) -> None:
    """The SDK's own channel is led past the proxy by a variable that no other part reads."""
    stack: Stack = request.getfixturevalue(fixture)
    with recording_proxy() as proxy:
        stack.environ = {**stack.environ, **proxy.variables(no_grpc_proxy="127.0.0.1")}
        fields = a_customer("Acme-Corp")  # whose name draws a warning
        stack.declare({"acme": fields if fixture == "stack" else in_schema(fields)})
        ran = stack.up().ok()
    assert "the shortname isn't a DNS label" in ran.stdout
    assert emulator.account("Acme-Corp") is not None
    assert proxy.asked == []
