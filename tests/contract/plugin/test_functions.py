"""The functions of the schema, and lists."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.rpc import UNKNOWN as COMPUTED

from fusion_emulator import Emulator
from pulumi_fusion.plugin import values
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.plugin.wire import invoke, refused, struct

KIND = messages.PropertyDiff


def returned(response: messages.InvokeResponse) -> dict[str, Any]:
    assert list(response.failures) == []
    return values.read(getattr(response, "return")).plain


@pytest.fixture
def tenants(emulator: Emulator) -> Emulator:
    emulator.seed("acme-corp", retention=45, rollupRetention=90)
    emulator.seed("try-it-out", trial=True)
    emulator.seed("bystander", type="reseller")
    return emulator


def test_get_customer_returns_one_customer_or_fails(stack: PluginStack, tenants: Emulator) -> None:
    found = returned(invoke(stack, "getCustomer", shortname="acme-corp"))
    assert (found["dataRetention"], found["status"], found["parent"]) == (45, "Active", tenants.root.shortname)
    code, text = refused(lambda: invoke(stack, "getCustomer", shortname="nobody-here"))
    assert code is grpc.StatusCode.NOT_FOUND
    assert "Could not look up the customer 'nobody-here'" in text
    for arguments, reason in (
        ({}, "is required"),
        ({"shortname": "a"}, "5 to 16"),
        ({"shortnam": "x"}, "did you mean"),
    ):
        assert reason in str(invoke(stack, "getCustomer", **arguments).failures)
    assert invoke(stack, "getCustomer", shortname=COMPUTED) == messages.InvokeResponse()


def test_a_wrong_argument_is_a_failure_that_quotes_no_secret(stack: PluginStack) -> None:
    for key, value in (("status", "hush-hush"), ("status", ["hush-hush"]), ("dataRetention", 4711)):
        marked = values.write({key: value}, secret={key})
        request = messages.InvokeRequest(tok="fusion:index:getCustomers", args=marked)
        [failure] = stack.stub.Invoke(request).failures
        assert failure.reason.startswith(f"{key} must be ")
        listing = messages.ListRequest(token="fusion:index:Customer", query=marked)
        with pytest.raises(grpc.RpcError) as wrong:
            list(stack.stub.List(listing))
        text = str(wrong.value.details())
        assert f"{key} must be " in text
        for reason in (failure.reason, text):
            assert not [part for part in ("hush-hush", "4711", "pydantic", "validation error") if part in reason]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["acme-corp", "bystander", "try-it-out"]),
        ({"status": "Trial Active"}, ["try-it-out"]),
        ({"dataRetention": 45, "rollupRetention": 90}, ["acme-corp"]),
        ({"parent": "another-msp"}, []),
    ],
)
def test_filters_apply_to_get_customers_and_to_lists(
    stack: PluginStack, tenants: Emulator, filters: dict[str, Any], names: list[str]
) -> None:
    found = returned(invoke(stack, "getCustomers", **filters))["customers"]
    assert [each["shortname"] for each in found] == names
    request = messages.ListRequest(token="fusion:index:Customer", query=struct(**filters))
    assert [each.result.id for each in stack.stub.List(request)] == names


def test_a_list_has_a_limit_allows_unknown_filters_and_refuses_other_queries(
    stack: PluginStack, tenants: Emulator
) -> None:
    def listed(kind: str = "Customer", **request: Any) -> list[messages.ListResponse]:
        return list(stack.stub.List(messages.ListRequest(token=f"fusion:index:{kind}", **request)))

    assert [each.result.id for each in listed(limit=2)] == ["acme-corp", "bystander"]
    [computed] = listed(query=struct(status=COMPUTED))
    assert computed.HasField("computed")
    assert "has no 'fusion:index:Other'" in refused(lambda: listed("Other"))[1]
    assert "did you mean 'status'" in refused(lambda: listed(query=struct(statu="Active")))[1]


def test_get_customer_types_returns_the_listed_types(stack: PluginStack) -> None:
    assert {"value": "reseller", "label": "MSSP", "description": "Accounts of type MSSP"} in returned(
        invoke(stack, "getCustomerTypes")
    )["types"]
    assert "has no 'fusion:index:getNothing'" in refused(lambda: invoke(stack, "getNothing"))[1]
