"""The grammar of faults, and which of them affect a request."""

from __future__ import annotations

import pytest

from fusion_emulator import Fault, Faults, MalformedFault
from fusion_emulator.faults.kinds import COLOURS, DECISIVE


@pytest.mark.parametrize(
    ("line", "kind", "side", "value", "left"),
    [
        ("POST /customer commit-then-reset x1", "reset", "after", None, 1),
        ("POST /customer reset", "reset", "before", None, None),
        ("GET /customer/* html-404 x3", "html-404", "before", None, 3),
        ("* * delay=0.5", "delay", "colours", "0.5", None),
        ("POST /customer 429 retry-after=2 x1", "429", "before", None, 1),
        ("post /customer 500-before x1", "500", "before", None, 1),
        ("POST /customer 502-after x12", "502", "after", None, 12),
        ("POST /customer commit-then-504", "504", "after", None, None),
        ("POST /customer cut-body", "cut-body", "after", None, None),
        ("POST /customer hang=3", "hang", "before", "3", None),
        ("POST /customer commit-then-hang=3", "hang", "after", "3", None),
        ("GET * redirect=https://x.example/a=b", "redirect", "before", "https://x.example/a=b", None),
        ("POST /auth/token clock-skew=-600", "clock-skew", "colours", "-600", None),
        ("GET * missing-fields=id,billing", "missing-fields", "after", "id,billing", None),
        ("POST * exists-409-after", "exists-409", "after", None, None),
        ("GET * slice", "slice", "colours", None, None),
    ],
)
def test_a_line_is_parsed_to_a_fault(line: str, kind: str, side: str, value: str | None, left: int | None) -> None:
    fault = Fault.parse(line)
    assert (fault.kind, fault.side, fault.value, fault.left) == (kind, side, value, left)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "POST /customer",
        "FETCH /customer 500",
        "POST customer 500",
        "POST /customer 99",
        "POST /customer 600",
        "POST /customer nothing",
        "POST /customer 500=1",
        "POST /customer reset=1",
        "POST /customer hang=",
        "POST /customer hang=soon",
        "POST /customer delay",
        "POST /customer delay=-1",
        "POST /customer delay=0.5-after",
        "POST /customer delay-after=0.5",
        "POST /customer cut-body-before",
        "POST /customer revoked-after",
        "POST /customer commit-then-revoked",
        "POST /customer redirect",
        "POST /customer 500 x0",
        "POST /customer 500 1x",
        "POST /customer 500 retry-after",
        "POST /customer 429 retry-after=soon",
        "POST /customer reset retry-after=2",
        "POST /customer 500 skip=1.5",
    ],
)
def test_a_malformed_fault_raises_an_error_with_the_grammar(line: str) -> None:
    with pytest.raises(MalformedFault, match="METHOD PATH KIND"):
        Fault.parse(line)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("huge=100000001", "huge: '100000001' is not a whole number from 1 to 100000000"),
        ("hang=86401", "hang: '86401' is not a number from 0 to 86400"),
        ("delay=1 jitter=inf", "jitter: 'inf' is not a number from 0 to 86400"),
        ("slice size=0", "size: '0' is not a whole number from 1 to 100000000"),
        ("clock-skew=-315360001", "clock-skew: '-315360001' is not a number from -315360000 to 315360000"),
        ("redirect=/x status=200", "status: '200' is not a whole number from 300 to 399"),
        ("199", "the status: '199' is not a whole number from 200 to 599"),
        ("html-600", "the status: '600' is not a whole number from 200 to 599"),
        ("html-204", "html-204: a response with this status has no body, and no page"),
        ("429 retry-after=1.5", "retry-after: '1.5' is not a whole number from 0 to 315360000"),
        ("stale=0", "stale: '0' is not a whole number from 1 to 1000000"),
        ("500 x0", "x: '0' is not a whole number from 1 to 1000000"),
        ("500 x01", "x: '01' is not a whole number from 1 to 1000000"),
        ("500 skip=1000001", "skip: '1000001' is not a whole number from 0 to 1000000"),
        ("500 skip=٣", "skip: '٣' is not a whole number from 0 to 1000000"),
        ("500 x1 x2", "x is given twice"),
        ("429 retry-after=1 retry-after=2", "retry-after is given twice"),
        ("429 retry-after=1 retry-after-date=2", "retry-after and retry-after-date are both given"),
        (
            "429 retry_after=5",
            "'retry_after=5' is not an option of 429; there are: retry-after=N, retry-after-date=N, skip=N, xN",
        ),
        ("reset 2x", "'2x' is not an option of reset; there are: skip=N, xN"),
        ("delay", "delay takes a value, such as delay=2"),
        ("stale=", "stale takes a value, such as stale=2"),
        ("redirect", "redirect takes a value, such as redirect=URL"),
        ("reset=2", "reset takes no value"),
    ],
)
def test_words_that_a_fault_cannot_have_are_refused_with_the_reason(words: str, reason: str) -> None:
    with pytest.raises(MalformedFault) as refused:
        Fault.parse(f"GET /customers {words}")
    grammar = "METHOD PATH KIND[=VALUE] [OPTION=VALUE] [skip=N] [xN]"
    assert str(refused.value) == f"fault 'GET /customers {words}': {reason}; expected {grammar}"


@pytest.mark.parametrize(
    "kind",
    [
        *(kind for kind, rule in DECISIVE.items() if rule.value == "required"),
        *(kind for kind, rule in COLOURS.items() if rule.value == "required"),
    ],
)
def test_the_example_for_a_missing_value_is_valid(kind: str) -> None:
    with pytest.raises(MalformedFault) as refused:
        Fault.parse(f"GET /customers {kind}")
    Fault.parse(f"GET /customers {str(refused.value).partition('such as ')[2].partition(';')[0]}")


@pytest.mark.parametrize(
    ("pattern", "method", "path", "drawn"),
    [
        ("POST /customer", "POST", "/api/v1/customer", True),
        ("POST /customer", "POST", "/api/v1/customers", False),
        ("POST /customer", "GET", "/api/v1/customer", False),
        ("GET /customer/*", "GET", "/api/v1/customer/acme", True),
        ("GET /customer/*", "GET", "/api/v1/customers", False),
        ("GET /api/v1/customer/acme", "GET", "/api/v1/customer/acme", True),
        ("POST /auth/token", "POST", "/api/v1/auth/token", True),
        ("POST /auth/bearer/*", "POST", "/api/auth/bearer/refresh", True),
        ("* *", "DELETE", "/anything", True),
    ],
)
def test_a_fault_matches_requests_by_method_and_path(pattern: str, method: str, path: str, drawn: bool) -> None:
    assert (Faults([f"{pattern} 500"]).draw(method, path).decisive is not None) is drawn


def test_a_used_fault_is_removed_and_the_next_one_applies() -> None:
    faults = Faults(["* * 500 x1", "* * 502 x1"])
    assert [(d.kind if (d := faults.draw("GET", "/x").decisive) else None) for _ in range(3)] == ["500", "502", None]
    assert len(faults) == 0


def test_only_the_first_deciding_fault_is_counted() -> None:
    faults = Faults(["* * 500 x1", "* * reset x1"])
    faults.draw("GET", "/x")
    assert [fault.text for fault in faults] == ["* * reset x1"]


def test_one_fault_of_each_colouring_kind_joins_the_deciding_fault() -> None:
    faults = Faults(["* * delay=1 x1", "* * 500", "* * delay=0.5", "* * clock-skew=60"])
    first, second = faults.draw("GET", "/x"), faults.draw("GET", "/x")
    assert (first.delay, first.skew, second.delay) == (1, 60, 0.5)
    assert first.text == "* * delay=1 x1; * * clock-skew=60; * * 500"


def test_skip_leaves_out_the_first_requests() -> None:
    faults = Faults(["GET /x 500 skip=2 x1"])
    assert [faults.draw("GET", "/x").decisive is not None for _ in range(4)] == [False, False, True, False]


def test_a_malformed_line_adds_no_fault() -> None:
    faults = Faults()
    with pytest.raises(MalformedFault):
        faults.add("* * 500", "nonsense")
    assert len(faults) == 0
