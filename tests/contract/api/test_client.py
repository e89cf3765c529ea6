"""The client against the emulator: what it sends, and what its user sees of faults."""

from __future__ import annotations

import contextlib
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from fusion_emulator import Emulator, Switches, black_hole
from pulumi_fusion.api import transport
from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import (
    Cancelled,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    FusionError,
    InDoubt,
    MissingSetting,
    NotFound,
    NotSent,
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
    """What each of so many threads that start at once gets: a value or an error of ours."""
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


def test_a_customer_lives_through_the_client(emulator: Emulator, client: FusionClient) -> None:
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


def test_one_record_as_a_list_of_one(emulator: Emulator, client: FusionClient) -> None:
    emulator.switch(single_as="list", record="extended")
    assert client.create_customer(customer("acmecorp")).organization == "Acme, Inc."


def test_a_shortname_with_reserved_characters_reaches_its_account(emulator: Emulator, client: FusionClient) -> None:
    for shortname in ("a!$&'()*,;=:@b", "a.b~c_d-e"):
        client.create_customer(customer(shortname))
        assert client.get_customer(shortname).shortname == shortname
        client.delete_customer(shortname)
    assert client.list_customers() == []


def test_a_hundred_calls_need_one_token(emulator: Emulator, client: FusionClient) -> None:
    for _ in range(100):
        client.list_customers()
    assert (tokens(emulator), len(emulator.requests)) == (1, 101)


def test_twenty_threads_need_one_token(emulator: Emulator, client: FusionClient) -> None:
    emulator.faults.add(f"POST {TOKEN} delay=0.3")
    assert together(20, client.list_customers) == [[]] * 20
    assert tokens(emulator) == 1


def test_twenty_threads_that_are_refused_ask_once(emulator: Emulator, client: FusionClient) -> None:
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


def test_who_has_the_time_waits_for_a_token_that_another_had_no_time_for(
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


def test_a_token_that_ends_early_is_renewed_once_for_all(emulator: Emulator, client: FusionClient) -> None:
    client.list_customers()
    emulator.expire_tokens()
    assert together(10, client.list_customers) == [[]] * 10
    assert tokens(emulator) == 2


def test_a_token_is_renewed_before_it_ends() -> None:
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
def test_a_write_is_repeated_after_a_401_since_nothing_was_done(
    emulator: Emulator, client: FusionClient, fault: str
) -> None:
    emulator.faults.add(fault)
    client.create_customer(customer("acmecorp"))
    assert [entry.status for entry in emulator.requests.of("POST", "/customer")] == [401, 201]


def test_a_revoked_key_is_told_after_one_renewal(emulator: Emulator, client: FusionClient) -> None:
    emulator.faults.add("* /customer* revoked")
    with pytest.raises(Unauthorized, match="list the customers"):
        client.list_customers()
    assert (tokens(emulator), len(emulator.requests)) == (2, 4)


@pytest.mark.parametrize("refusal", ["401", "404"])
def test_a_refused_masquerade_is_no_missing_customer(emulator: Emulator, refusal: str) -> None:
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
def test_a_wrong_clock_here_is_put_right_by_the_services(
    emulator: Emulator, client: FusionClient, seconds: int
) -> None:
    emulator.faults.add(f"* * clock-skew={seconds}")
    assert client.list_customers() == []
    assert tokens(emulator) == 2


def test_a_wrong_clock_is_named_when_it_was_not_the_only_reason(emulator: Emulator, client: FusionClient) -> None:
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
def test_a_create_is_sent_once_whatever_comes_back(
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
def test_a_read_survives_what_passes(emulator: Emulator, client: FusionClient, fault: str) -> None:
    emulator.seed("acmecorp")
    emulator.faults.add(f"GET * {fault}")
    assert client.get_customer("acmecorp").shortname == "acmecorp"


def test_a_create_waits_out_a_429(emulator: Emulator, client: FusionClient) -> None:
    emulator.faults.add("POST /customer 429 retry-after=1 x1")
    began = time.monotonic()
    client.create_customer(customer("acmecorp"))
    assert time.monotonic() - began >= 1
    assert [entry.status for entry in emulator.requests.of("POST", "/customer")] == [429, 201]


def test_a_crowd_gets_through_a_rate_limit(emulator: Emulator, client: FusionClient) -> None:
    emulator.seed("acmecorp")
    emulator.faults.add("GET /customer/* 429 retry-after=1 skip=5 x10")
    got = together(20, lambda: client.get_customer("acmecorp").shortname)
    assert got == ["acmecorp"] * 20
    assert len(emulator.requests.of("GET", "/customer/*")) == 30


@pytest.mark.parametrize("fault", ["hang", "slice=0.05 size=1"])
def test_silence_and_dripping_end_with_the_deadline(emulator: Emulator, client: FusionClient, fault: str) -> None:
    client.list_customers()
    emulator.faults.add(f"POST /customer {fault}")
    began = time.monotonic()
    with pytest.raises(InDoubt, match="no answer within"):
        client.within(Deadline(1.5)).create_customer(customer("acmecorp"))
    assert time.monotonic() - began < 1.5 + 5


def test_a_black_hole_ends_with_the_deadline_and_nothing_was_sent(emulator: Emulator) -> None:
    with black_hole() as url, FusionClient(netosecret=emulator.netosecret, api_url=url) as client:
        began = time.monotonic()
        with pytest.raises(NotSent, match="no connection within"):
            client.within(Deadline(1.5)).create_customer(customer("acmecorp"))
        assert time.monotonic() - began < 1.5 + 5


def test_a_name_server_that_is_silent_cannot_send_later(
    emulator: Emulator, client: FusionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.list_customers()
    client.close()
    answer, look_up, asked = threading.Event(), socket.getaddrinfo, threading.Event()

    def silent(*args: object, **kwargs: object) -> object:
        asked.set()
        answer.wait(20)
        return look_up(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with pytest.raises(NotSent, match="no connection within"):
        client.within(Deadline(1)).create_customer(customer("acmecorp"))
    assert asked.is_set()
    left_behind = [thread for thread in threading.enumerate() if thread.name == "pulumi-fusion-exchange"]
    answer.set()
    for thread in left_behind:
        thread.join(10)
    assert emulator.requests.of("POST", "/customer") == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("POST /customer hang", InDoubt), ("POST /auth/token hang", Cancelled), ("POST /customer 429", Cancelled)],
)
def test_an_interrupt_ends_every_wait(
    emulator: Emulator, client: FusionClient, fault: str, kind: type[FusionError]
) -> None:
    emulator.faults.add(fault)
    method, path = fault.split()[:2]
    cancelled = threading.Event()
    pressed: list[float] = []

    def press() -> None:
        end = time.monotonic() + 30
        while not emulator.requests.of(method, path) and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.3)  # from the request to the wait
        cancelled.set()
        pressed.append(time.monotonic())

    threading.Thread(target=press).start()
    with pytest.raises(kind):
        client.within(Deadline(120, cancelled=cancelled)).create_customer(customer("acmecorp"))
    assert time.monotonic() - pressed[0] < 15  # each wait lasts 30 s or longer
    sent = len(emulator.requests)
    with pytest.raises(Cancelled):
        client.within(Deadline(60, cancelled=cancelled)).create_customer(customer("acmecorp"))
    assert len(emulator.requests) == sent


def test_nothing_is_sent_after_the_deadline(emulator: Emulator, client: FusionClient) -> None:
    with pytest.raises(DeadlineExceeded, match="'acmecorp'"):
        client.within(Deadline(0)).create_customer(customer("acmecorp"))
    assert len(emulator.requests) == 0


def test_trouble_with_the_token_leaves_the_customers_request_not_sent(emulator: Emulator, client: FusionClient) -> None:
    for fault in ("500", "html-404", "cut-body", "reset"):
        emulator.faults.clear()
        emulator.faults.add(f"POST {TOKEN} {fault}")
        with pytest.raises(NotSent, match="Could not create the customer 'acmecorp': no access token"):
            client.within(Deadline(1)).create_customer(customer("acmecorp"))
    assert emulator.requests.of("*", "/customer*") == []


def test_a_refused_connection_and_a_wrong_protocol_were_not_sent(emulator: Emulator) -> None:
    with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url.replace("http", "https")) as tls:
        with pytest.raises(NotSent, match="TLS") as caught:
            tls.list_customers()
        assert caught.value.lasting  # so it is not repeated
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        with pytest.raises(NotSent, match="connection refused"):
            FusionClient(netosecret=emulator.netosecret, api_url=url, deadline=3).list_customers()


def test_a_redirect_is_not_followed(emulator: Emulator, client: FusionClient) -> None:
    with Emulator() as other:
        emulator.faults.add(f"GET * redirect={other.url}/api/v1/customers x9")
        with pytest.raises(Unrecognised, match="not followed"):
            client.within(Deadline(1)).list_customers()
        assert len(other.requests) == 0


def test_a_netrc_does_not_replace_the_token(
    emulator: Emulator, client: FusionClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert client.list_customers() == []
    assert [entry.status for entry in emulator.requests] == [200, 200]


@contextlib.contextmanager
def heard() -> Iterator[tuple[str, list[bytes]]]:
    """A server that keeps what it is sent and answers each connection with an empty list."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        received.append(connection.recv(65536))
                        body = b'{"access_token": "abcdefgh"}'
                        connection.sendall(
                            b"HTTP/1.1 200 OK\r\nSet-Cookie: sticky=1\r\nConnection: close\r\n"
                            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
                        )

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_what_a_request_says_of_itself(emulator: Emulator) -> None:
    with heard() as (url, received):
        for _ in range(2):
            with (
                contextlib.suppress(Unrecognised),
                FusionClient(netosecret=emulator.netosecret, api_url=url, deadline=1) as client,
            ):
                client.list_customers()
    assert received[0].startswith(b"POST /api/v1/auth/token HTTP/1.1\r\n")
    assert b"User-Agent: pulumi-fusion/" in received[0]
    assert b" requests/" in received[0]
    assert b"Accept: application/json\r\n" in received[0]
    assert not [request for request in received if b"Cookie" in request]


def test_a_connection_is_used_again_but_not_after_it_was_idle(
    emulator: Emulator, client: FusionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[requests.Session] = []
    make = transport._session

    def session() -> requests.Session:
        opened.append(make())
        return opened[-1]

    monkeypatch.setattr(transport, "_session", session)
    for _ in range(10):
        client.list_customers()
    assert len(opened) == 1
    monkeypatch.setattr(transport, "_IDLE", 0.0)
    client.list_customers()
    assert len(opened) == 2


def test_an_answer_that_comes_after_hints_is_not_taken_for_that_of_another_request(
    emulator: Emulator, client: FusionClient
) -> None:
    emulator.seed("other-one")
    emulator.faults.add("POST /customer early-hints=0.3 x1")
    with pytest.raises(Unrecognised, match="103 Early Hints"):
        client.create_customer(customer("acmecorp"))
    assert client.get_customer("other-one").shortname == "other-one"
    assert len(emulator.requests.of("GET", "/customer/*")) == 1


def test_a_service_that_closes_an_idle_connection_goes_unnoticed(emulator: Emulator, client: FusionClient) -> None:
    client.list_customers()
    port = emulator.port
    emulator.stop()
    with Emulator(port=port) as again, contextlib.suppress(Unauthorized):
        client.list_customers()
        assert len(again.requests) >= 1


def test_the_settings_are_taken_from_the_environment_and_replaced_by_arguments(
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


def test_the_client_shows_and_pickles_no_secret(emulator: Emulator, client: FusionClient) -> None:
    assert repr(client) == f"FusionClient(url={emulator.url!r}, account={client.account!r})"
    with pytest.raises(TypeError):
        pickle.dumps(client)
