"""The project in the manifests for the Pulumi Kubernetes Operator, in the environment that they give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.stack import Ran, mutations
from tests.engine.workspace import Pod, image

PERSON = {"email": "mara.lindqvist@msp.example.com", "givenName": "Mara-Ingeborg", "familyName": "Lindqvist-Aho"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Cluster:
    """The pods of one namespace, with everything that they printed."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder
        self.secrets: Mapping[str, Mapping[str, str]] = {
            "fusion-credential": {"netosecret": emulator.netosecret},
            "fusion-credential-readonly": {"netosecret": emulator.key(role="readonly")},
            "pulumi-passphrase": {"passphrase": "of the cluster"},
            "first-admin": PERSON,
        }
        self.environ = {"FUSION_API_URL": emulator.url}
        self.printed: list[Ran] = []
        image(folder / "image")

    def pod(self, stack: str) -> Pod:
        return Pod(self.folder, stack, self.secrets, self.environ)

    def run(self, pod: Pod) -> Ran:
        self.printed.append(pod.run())
        return self.printed[-1]


@pytest.fixture
def cluster(tmp_path: Path, emulator: Emulator) -> Iterator[Cluster]:
    made = Cluster(tmp_path, emulator)
    before = contents(tmp_path / "image")
    yield made
    assert contents(tmp_path / "image") == before, "the root file system of a pod is read-only"


def test_the_stacks_of_the_kubernetes_example(cluster: Cluster, emulator: Emulator) -> None:
    top = cluster.pod("stack-top.yaml")
    top.pulumi("stack", "init", top.name).ok()
    top.configure()
    cluster.run(top).ok()
    accounts = {each.shortname: (each.type, each.retention) for each in emulator.accounts()}
    assert accounts == {"acme-corp": ("customer", 90), "harbor": ("reseller", 90)}
    assert [each.email for each in emulator.users("acme-corp")] == [PERSON["email"]]

    # At the next start of the pod the init container runs again; the configuration stays.
    configured = (top.workspace / "Pulumi.top.yaml").read_text()
    top.init()
    assert (top.workspace / "Pulumi.top.yaml").read_text() == configured

    # Drift: shown by a key that may only read, and not repaired.
    drift = cluster.pod("stack-top-drift.yaml")
    drift.configure()
    emulator.edit("acme-corp", retention=45)
    emulator.requests.clear()
    found = cluster.run(drift)
    assert found.code == 7, found.text
    assert "dataRetention: 45 => 90" in " ".join(found.text.split()).replace("dataRetention :", "dataRetention:")
    assert "no changes were expected" in found.text
    # Without its configuration the program fails; no value becomes another one.
    (drift.workspace / "Pulumi.top.yaml").unlink()
    assert "fusion-customers:email" in cluster.run(drift).failed().text
    assert mutations(emulator.requests) == []

    # The customers of the reseller, in its account.
    harbor = cluster.pod("stack-harbor.yaml")
    harbor.pulumi("stack", "init", harbor.name).ok()
    harbor.configure()
    cluster.run(harbor).ok()
    by_id = {each.id: each.shortname for each in emulator.accounts()}
    below = {each.shortname for each in emulator.accounts() if by_id.get(each.parent or "") == "harbor"}
    assert below == {"harbor-north", "harbor-south"}

    # Even with the protection lowered, no run deletes a customer until the Stack allows how many.
    catalog = harbor.workspace / "customers/harbor.yaml"
    catalog.write_text(catalog.read_text().replace("  type: SLG", "  type: SLG\n  deletion_protection: false"))
    cluster.run(harbor).ok()
    destroy = ("destroy", "--yes", "--skip-preview", "--stack", harbor.name)
    assert "FUSION_MAX_DELETES" in harbor.pulumi(*destroy).failed().text
    assert len(emulator.accounts()) == 4
    harbor.environ = {**harbor.environ, "FUSION_MAX_DELETES": "2"}
    harbor.pulumi(*destroy).ok()
    assert {each.shortname for each in emulator.accounts()} == {"acme-corp", "harbor"}

    shown = "".join(each.text for each in cluster.printed)
    kept = "".join(path.read_text() for path in (cluster.folder / "state").rglob("*.json"))
    assert "acme-corp" in shown
    assert "acme-corp" in kept
    for secret in [
        *PERSON.values(),
        *(cluster.secrets[f"fusion-credential{each}"]["netosecret"] for each in ("", "-readonly")),
    ]:
        assert secret not in shown
        assert secret not in kept


def test_a_customer_of_a_killed_run_is_adopted(cluster: Cluster, emulator: Emulator) -> None:
    """The customer exists, and the state doesn't have it."""
    emulator.seed("acme-corp", retention=90, rollupRetention=365, fps=10000)
    top = cluster.pod("stack-top.yaml")
    top.pulumi("stack", "init", top.name).ok()
    top.configure()
    refused = cluster.run(top).failed().text
    account = emulator.account("acme-corp")
    assert account is not None
    assert "is taken by a customer that exists already" in refused
    assert account.id in refused
    assert emulator.netosecret not in refused

    catalog = top.workspace / "customers/top.yaml"
    catalog.write_text(catalog.read_text().replace("    type: SLG\n", f"    type: SLG\n    adopt: {account.id}\n"))
    cluster.run(top).ok()
    assert [each.id for each in emulator.accounts() if each.shortname == "acme-corp"] == [account.id]
