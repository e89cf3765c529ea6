"""A session in Python: its requests, its refusals, and its audit."""

from __future__ import annotations

import copy
import json
import pickle
import threading
from datetime import datetime
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient, masquerade
from pulumi_fusion.customer.model import Account
from pulumi_fusion.errors import (
    InvalidInput,
    NotAudited,
    NotSent,
    OutOfBounds,
    SessionRefused,
    Unauthorized,
)
from pulumi_fusion.sessions import access
from pulumi_fusion.sessions.audit import AuditLog, identity
from tests.contract.sessions.records import REASON, audit, changes


def test_a_session_acts_inside_the_customer_and_is_recorded(
    emulator: Emulator, fusion: FusionClient, tmp_path: Path
) -> None:
    with masquerade("acme-corp", reason=REASON, ticket="INC-1234", client=fusion) as session:
        assert session.customer == session.client.account == "acme-corp"
        assert [each.shortname for each in session.client.list_customers()] == ["acme-east"]
        assert [each["email"] for each in session.get("/api/v1/users")] == [
            each.email for each in session.client.list_users()
        ]
        assert 890 < session.remaining() <= 900
        started = audit(tmp_path)
        assert [each["event"] for each in started] == ["start"]
    assert [each.shortname for each in fusion.list_customers()] == ["acme-corp", "other-corp"]
    start, end = audit(tmp_path)
    who = {
        "account": "example-msp",
        "app": "pulumi-fusion",
        "customer": "acme-corp",
        "reason": REASON,
        "ticket": "INC-1234",
        "mode": "read-only",
        "frontend": "python",
    }
    assert who.items() <= start.items()
    assert who.items() <= end.items()
    began, until = (datetime.fromisoformat(start[name].replace("Z", "+00:00")) for name in ("time", "until"))
    assert 890 < (until - began).total_seconds() <= 900
    assert end["ended"] == "left"
    assert end["requests"] == {"GET": 3}
    assert end["paths"] == {"GET /api/v1/customers": 1, "GET /api/v1/users": 2}
    assert emulator.netosecret not in (tmp_path / "audit.jsonl").read_text()


def test_a_session_is_read_only_by_default(emulator: Emulator, fusion: FusionClient, tmp_path: Path) -> None:
    body = {"email": "new@acme.example.com", "given_name": "New", "family_name": "User", "roles": ["readonly"]}
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        for refused in (
            lambda: session.post("/api/v1/user", body),
            lambda: session.put("/api/v1/customer/access-allowed-ips", []),
            lambda: session.delete("/api/v1/customer/acme-east"),
            lambda: session.client.delete_customer("acme-east"),
            lambda: session.client.create_customer({"shortname": "acme-west"}),
            lambda: session.client.update_customer("acme-east", {}),
        ):
            with pytest.raises(OutOfBounds, match="read-only"):
                refused()
    assert changes(emulator) == []
    assert audit(tmp_path)[1]["refused"] == {"writes": 6}
    with masquerade("acme-corp", reason=REASON, client=fusion, write=True) as session:
        made = session.post("/api/v1/user", body)
        assert made["email"] == "new@acme.example.com"
        assert session.delete(f"/api/v1/user/{made['id']}") is None
    assert changes(emulator) == ["POST /api/v1/user", f"DELETE /api/v1/user/{made['id']}"]
    assert audit(tmp_path)[3]["mode"] == "read and write"


@pytest.mark.parametrize("path", ["/api/v1/auth/token", "/api/auth/bearer/refresh"])
def test_a_session_requests_no_other_token(emulator: Emulator, fusion: FusionClient, path: str) -> None:
    with (
        masquerade("acme-corp", reason=REASON, client=fusion, write=True) as session,
        pytest.raises(OutOfBounds, match="no other tokens"),
    ):
        session.post(path, {})


def test_the_client_of_a_session_has_no_credential(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        inside = session.client
        with pytest.raises(OutOfBounds, match="can't get tokens for other accounts"):
            inside.token_inside("other-corp", access.Term(10, "other-corp"))
        others: list[Exception] = []

        def another() -> None:
            try:
                with masquerade("acme-east", reason=REASON, client=inside):
                    pass
            except OutOfBounds as refused:
                others.append(refused)

        thread = threading.Thread(target=another)
        thread.start()
        thread.join()
        assert len(others) == 1


def test_a_session_refuses_paths_outside_the_api(fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        for path in ("/users", "https://api.netography.com/api/v1/users", "/api/v1/../../x"):
            with pytest.raises((InvalidInput, OutOfBounds)):
                session.get(path)


def test_sessions_in_several_threads_are_independent(emulator: Emulator, fusion: FusionClient) -> None:
    seen: dict[str, list[str]] = {}
    both = threading.Barrier(2, timeout=20)

    def look(customer: str) -> None:
        with masquerade(customer, reason=REASON, client=fusion) as session:
            both.wait()
            seen[customer] = [each.shortname for each in session.client.list_customers()]
            both.wait()

    threads = [threading.Thread(target=look, args=(each,)) for each in ("acme-corp", "other-corp")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"acme-corp": ["acme-east"], "other-corp": []}


@pytest.mark.parametrize("empty", [1, 2])
def test_a_changing_list_does_not_verify_a_token(emulator: Emulator, fusion: FusionClient, empty: int) -> None:
    """Right after a customer was created, the first list may lack it and the next one contain it; or a
    list that is asked with our own token, taken for the customer's, is empty for once.
    """
    emulator.switch(masquerade="parent-token", token_names_account=False)
    asked = FusionClient.list_customers
    lists: list[int] = []

    def lagging(self: FusionClient) -> list[Account]:
        lists.append(1)
        return [] if len(lists) == empty else asked(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FusionClient, "list_customers", lagging)
        with pytest.raises(SessionRefused), masquerade("acme-corp", reason=REASON, client=fusion):
            pytest.fail("it was opened")


def test_a_session_inside_a_session_is_refused(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion) as outer:
        with (
            pytest.raises(SessionRefused, match="a session inside 'acme-corp' already"),
            masquerade("other-corp", reason=REASON, client=fusion),
        ):
            pass
        outer.get("/api/v1/users")
    with masquerade("other-corp", reason=REASON, client=fusion):
        pass


REFUSED = {
    "our own account": ("example-msp", "it is your own account"),
    "an unknown one": ("nobody-here", "'example-msp' has no such customer"),
    "a reason that is none": ("acme-corp", "the reason must have"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_send_nothing_that_changes_anything(
    emulator: Emulator, fusion: FusionClient, tmp_path: Path, case: str
) -> None:
    customer, said = REFUSED[case]
    with (
        pytest.raises(SessionRefused, match=said),
        masquerade(customer, reason="short" if "reason" in case else REASON, client=fusion),
    ):
        pytest.fail("it was opened")
    assert changes(emulator) == []
    assert not (tmp_path / "audit.jsonl").exists()


@pytest.mark.parametrize(("switch", "said"), [("401", "401"), ("404", "404")])
def test_a_role_without_the_right_is_distinguished_from_a_wrong_credential(
    emulator: Emulator, fusion: FusionClient, switch: str, said: str
) -> None:
    emulator.switch(masquerade=switch)
    with (
        pytest.raises(
            SessionRefused, match=f"the credential works in 'example-msp', but .*{said}.*right to masquerade"
        ),
        masquerade("acme-corp", reason=REASON, client=fusion),
    ):
        pytest.fail("it was opened")
    emulator.faults.add("POST /auth/token 401")
    with (
        FusionClient(netosecret=emulator.netosecret, deadline=20) as revoked,
        pytest.raises(Unauthorized, match="Check that the netosecret is current"),
        masquerade("acme-corp", reason=REASON, client=revoked),
    ):
        pytest.fail("it was opened")


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("scope", ["direct", "subtree"])
@pytest.mark.parametrize("includes", [True, False])
@pytest.mark.parametrize("customer", ["acme-corp", "other-corp", "acme-east"])
def test_a_token_for_another_account_is_never_used(
    emulator: Emulator, fusion: FusionClient, names: bool, scope: str, includes: bool, customer: str
) -> None:
    """The confused deputy: a service that ignores the claim and returns a token of the caller's account."""
    emulator.switch(list_scope=scope, list_includes_caller=includes, token_names_account=names)
    with masquerade(customer, reason=REASON, client=fusion) as session:
        assert session.client.get_customer(customer).shortname == customer
    emulator.switch(masquerade="parent-token")
    with (
        pytest.raises(SessionRefused, match=r"(a|the returned) token "),
        masquerade(customer, reason=REASON, client=fusion),
    ):
        pytest.fail("it was opened")
    assert changes(emulator) == []


@pytest.mark.parametrize("absence", [404, 400, 403])
def test_a_customer_that_is_not_below_the_account_is_refused(emulator: Emulator, absence: int) -> None:
    emulator.switch(absence=absence)
    with (
        FusionClient(netosecret=emulator.netosecret, account="other-corp", deadline=20) as elsewhere,
        pytest.raises(SessionRefused, match="'other-corp' has no such customer"),
        masquerade("acme-east", reason=REASON, client=elsewhere),
    ):
        pytest.fail("it was opened")


def test_without_an_audit_file_no_session_is_opened(emulator: Emulator, fusion: FusionClient, tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(NotAudited), masquerade("acme-corp", reason=REASON, client=fusion):
        pytest.fail("it was opened")


def test_a_session_without_an_end_is_reported_at_the_next_start(
    emulator: Emulator, fusion: FusionClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    AuditLog(tmp_path / "audit.jsonl").append("start", "died", {**identity(), "born": "1", "customer": "other-corp"})
    with masquerade("acme-corp", reason=REASON, client=fusion):
        pass
    assert [each["event"] for each in audit(tmp_path)] == ["start", "unclosed", "start", "end"]
    assert "a session without an end: inside 'other-corp'" in caplog.text


def test_a_service_that_is_down_is_reported(emulator: Emulator, fusion: FusionClient) -> None:
    emulator.stop()
    with pytest.raises(NotSent), masquerade("acme-corp", reason=REASON, client=fusion):
        pytest.fail("it was opened")


def test_the_settings_of_a_session_are_read_from_the_environment(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETOSECRET", emulator.netosecret)
    with masquerade("acme-corp", reason=REASON) as session:
        assert session.get("/api/v1/customers")[0]["shortname"] == "acme-east"


def test_a_session_cannot_be_pickled_or_made_an_output(fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        token = session._open().token(session._open().term).reveal()
        for copied in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="can't be pickled or copied"):
                copied(session)
        with pytest.raises(TypeError):
            json.dumps(session)
        for shown in (repr(session), str(session), f"{session.client}", repr(vars(session.client))):
            assert token not in shown
