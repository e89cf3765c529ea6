"""The client against the emulator: what it sends, and what its user sees of faults."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable

import pytest

from fusion_emulator import Emulator, Switches
from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import (
    Conflict,
    Forbidden,
    FusionError,
    InDoubt,
    MissingSetting,
    NotFound,
    RateLimited,
    Unauthorized,
    Unrecognised,
)
from pulumi_fusion.settings import Settings
from tests.contract.api.conftest import customer

TOKEN = "/api/v1/auth/token"


def tokens(emulator: Emulator) -> int:
    return len(emulator.requests.of("POST", TOKEN))


def together(count: int, act: Callable[[], object]) -> list[object]:
    """Return what each of so many threads that start at once gets: a value or a FusionError."""
    gate, got = threading.Barrier(count), []

    def run() -> None:
        gate.wait()
        try:
            got.append(act())
        except FusionError as error:
            got.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_create_list_update_read_and_delete(emulator: Emulator, client: FusionClient) -> None:
    made = client.create_customer(customer("acmecorp"))
    assert (made.shortname, made.parent, made.trial) == ("acmecorp", client.account, False)
    emulator.seed("aaaaa1")
    assert [account.shortname for account in client.list_customers()] == ["aaaaa1", "acmecorp"]
    body = {"organization": "Acme", "type": "customer", "retention": 45, "rollupRetention": 90}
    assert client.update_customer("acmecorp", body).data_retention == 45
    assert client.get_customer("acmecorp").id == made.id
    client.delete_customer("acmecorp")
    with pytest.raises(NotFound):
        client.get_customer("acmecorp")
    assert {entry.value for entry in client.list_customer_types()} == {"customer", "reseller", "staff"}
    assert [user.email for user in client.list_users()] == [user.email for user in emulator.users(client.account)]


@pytest.mark.parametrize("padded", [False, True])
def test_a_credential_is_accepted_with_and_without_padding(emulator: Emulator, padded: bool) -> None:
    emulator.switch(padded_credential=padded)
    lengths = set()
    for appname in ("a", "ab", "abc"):
        netosecret = emulator.key(appname=appname)
        lengths.add(len(netosecret) % 4)
        with FusionClient(netosecret=netosecret, api_url=emulator.url) as client:
            assert client.list_customers() == []
    assert lengths == ({0} if padded else {0, 2, 3})


@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (401, Unauthorized)])
def test_an_address_that_is_not_allowed_is_an_error(
    emulator: Emulator, client: FusionClient, status: int, error: type[FusionError]
) -> None:
    emulator.switch(allow_list_status=status)
    client.list_customers()
    emulator.edit(client.account, allowed_ips=["192.0.2.0/24"])
    with pytest.raises(error):
        client.list_customers()


def test_an_account_in_a_list_of_one_is_accepted(emulator: Emulator, client: FusionClient) -> None:
    emulator.switch(single_as="list", record="extended")
    assert client.create_customer(customer("acmecorp")).organization == "Acme, Inc."


def test_reserved_characters_of_a_shortname_are_encoded(emulator: Emulator, client: FusionClient) -> None:
    for shortname in ("a!$&'()*,;=:@b", "a.b~c_d-e"):
        client.create_customer(customer(shortname))
        assert client.get_customer(shortname).shortname == shortname
        client.delete_customer(shortname)
    assert client.list_customers() == []


def test_a_hundred_calls_request_one_token(emulator: Emulator, client: FusionClient) -> None:
    for _ in range(100):
        client.list_customers()
    assert (tokens(emulator), len(emulator.requests)) == (1, 101)


def test_twenty_threads_request_one_token(emulator: Emulator, client: FusionClient) -> None:
    emulator.faults.add(f"POST {TOKEN} delay=0.3")
    assert together(20, client.list_customers) == [[]] * 20
    assert tokens(emulator) == 1


def test_twenty_threads_share_one_refused_token_request(emulator: Emulator, client: FusionClient) -> None:
    emulator.faults.add(f"POST {TOKEN} delay=0.3", f"POST {TOKEN} 401")
    refused = together(20, client.list_customers)
    assert [type(error) for error in refused] == [Unauthorized] * 20
    assert len({id(error) for error in refused}) == 20
    assert tokens(emulator) == 1


def test_twenty_operations_of_an_outage_send_at_most_forty_requests(emulator: Emulator, client: FusionClient) -> None:
    client.list_customers()
    emulator.requests.clear()
    emulator.faults.add("* * 503")
    assert [type(error) for error in together(20, client.list_customers)] == [InDoubt] * 20
    assert 20 < len(emulator.requests) <= 40


def test_a_token_is_requested_again_for_callers_with_a_longer_deadline(
    emulator: Emulator, client: FusionClient
) -> None:
    emulator.faults.add(f"POST {TOKEN} 503 retry-after=2 x1")
    emulator.faults.add(f"POST {TOKEN} delay=0.2")
    hasty, patient = client.within(Deadline(1.5)), client.within(Deadline(20))
    turns = iter([hasty.authenticate, *[patient.authenticate] * 4, hasty.authenticate])
    got = together(6, lambda: next(turns)())
    assert sum(isinstance(each, FusionError) for each in got) <= 2
    assert got.count(None) >= 4
    assert tokens(emulator) == 2


def test_a_token_that_expires_early_is_renewed_once_for_all_threads(emulator: Emulator, client: FusionClient) -> None:
    client.list_customers()
    emulator.expire_tokens()
    assert together(10, client.list_customers) == [[]] * 10
    assert tokens(emulator) == 2


def test_a_token_is_renewed_before_it_expires() -> None:
    # A second of the service lasts ten here, so that a machine that stalls cannot let a token end in use.
    began = time.time()
    with Emulator(Switches(token_lifetime=1.0), clock=lambda: began + (time.time() - began) / 10) as emulator:
        with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url, deadline=20) as client:
            end = time.monotonic() + 9
            while tokens(emulator) < 3:
                client.list_customers()
                assert time.monotonic() < end
        assert not [entry for entry in emulator.requests if entry.status == 401]


@pytest.mark.parametrize("fault", ["POST /customer token-expired x1"])
def test_a_write_is_repeated_after_a_401(emulator: Emulator, client: FusionClient, fault: str) -> None:
    emulator.faults.add(fault)
    client.create_customer(customer("acmecorp"))
    assert [entry.status for entry in emulator.requests.of("POST", "/customer")] == [401, 201]


def test_a_revoked_key_is_reported_after_one_renewal(emulator: Emulator, client: FusionClient) -> None:
    emulator.faults.add("* /customer* revoked")
    with pytest.raises(Unauthorized, match="list the customers"):
        client.list_customers()
    assert (tokens(emulator), len(emulator.requests)) == (2, 4)


@pytest.mark.parametrize("refusal", ["401", "404"])
def test_a_refused_masquerade_is_not_a_missing_customer(emulator: Emulator, refusal: str) -> None:
    emulator.seed("acmecorp")
    emulator.switch(masquerade=refusal)
    with (
        FusionClient(netosecret=emulator.netosecret, api_url=emulator.url, account="acmecorp") as inside,
        pytest.raises(Unauthorized, match="may not act inside 'acmecorp'") as caught,
    ):
        inside.get_customer("other1")
    assert caught.value.status == int(refusal)
    assert caught.value.shortname == "other1"


def test_the_account_setting_acts_inside_a_sub_account(emulator: Emulator) -> None:
    emulator.seed("acmecorp", type="reseller")
    with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url, account="acmecorp") as inside:
        assert (inside.account, inside.home_account) == ("acmecorp", emulator.root.shortname)
        assert inside.create_customer(customer("below1")).parent == "acmecorp"


@pytest.mark.parametrize("seconds", [-600, 600])
def test_a_wrong_local_clock_is_corrected_by_the_date_of_the_service(
    emulator: Emulator, client: FusionClient, seconds: int
) -> None:
    emulator.faults.add(f"* * clock-skew={seconds}")
    assert client.list_customers() == []
    assert tokens(emulator) == 2


def test_a_wrong_local_clock_is_named_in_the_error(emulator: Emulator, client: FusionClient) -> None:
    emulator.faults.add("* * clock-skew=600", f"POST {TOKEN} 401")
    with pytest.raises(Unauthorized, match="the clock here is 10 min behind the service's"):
        client.list_customers()


@pytest.mark.parametrize(
    ("fault", "kind", "sent"),
    [
        ("reset", InDoubt, 1),
        ("reset-after", InDoubt, 1),
        ("cut-body", InDoubt, 1),
        ("500", InDoubt, 1),
        ("504-after", InDoubt, 1),
        ("503 retry-after=1", InDoubt, 1),
        ("html-404", Unrecognised, 1),
        ("html-200", Unrecognised, 1),
        ("redirect=http://127.0.0.1:9/x?y=z", Unrecognised, 1),
        ("empty", InDoubt, 1),
        ("not-json", InDoubt, 1),
        ("huge", InDoubt, 1),
        ("wrong-types", Unrecognised, 1),
        ("403", Forbidden, 1),
        ("exists-409", Conflict, 1),
        ("429 retry-after=400", RateLimited, 1),
    ],
)
def test_a_create_is_sent_once_after_any_response(
    emulator: Emulator, client: FusionClient, fault: str, kind: type[FusionError], sent: int
) -> None:
    emulator.faults.add(f"POST /customer {fault}")
    with pytest.raises(FusionError, match="Could not create the customer 'acmecorp'") as caught:
        client.create_customer(customer("acmecorp"))
    assert type(caught.value) is kind
    assert len(emulator.requests.of("POST", "/customer")) == sent


@pytest.mark.parametrize(
    "fault",
    ["reset x1", "cut-body x1", "502 x1", "html-404 x1", "empty x1", "not-json x1", "429 x1",
     "429 retry-after=1 x1", "429 retry-after-date=1 x1", "503 retry-after=1 x1", "slice", "unknown-fields",
     "missing-fields"],
)  # fmt: skip
def test_a_read_is_repeated_after_a_temporary_fault(emulator: Emulator, client: FusionClient, fault: str) -> None:
    emulator.seed("acmecorp")
    emulator.faults.add(f"GET * {fault}")
    assert client.get_customer("acmecorp").shortname == "acmecorp"


def test_a_create_is_sent_again_after_a_429(emulator: Emulator, client: FusionClient) -> None:
    emulator.faults.add("POST /customer 429 retry-after=1 x1")
    began = time.monotonic()
    client.create_customer(customer("acmecorp"))
    assert time.monotonic() - began >= 1
    assert [entry.status for entry in emulator.requests.of("POST", "/customer")] == [429, 201]


def test_twenty_threads_succeed_after_a_rate_limit(emulator: Emulator, client: FusionClient) -> None:
    emulator.seed("acmecorp")
    emulator.faults.add("GET /customer/* 429 retry-after=1 skip=5 x10")
    got = together(20, lambda: client.get_customer("acmecorp").shortname)
    assert got == ["acmecorp"] * 20
    assert len(emulator.requests.of("GET", "/customer/*")) == 30


def test_settings_come_from_the_environment_and_arguments_replace_them(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETOSECRET", emulator.netosecret)
    monkeypatch.setenv("FUSION_ACCOUNT", "acmecorp")
    monkeypatch.delenv("FUSION_API_URL", raising=False)
    client = FusionClient()
    assert (client.url, client.account) == (emulator.url, "acmecorp")
    assert FusionClient(account="other1").account == "other1"
    assert FusionClient(Settings.resolve(), account="other1", deadline=5).account == "other1"
    monkeypatch.delenv("NETOSECRET")
    monkeypatch.delenv("FUSION_NETOSECRET_FILE", raising=False)
    with pytest.raises(MissingSetting):
        FusionClient()


def test_repr_and_pickle_of_the_client_contain_no_secret(emulator: Emulator, client: FusionClient) -> None:
    assert repr(client) == f"FusionClient(url={emulator.url!r}, account={client.account!r})"
    with pytest.raises(TypeError):
        pickle.dumps(client)
