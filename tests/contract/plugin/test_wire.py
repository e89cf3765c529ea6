"""The protocol itself: raw messages over loopback, as the engine sends them."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.rpc import UNKNOWN as COMPUTED

from fusion_emulator import Emulator
from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.plugin import values
from tests.contract.faults.plugin_stack import PluginStack, urn
from tests.contract.faults.stack import PROGRAM
from tests.engine.stack import mutations

ACME = urn("acme")
KIND = messages.PropertyDiff


def struct(**fields: Any) -> Struct:
    made = Struct()
    made.update(fields)
    return made


def refused(send: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    """The status and text of a call that fails; neither is a defect's."""
    with pytest.raises(grpc.RpcError) as failed:
        send()
    failure: Any = failed.value
    assert failure.code() is not grpc.StatusCode.INTERNAL, failure.details()
    assert "Traceback" not in failure.details()
    return failure.code(), failure.details()


# The provider as such.


def test_the_handshake_accepts_secrets_and_the_information_is_the_version(stack: PluginStack) -> None:
    shaken = stack.stub.Handshake(messages.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert shaken.accept_secrets
    assert not shaken.accept_outputs
    assert stack.stub.GetPluginInfo(Empty()).version == "0.1.0"
    assert stack.stub.GetMapping(messages.GetMappingRequest(key="terraform")).data == b""
    assert list(stack.stub.GetMappings(messages.GetMappingsRequest(key="terraform")).providers) == []
    assert stack.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:2")) == Empty()
    assert stack.servicer._engine == "127.0.0.1:2"


def test_what_is_not_offered_says_so(stack: PluginStack) -> None:
    assert refused(lambda: stack.stub.Construct(messages.ConstructRequest()))[0] is grpc.StatusCode.UNIMPLEMENTED
    assert refused(lambda: stack.stub.Parameterize(messages.ParameterizeRequest()))[0] is grpc.StatusCode.UNIMPLEMENTED
    assert "format 0" in refused(lambda: stack.stub.GetSchema(messages.GetSchemaRequest(version=1)))[1]
    other = "urn:pulumi:s::p::fusion:index:Other::x"
    assert "has no 'fusion:index:Other'" in refused(lambda: stack.stub.Check(messages.CheckRequest(urn=other)))[1]


# Its configuration.


def check_config(stack: PluginStack, **inputs: Any) -> dict[str, str]:
    checked = stack.stub.CheckConfig(messages.CheckRequest(urn="urn:x", news=struct(**inputs)))
    return {failure.property: failure.reason for failure in checked.failures}


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("netosecret", "not-base64!", "netosecret: it is not base64, or was cut"),
        ("netosecret", 5, "netosecret must be a text"),
        ("apiUrl", "http://example.com", "apiUrl must use https"),
        ("apiUrl", True, "apiUrl must be a text"),
        ("account", ["x"], "account must be the shortname of an account"),
        ("preflight", "maybe", "preflight must be one of auto, off, required"),
        ("deadline", "soon", "deadline must be a number of seconds from 1 to 3600"),
        ("deadline", 0, "deadline must be a number of seconds from 1 to 3600"),
        ("netoSecret", "x", "(did you mean 'netosecret'?)"),
    ],
)
def test_each_setting_is_checked_by_itself(stack: PluginStack, key: str, value: Any, reason: str) -> None:
    failures = check_config(stack, **{"account": "flowmore", key: value, "version": "0.1.0"})
    # The CLI prints the value of a property, even if it is secret.
    named = "" if key == "netosecret" else key
    assert list(failures) == [named]
    assert reason in failures[named]
    assert "not-base64!" not in failures[named]


def test_all_settings_that_are_wrong_are_told_at_once(stack: PluginStack) -> None:
    assert set(check_config(stack, netosecret="x", deadline=-1, preflight="x")) == {
        "",
        "deadline",
        "preflight",
    }


def test_what_is_not_known_yet_or_blank_passes(stack: PluginStack) -> None:
    assert check_config(stack, netosecret=COMPUTED, apiUrl=COMPUTED, account="", deadline=COMPUTED) == {}


def test_the_credential_is_kept_as_a_secret_and_the_environment_is_kept_nowhere(
    stack: PluginStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUSION_ACCOUNT", "from-the-environment")
    monkeypatch.setenv("FUSION_API_URL", emulator.url)
    checked = stack.stub.CheckConfig(messages.CheckRequest(news=struct(netosecret=emulator.netosecret, deadline="30")))
    assert list(checked.failures) == []
    kept = values.read(checked.inputs)
    assert kept.plain == {"netosecret": emulator.netosecret, "deadline": "30"}
    assert kept.secret == {"netosecret"}
    monkeypatch.setenv("NETOSECRET", emulator.netosecret)
    assert stack.stub.CheckConfig(messages.CheckRequest(news=struct())).inputs == Struct()


def diff_config(stack: PluginStack, old: dict[str, Any], new: dict[str, Any]) -> messages.DiffResponse:
    difference = stack.stub.DiffConfig(
        messages.DiffRequest(olds=values.write(old), old_inputs=values.write(old), news=values.write(new))
    )
    assert isinstance(difference, messages.DiffResponse)
    return difference


def credential(emulator: Emulator, **changed: str) -> str:
    """The emulator's credential with other fields."""
    fields = json.loads(base64.b64decode(emulator.netosecret + "=="))
    return base64.b64encode(json.dumps({**fields, **changed}).encode()).decode()


def test_no_change_of_the_configuration_replaces_a_provider(stack: PluginStack, emulator: Emulator) -> None:
    mine = {"netosecret": emulator.netosecret, "apiUrl": emulator.url}
    rotated = credential(emulator, appkey="another-key", sharedsecret="another-secret")
    elsewhere = credential(emulator, url="https://api.vectra.ai")
    for old, new in (
        (mine, mine),
        (mine, {**mine, "apiUrl": "https://api.netography.com"}),
        (mine, {**mine, "apiUrl": f"{emulator.url}/api/v1"}),
        (mine, {**mine, "netosecret": rotated}),
        (mine, {"netosecret": elsewhere}),
        ({"netosecret": elsewhere}, mine),
        (mine, {**mine, "account": "flowmore", "deadline": 7}),
        (mine, {"apiUrl": emulator.url}),  # the credential moves into the environment
        ({}, mine),
        (mine, {**mine, "netosecret": UNKNOWN}),
        (mine, {**mine, "apiUrl": UNKNOWN}),
        ({"netosecret": "broken"}, mine),
        ({"__provider": "pickled", "version": "1"}, {"version": "2"}),
    ):
        difference = diff_config(stack, old, new)
        assert list(difference.replaces) == [], (old, new)
        assert not difference.deleteBeforeReplace
    changed = diff_config(stack, mine, {"account": "flowmore", "apiUrl": emulator.url})
    assert {key: each.kind for key, each in changed.detailedDiff.items()} == {
        "account": KIND.ADD,
        "netosecret": KIND.DELETE,
    }
    assert emulator.netosecret not in str(changed)


def test_a_credential_of_another_account_is_refused_with_both_accounts(
    stack: PluginStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {"netosecret": emulator.netosecret, "apiUrl": emulator.url}
    other = credential(emulator, shortname="another-msp", url="https://nowhere.example")
    theirs = {**mine, "netosecret": other}

    def failures(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
        checked = stack.stub.CheckConfig(messages.CheckRequest(olds=values.write(old), news=values.write(new)))
        return {failure.property: failure.reason for failure in checked.failures}

    told = failures(mine, theirs)
    assert list(told) == [""]
    code, text = refused(lambda: diff_config(stack, mine, theirs))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    for each in (told[""], text):
        assert f"'{emulator.root.shortname}'" in each
        assert "'another-msp'" in each
        assert "another stack" in each
        assert other not in each
    assert failures(mine, {**mine, "netosecret": COMPUTED}) == {}
    assert failures({}, theirs) == {}
    assert failures({"netosecret": "broken"}, theirs) == {}
    assert failures(mine, {}) == {}
    monkeypatch.setenv("NETOSECRET", other)
    assert list(failures(mine, {"apiUrl": emulator.url})) == [""]
    assert failures({"apiUrl": emulator.url}, {"apiUrl": emulator.url}) == {}


def test_a_wrong_address_is_a_failure_of_the_address_alone(stack: PluginStack, emulator: Emulator) -> None:
    assert list(check_config(stack, netosecret=emulator.netosecret, apiUrl="ftp://x")) == ["apiUrl"]


def test_the_environment_is_read_when_it_is_configured(
    stack: PluginStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a rotated key works with plain refresh and destroy, whatever the state holds."""
    monkeypatch.setenv("FUSION_API_URL", emulator.url)
    stack.stub.Configure(messages.ConfigureRequest())
    code, text = refused(lambda: stack.stub.Read(messages.ReadRequest(id="acme-corp", urn=ACME)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "netosecret is not set" in text
    monkeypatch.setenv("NETOSECRET", emulator.netosecret)
    emulator.seed("acme-corp")
    configured = stack.stub.Configure(messages.ConfigureRequest(args=struct(account="")))
    assert configured.acceptSecrets
    assert configured.supportsPreview
    assert stack.stub.Read(messages.ReadRequest(id="acme-corp", urn=ACME)).id == "acme-corp"


def test_nothing_stands_in_for_a_setting_that_is_not_known_yet(
    stack: PluginStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment may hold the key of another account."""
    monkeypatch.setenv("NETOSECRET", emulator.netosecret)
    monkeypatch.setenv("FUSION_API_URL", emulator.url)
    stack.stub.Configure(messages.ConfigureRequest(args=struct(netosecret=COMPUTED, account=COMPUTED)))
    assert list(check(stack, values.write(PROGRAM)).failures) == []
    assert (
        "the provider's account, netosecret can't be known until other resources are created"
        in refused(lambda: invoke(stack, "getCustomers"))[1]
    )
    assert len(emulator.requests) == 0


def test_an_older_engine_configures_by_variables_alone(stack: PluginStack, emulator: Emulator) -> None:
    emulator.seed("acme-corp")
    variables = {"fusion:config:netosecret": emulator.netosecret, "fusion:config:apiUrl": emulator.url}
    stack.stub.Configure(messages.ConfigureRequest(variables=variables))
    assert stack.stub.Read(messages.ReadRequest(id="acme-corp", urn=ACME)).id == "acme-corp"


# Unknown values and secrets.


def check(stack: PluginStack, news: Struct, olds: Struct | None = None, where: str = ACME) -> messages.CheckResponse:
    checked = stack.stub.Check(messages.CheckRequest(urn=where, olds=olds or Struct(), news=news))
    assert isinstance(checked, messages.CheckResponse)
    return checked


def test_what_is_not_known_yet_passes_and_stays_so(stack: PluginStack) -> None:
    checked = check(stack, values.write({**PROGRAM, "dataRetention": UNKNOWN, "organization": UNKNOWN}))
    assert list(checked.failures) == []
    assert values.read(checked.inputs).plain["dataRetention"] is UNKNOWN
    everything = check(stack, values.write(dict.fromkeys(PROGRAM, UNKNOWN)))
    assert list(everything.failures) == []


def test_a_secret_stays_one_and_no_reason_quotes_it(stack: PluginStack) -> None:
    news = {**PROGRAM, "organization": "Planted Secret Inc.", "email": "planted-secret"}
    checked = check(stack, values.write(news, {"organization", "email"}))
    assert values.read(checked.inputs).secret >= {"organization"}
    assert "planted-secret" not in str(checked.failures)
    for wrong in (" planted-secret", "planted-secret" * 9):
        told = str(check(stack, values.write({**news, "email": wrong, "type": wrong}, {"email", "type"})).failures)
        assert "planted" not in told


def test_secrets_come_back_as_secrets_from_create_update_and_read(stack: PluginStack) -> None:
    news = values.write(PROGRAM, {"organization"})
    created = stack.stub.Create(messages.CreateRequest(urn=ACME, properties=news))
    assert values.read(created.properties).secret == {"organization"}
    read = stack.stub.Read(messages.ReadRequest(id=created.id, urn=ACME, properties=created.properties, inputs=news))
    assert values.read(read.properties).secret == values.read(read.inputs).secret == {"organization"}
    changed = values.write({**PROGRAM, "organization": "Acme plc"}, {"organization"})
    updated = stack.stub.Update(
        messages.UpdateRequest(id=created.id, urn=ACME, olds=created.properties, old_inputs=news, news=changed)
    )
    assert values.read(updated.properties).secret == {"organization"}


@pytest.mark.parametrize(
    "where",
    [
        ACME,
        "urn:pulumi:s::p::my:own:Tenant$fusion:index:Customer::acme",
        "urn:pulumi:s::p::a:b:C$d:e:F$fusion:index:Customer::a::name$with::every:thing",
    ],
)
def test_a_customer_may_have_parents_and_any_name(stack: PluginStack, where: str) -> None:
    assert list(check(stack, values.write(PROGRAM), where=where).failures) == []


# Previews.


def test_the_preview_of_a_create_tells_what_is_known_and_no_id(stack: PluginStack, emulator: Emulator) -> None:
    news = values.write({**PROGRAM, "organization": UNKNOWN}, {"email"})
    created = stack.stub.Create(messages.CreateRequest(urn=ACME, properties=news, preview=True))
    shown = values.read(created.properties)
    assert created.id == ""
    assert shown.plain == {key: value for key, value in PROGRAM.items() if key != "organization"}
    assert shown.secret == {"email"}
    assert emulator.accounts() == ()


def test_the_preview_of_an_update_keeps_what_it_cannot_change(stack: PluginStack, emulator: Emulator) -> None:
    stack.up("acme", PROGRAM)
    old = stack.state["acme"]
    emulator.requests.clear()
    updated = stack.stub.Update(
        messages.UpdateRequest(
            id=old.id,
            urn=ACME,
            olds=values.write(old.outputs),
            old_inputs=values.write(old.inputs),
            news=values.write({**old.inputs, "dataRetention": 45, "organization": UNKNOWN}),
            preview=True,
        )
    )
    shown = values.read(updated.properties).plain
    assert shown["customerId"] == old.outputs["customerId"]
    assert shown["dataRetention"] == 45
    assert "organization" not in shown
    assert len(emulator.requests) == 0


# Differences.


def diff(stack: PluginStack, news: dict[str, Any], **request: Any) -> messages.DiffResponse:
    old = stack.state["acme"]
    fields = {"olds": values.write(old.outputs), "old_inputs": values.write(old.inputs), **request}
    difference = stack.stub.Diff(
        messages.DiffRequest(id=old.id, urn=ACME, news=values.write({**old.inputs, **news}), **fields)
    )
    assert isinstance(difference, messages.DiffResponse)
    return difference


def test_a_difference_is_told_by_path_and_kind(stack: PluginStack) -> None:
    stack.up("acme", PROGRAM)
    nothing = diff(stack, {})
    assert (nothing.changes, dict(nothing.detailedDiff)) == (messages.DiffResponse.DIFF_NONE, {})
    some = diff(stack, {"dataRetention": 45, "contractualFlowsPerSecond": 5, "organization": UNKNOWN})
    assert some.changes == messages.DiffResponse.DIFF_SOME
    assert {key: (each.kind, each.inputDiff) for key, each in some.detailedDiff.items()} == {
        "dataRetention": (KIND.UPDATE, True),
        "organization": (KIND.UPDATE, True),
        "contractualFlowsPerSecond": (KIND.ADD, False),
    }
    assert list(some.replaces) == []
    assert "customerId" in some.stables
    renamed = diff(stack, {"shortname": "acme-new"})
    assert renamed.detailedDiff["shortname"].kind == KIND.UPDATE_REPLACE
    assert (list(renamed.replaces), renamed.deleteBeforeReplace) == (["shortname"], False)


def test_a_difference_from_the_state_alone_is_told_as_such(stack: PluginStack) -> None:
    stack.up("acme", PROGRAM)
    drifted = values.write({**stack.state["acme"].outputs, "dataRetention": 7})
    difference = diff(stack, {}, olds=drifted)
    assert (difference.detailedDiff["dataRetention"].kind, difference.detailedDiff["dataRetention"].inputDiff) == (
        KIND.UPDATE,
        False,
    )


@pytest.mark.parametrize("ignored", [["dataRetention", "organization"], ["*"]])
def test_what_is_ignored_is_neither_shown_nor_sent(stack: PluginStack, emulator: Emulator, ignored: list[str]) -> None:
    stack.up("acme", PROGRAM)
    old = stack.state["acme"]
    news = {**old.inputs, "dataRetention": 7, "organization": "Ignored"}
    assert diff(stack, news, ignoreChanges=ignored).changes == messages.DiffResponse.DIFF_NONE
    emulator.requests.clear()
    updated = stack.stub.Update(
        messages.UpdateRequest(
            id=old.id,
            urn=ACME,
            olds=values.write(old.outputs),
            old_inputs=values.write(old.inputs),
            news=values.write({**news, "rollupRetention": 365}),
            ignoreChanges=ignored,
        )
    )
    shown = values.read(updated.properties).plain
    assert (shown["dataRetention"], shown["organization"]) == (90, "Acme, Inc.")
    assert mutations(emulator.requests) == ([] if ignored == ["*"] else ["PUT /api/v1/customer/acmecorp"])


def test_what_the_dynamic_face_left_in_the_state_is_no_difference(stack: PluginStack) -> None:
    stack.up("acme", PROGRAM)
    olds = values.write({**stack.state["acme"].outputs, "__provider": "gASVOg=="})
    assert diff(stack, {}, olds=olds).changes == messages.DiffResponse.DIFF_NONE


# Time and interrupts.


def test_a_custom_timeout_is_the_deadline(emulator: Emulator) -> None:
    emulator.faults.add("GET /customer/* hang")
    request = messages.CreateRequest(urn=ACME, properties=values.write(PROGRAM), timeout=1)
    with PluginStack(emulator, deadline=200.0) as stack:
        began = time.monotonic()
        code, text = refused(lambda: stack.stub.Create(request))
        assert time.monotonic() - began < 25  # the first answer would be waited for longer
    assert code not in (grpc.StatusCode.UNKNOWN,), text


def test_as_many_calls_run_at_once_as_are_sent_and_an_interrupt_ends_them(emulator: Emulator) -> None:
    calls = 40
    emulator.faults.add("POST /customer hang-before")

    def create(number: int) -> tuple[grpc.StatusCode, str]:
        news = {**PROGRAM, "shortname": f"customer-{number}"}
        request = messages.CreateRequest(urn=urn(f"customer-{number}"), properties=values.write(news))
        return refused(lambda: stack.stub.Create(request))

    # With a deadline that lets the first one wait until the last one has come.
    with PluginStack(emulator, deadline=200.0) as stack, ThreadPoolExecutor(calls) as pool:
        running = [pool.submit(create, number) for number in range(calls)]
        end = time.monotonic() + 25
        while len(emulator.requests.of("POST", "/customer")) < calls:
            assert time.monotonic() < end, "they wait for each other"
            time.sleep(0.02)
        stack.stub.Cancel(Empty())
        answers = [each.result() for each in running]
        stack.stub.Cancel(Empty())  # twice is as once
    assert {code for code, _ in answers} == {grpc.StatusCode.UNKNOWN}
    assert all("it was interrupted while it waited for the answer" in text for _, text in answers)
    assert len(emulator.requests.of("POST", "/customer")) == calls


def test_after_an_interrupt_nothing_is_sent(stack: PluginStack, emulator: Emulator) -> None:
    stack.stub.Cancel(Empty())
    request = messages.CreateRequest(urn=ACME, properties=values.write(PROGRAM))
    assert refused(lambda: stack.stub.Create(request))[0] is grpc.StatusCode.CANCELLED
    assert mutations(emulator.requests) == []


# Look-ups.


def invoke(stack: PluginStack, token: str, **arguments: Any) -> messages.InvokeResponse:
    answer = stack.stub.Invoke(messages.InvokeRequest(tok=f"fusion:index:{token}", args=struct(**arguments)))
    assert isinstance(answer, messages.InvokeResponse)
    return answer


def returned(answer: messages.InvokeResponse) -> dict[str, Any]:
    assert list(answer.failures) == []
    return values.read(getattr(answer, "return")).plain


@pytest.fixture
def tenants(emulator: Emulator) -> Emulator:
    emulator.seed("acme-corp", retention=45, rollupRetention=90)
    emulator.seed("try-it-out", trial=True)
    emulator.seed("bystander", type="reseller")
    return emulator


def test_one_customer_is_looked_up(stack: PluginStack, tenants: Emulator) -> None:
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


def test_a_warning_of_a_cut_retention_quotes_no_secret(stack: PluginStack) -> None:
    def diff(secret: set[str]) -> str:
        new = {**PROGRAM, "dataRetention": 7}
        stack.stub.Diff(
            messages.DiffRequest(
                id="acmecorp", urn=urn("acme"), olds=values.write(PROGRAM), news=values.write(new, secret)
            )
        )
        return stack.warnings.pop()

    assert "goes from 90 to 7 days" in diff(set())
    assert "goes from *** to *** days: the service drops what is older than *** days" in diff({"dataRetention"})


def test_what_is_wrong_with_an_argument_is_said_in_our_words_and_quotes_no_secret(stack: PluginStack) -> None:
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
        for said in (failure.reason, text):
            assert not [part for part in ("hush-hush", "4711", "pydantic", "validation error") if part in said]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["acme-corp", "bystander", "try-it-out"]),
        ({"status": "Trial Active"}, ["try-it-out"]),
        ({"dataRetention": 45, "rollupRetention": 90}, ["acme-corp"]),
        ({"parent": "somebody-else"}, []),
    ],
)
def test_customers_are_found_and_listed_by_filters(
    stack: PluginStack, tenants: Emulator, filters: dict[str, Any], names: list[str]
) -> None:
    found = returned(invoke(stack, "getCustomers", **filters))["customers"]
    assert [each["shortname"] for each in found] == names
    request = messages.ListRequest(token="fusion:index:Customer", query=struct(**filters))
    assert [each.result.id for each in stack.stub.List(request)] == names


def test_a_list_ends_at_its_limit_waits_for_what_is_unknown_and_refuses_what_it_does_not_know(
    stack: PluginStack, tenants: Emulator
) -> None:
    def listed(kind: str = "Customer", **request: Any) -> list[messages.ListResponse]:
        return list(stack.stub.List(messages.ListRequest(token=f"fusion:index:{kind}", **request)))

    assert [each.result.id for each in listed(limit=2)] == ["acme-corp", "bystander"]
    [computed] = listed(query=struct(status=COMPUTED))
    assert computed.HasField("computed")
    assert "has no 'fusion:index:Other'" in refused(lambda: listed("Other"))[1]
    assert "did you mean 'status'" in refused(lambda: listed(query=struct(statu="Active")))[1]


def test_the_types_are_told(stack: PluginStack) -> None:
    assert {"value": "reseller", "label": "MSSP", "description": "Accounts of type MSSP"} in returned(
        invoke(stack, "getCustomerTypes")
    )["types"]
    assert "has no 'fusion:index:getNothing'" in refused(lambda: invoke(stack, "getNothing"))[1]


# Warnings.


def test_warnings_go_to_the_engine_at_their_resource_and_once(stack: PluginStack) -> None:
    said: list[tuple[str, str]] = []
    stack.servicer._warn = lambda sentence, urn="": said.append((sentence, urn))
    stack.up("acme", PROGRAM)
    diff(stack, {"dataRetention": 7})
    assert [(where, "goes from 90 to 7 days" in sentence) for sentence, where in said] == [(ACME, True)]


def test_two_providers_work_side_by_side(emulator: Emulator) -> None:
    """Each in its own account, in one process here; the engine gives each a process of its own."""
    emulator.seed("north-mssp", type="reseller")
    with PluginStack(emulator, deadline=10.0) as home, PluginStack(emulator, deadline=10.0) as inside:
        config = {"netosecret": emulator.netosecret, "apiUrl": emulator.url, "account": "north-mssp"}
        inside.stub.Configure(messages.ConfigureRequest(args=values.write(config)))
        done = threading.Barrier(2)

        def up(stack: PluginStack, name: str) -> None:
            done.wait()
            assert stack.up("acme", {**PROGRAM, "shortname": name}).ok

        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(up, home, "home-corp"), pool.submit(up, inside, "inside-corp")]:
                each.result()
        parents = [each.state["acme"].outputs["parent"] for each in (home, inside)]
    assert parents == [emulator.root.shortname, "north-mssp"]
