"""Errors name what was attempted, on which shortname, the cause, and what to do; so does an exceeded deadline."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from pulumi_fusion import deadline as deadlines
from pulumi_fusion import errors
from pulumi_fusion.api.responses import BY_STATUS
from pulumi_fusion.deadline import Deadline, backoff
from pulumi_fusion.errors import (
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    FusionError,
    InDoubt,
    NotSent,
    RateLimited,
    Rejected,
    RequestFailed,
    capped,
)

FAMILY = [getattr(errors, name) for name in errors.__all__]


def test_the_error_classes_are_those_in_the_documented_tree() -> None:
    drawn = errors.__doc__ or ""
    parents: dict[int, str] = {}
    for line in drawn.splitlines():
        name = line.strip("│├└─ ").split(" ")[0]
        if name in errors.__all__ and ("──" in line or name == "FusionError"):
            depth = line.index(name)
            parents = {column: each for column, each in parents.items() if column < depth}
            if parents:
                assert getattr(errors, name).__bases__ == (getattr(errors, parents[max(parents)]),)
            parents[depth] = name
    for kind in FAMILY:
        assert f"{kind.__name__}" in drawn


def test_each_error_has_its_documented_text() -> None:
    error = FusionError("create the customer", "it failed", shortname="acme-corp", next_step="Do better.")
    assert str(error) == "Could not create the customer 'acme-corp': it failed. Do better."
    assert str(FusionError("read the settings", "one is wrong")).startswith(
        "Could not read the settings: one is wrong. "
    )


@pytest.mark.parametrize("kind", [kind for kind in FAMILY if kind is not AlreadyExists])
def test_every_error_has_a_next_step_and_can_be_raised_from_another_operation(kind: type[FusionError]) -> None:
    error = kind("do it", "it failed")
    assert error.next_step.endswith(".")
    raised_again = error.during("do something larger", "acme-corp")
    assert type(raised_again) is kind
    assert str(raised_again) == f"Could not do something larger 'acme-corp': it failed. {error.next_step}"
    assert str(error).startswith("Could not do it: ")
    assert str(raised_again.during("x")) == f"Could not x 'acme-corp': it failed. {error.next_step}"


def test_an_error_keeps_its_attributes_when_another_operation_raises_it() -> None:
    taken = AlreadyExists("create it", shortname="acme-corp", customer_id="id-1", next_step="Adopt it.")
    assert taken.during("x").customer_id == "id-1"
    failed = RequestFailed("x", "y", status=429, name="n", message="m", retry_after=7.0).during("z")
    assert (failed.status, failed.name, failed.message, failed.retry_after) == (429, "n", "m", 7.0)


def test_only_a_copy_of_an_error_ends_with_where_it_is_described() -> None:
    error = RateLimited("do it", "it failed", status=429)
    shown = error.with_reference()
    assert str(shown) == f"{error} More: pulumi-fusion docs request-errors#ratelimited"
    assert (type(shown), shown.status) == (RateLimited, 429)
    assert "More:" not in str(error)


def test_each_status_of_the_table_is_a_rejection() -> None:
    assert set(BY_STATUS) == {400, 401, 403, 404, 409, 422, 429}
    assert all(issubclass(kind, Rejected) for kind in BY_STATUS.values())
    assert not issubclass(NotSent, (InDoubt, Rejected))


@pytest.mark.parametrize(
    ("foreign", "fit"),
    [
        ("plain", "plain"),
        ("two\nlines\r\n\ttab", "two lines tab"),
        ("nul\0 escape\x1b[31m bell\a", "nul escape [31m bell"),
        ("right\u202eto left", "right to left"),
        ("  spaces   between  ", "spaces between"),
        ("half\ud800", "half"),
        ("", ""),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "…"),
        ("ü" * 20_000_000, "ü" * 299 + "…"),
    ],
    ids=lambda part: ascii(part)[:20],
)
def test_text_of_external_sources_is_sanitized(foreign: str, fit: str) -> None:
    assert capped(foreign) == fit


# The time of an operation


class Clock(threading.Event):
    """An event whose waits take no time."""

    now = 50.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(deadlines, "time", clock)
    yield clock


def test_a_wait_never_passes_the_end(clock: Clock) -> None:
    deadline = Deadline(10.0, cancelled=clock)
    deadline.wait(4.0)
    assert deadline.remaining() == 6.0
    deadline.check("go on")
    with pytest.raises(DeadlineExceeded, match="Could not go on: it took longer than the 10 seconds allowed"):
        deadline.wait(100.0, "go on")
    assert clock.now == 60.0
    clock.now += 5
    assert deadline.remaining() == 0.0


def test_an_interrupt_counts_before_the_end(clock: Clock) -> None:
    deadline = Deadline(10.0, cancelled=clock)
    clock.set()
    clock.now += 20
    with pytest.raises(Cancelled, match="Could not wait for the service: the operation was interrupted"):
        deadline.wait(1.0)


def test_an_interrupt_ends_a_real_wait_at_once() -> None:
    deadline = Deadline(600.0)
    threading.Timer(0.01, deadline.cancelled.set).start()
    with pytest.raises(Cancelled):
        deadline.wait(600.0)
    assert deadline.remaining() > 500.0


def test_waits_grow_up_to_a_cap_and_are_spread() -> None:
    bounds = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]
    runs = [list(itertools.islice(backoff(), len(bounds))) for _ in range(200)]
    for column, bound in zip(zip(*runs, strict=True), bounds, strict=True):
        assert 0 <= min(column) < bound * 0.2
        assert bound * 0.8 < max(column) <= bound


def test_no_part_of_an_error_controls_a_terminal() -> None:
    evil = "x\x1b[2J\x07\u202e\n\x9b31m"
    error = FusionError(f"do {evil}", f"got {evil}", shortname=evil, next_step=f"see {evil}")
    for failure in (error, error.during(f"redo {evil}", evil), error.replace(next_step=f"ask {evil}")):
        for text in (str(failure), failure.attempted, failure.came_back, failure.next_step):
            assert text.isprintable()
            assert "x\ufffd[2J\ufffd\ufffd \ufffd31m" in text
