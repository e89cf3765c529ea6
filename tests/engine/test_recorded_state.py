"""A state that commit 6555204 wrote works with this version: `pulumi stack import`, preview, refresh, destroy.

``recorded_state`` has for each frontend the program, and a JSON file with what it declared and the state that the real
CLI exported. A newer emulator plays the service, with the customers under the ids of the state; its address and
credential replace the placeholders. Secret fields are encrypted with an empty passphrase.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import Stack, mutations

RECORDED = Path(__file__).parent / "recorded_state"

FIELDS = {
    "organization": "organization",
    "retention": "dataRetention",
    "rollupRetention": "rollupRetention",
    "fps": "contractualFlowsPerSecond",
}
"""The fields of the create body whose values are those of the state's inputs."""


def customers_of(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the customers in the exported state, in the order in which they got their ports."""
    resources = state["deployment"]["resources"]
    found = [resource["outputs"] for resource in resources if resource["type"].endswith("Customer")]
    return sorted(found, key=lambda outputs: int(outputs["ingestPort"]))


def known(outputs: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs without the secret one, which is encrypted in the recorded state."""
    return {key: value for key, value in outputs.items() if key != "email"}


@contextmanager
def emulator_with(customers: list[dict[str, Any]], file: Path) -> Iterator[Emulator]:
    """Yield an emulator that has the customers under their ids."""
    ids = {}
    with Emulator(state=file) as emulator:
        for outputs in customers:
            api_type = "reseller" if outputs.get("multiAccount") else "customer"
            fields = {name: outputs[key] for name, key in FIELDS.items() if key in outputs}
            trial = outputs["status"] == "Trial Active"
            seeded = emulator.seed(outputs["shortname"], type=api_type, trial=trial, **fields)
            ids[seeded.id] = outputs["customerId"]
    text = file.read_text()
    for seeded_id, recorded_id in ids.items():
        text = text.replace(seeded_id, recorded_id)
    file.write_text(text)
    with Emulator(state=file) as emulator:
        yield emulator


@pytest.mark.parametrize("name", FRONTENDS)
def test_a_state_of_commit_6555204_works(name: str, tmp_path: Path) -> None:
    recorded = (RECORDED / f"{name}.json").read_text()
    customers = customers_of(json.loads(recorded)["state"])
    with emulator_with(customers, tmp_path / "emulator.json") as emulator:
        text = recorded.replace("@API_URL@", emulator.url).replace("@NETOSECRET@", emulator.netosecret)
        program = (RECORDED / f"{name}.py").read_text()
        stack = Stack(
            tmp_path / "stack", program=program, kind=Frontend(name).type.removeprefix("pulumi-python:dynamic/")
        )
        stack.pulumi("config", "set", "--secret", "fusion:netosecret", emulator.netosecret).ok()
        stack.pulumi("config", "set", "fusion:apiUrl", emulator.url).ok()
        stack.declare(json.loads(text)["customers"])
        (tmp_path / "state.json").write_text(json.dumps(json.loads(text)["state"]))
        stack.pulumi("stack", "import", "--file", str(tmp_path / "state.json")).ok()

        stack.pulumi("preview", "--expect-no-changes").ok()
        stack.refresh("--expect-no-changes").ok()
        assert mutations(emulator.requests) == []
        shown = json.loads(stack.pulumi("stack", "export", "--show-secrets").ok().stdout)
        assert [known(outputs) for outputs in customers_of(shown)] == [known(outputs) for outputs in customers]
        stack.destroy().ok()
        assert emulator.accounts() == ()
        assert len([each for each in mutations(emulator.requests) if each.startswith("DELETE")]) == len(customers) == 3
