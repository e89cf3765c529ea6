"""Run each command under each role of the emulator, and keep what it needed and how it ended.

python -m tests.permissions      in the environment of tests/run: writes outcomes.json and the page
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from fusion_emulator.roles import ROLES, Role
from tests.permissions.commands import Command
from tests.permissions.scenario import MASQUERADE, Scenario, refusal, scenario

__all__ = ["FILE", "PARTLY", "WORKS", "Outcomes", "Row", "as_json", "recorded", "run"]

FILE: Final = Path(__file__).with_name("outcomes.json")

WORKS: Final = "works"
PARTLY: Final = "partly: "


@dataclass(frozen=True)
class Row:
    """How a command ended.

    Args:
        needs: The rights that the service required of a role that has all of them.
        outcomes: By role ``works``, or the request that was refused, after ``partly: `` if the command went on.
    """

    needs: tuple[str, ...]
    outcomes: Mapping[str, str]


Outcomes: TypeAlias = Mapping[str, Row]


def run(folder: Path, commands: Sequence[Command]) -> Outcomes:
    """Run the commands under each role and return the rows by the keys of the commands."""
    with scenario(folder) as made:
        return {command.key: _row(made, command) for command in commands}


def _row(made: Scenario, command: Command) -> Row:
    """Return the row of a command. Roles whose rights to what it needs are the same share one run."""
    needs, outcome = _run(made, command, "admin")
    known = {_rights(ROLES["admin"], needs): outcome}
    outcomes = {}
    for name, role in ROLES.items():
        rights = _rights(role, needs)
        if rights not in known:
            asked, known[rights] = _run(made, command, name)
            assert asked <= needs, f"{command.key}: {name} needs {asked - needs}, which admin doesn't"
        outcomes[name] = known[rights]
    return Row(tuple(sorted(needs)), outcomes)


def _rights(role: Role, needs: set[str]) -> frozenset[str]:
    """Return which of the rights a role has."""
    return frozenset(need for need in needs if _has(role, need))


def _has(role: Role, need: str) -> bool:
    if need == MASQUERADE:
        return role.can_masquerade
    resource, _, action = need.partition(": ")
    # As Role.may, whose action is one of four texts.
    return action[0] in role.rights.get(resource, "")


def _run(made: Scenario, command: Command, role: str) -> tuple[set[str], str]:
    made.start(role)
    ran = command.run(made)
    seen = made.observed()
    refused = refusal(seen.requests)
    assert (ran.code == 0) or refused, f"{command.key} as {role} failed for another reason: {ran.text}"
    if refused is None:
        return seen.rights, WORKS
    return seen.rights, f"{PARTLY}{refused}" if ran.code == 0 else refused


def as_json(outcomes: Outcomes) -> str:
    """Return the text of the file."""
    rows = {key: {"needs": row.needs, "outcomes": dict(row.outcomes)} for key, row in outcomes.items()}
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def recorded() -> Outcomes:
    """Return what the last run wrote."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    return {key: Row(tuple(row["needs"]), row["outcomes"]) for key, row in rows.items()}
