"""Any program and any order of commands, through the real engine: no customer is lost, doubled, or taken over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engine.machine.host import serving
from tests.engine.machine.machine import AnyProgram
from tests.engine.machine.program import Frontend
from tests.engine.machine.session import Session, make_template
from tests.scale import NIGHTLY, scaled


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, host: str) -> Path:
    folder = tmp_path_factory.mktemp("machine")
    return make_template(folder / "template", folder / "home", host)


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("chosen", ["plugin", "dynamic"])
def test_any_program_leaves_service_and_state_consistent(
    template: Path, host: str, chosen: Frontend, number: int
) -> None:
    class Machine(AnyProgram):
        frontend = chosen

    Machine.template, Machine.host = template, host
    # By day the same every time, at night something else every time.
    machine = Machine if NIGHTLY else seed(number)(Machine)
    before = Session.commands
    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None,
            database=None,
            print_blob=True,
            max_examples=scaled(2, nightly=90),
            stateful_step_count=scaled(14, nightly=24),
            suppress_health_check=list(HealthCheck),
            phases=list(Phase) if NIGHTLY else [Phase.generate],
        ),
    )
    assert Session.commands - before >= scaled(10, nightly=800)
