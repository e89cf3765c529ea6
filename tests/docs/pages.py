"""The surroundings in which the blocks of each document run."""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fusion_emulator import Switches
from tests.docs.blocks import ROOT

__all__ = ["PAGES", "Page"]


@dataclass(frozen=True)
class Page:
    """What exists when the first block of a document runs.

    Attributes:
        project: A path of the repository, whose content is copied into the page's folder.
        stack: The stack of that project to make, if any.
        customers: The customers of the emulator: shortname and the fields of ``Emulator.seed``.
        switches: The switches of the emulator.
        role: The role of the key in NETOSECRET.
        environment: More variables; None removes one, such as NETOSECRET.
        links: Names in the page's folder that are links to paths of the repository.

    """

    project: str | None = None
    stack: str | None = None
    customers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    switches: Switches = field(default_factory=Switches)
    role: str = "admin"
    environment: Mapping[str, str | None] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


_GIT: Final = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "You"), ("EMAIL", "you@msp.example.com"))
}

_OUTSIDE: Final = {"NETOSECRET": None, "FUSION_API_URL": None}
"""Without the emulator of the test, for a page that starts its own."""

# A second virtual environment has what pip would download from the environment of the tests.
_NO_DOWNLOADS: Final = {
    "PYTHONPATH": sysconfig.get_path("purelib"),
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "REPOSITORY": f"file://localhost{ROOT}",  # pip accepts no URL of a file without a host
}

PAGES: Final[Mapping[str, Page]] = {
    "provider/docs/catalog-export.md": Page(
        customers={
            "acme-corp": {"retention": 90, "rollupRetention": 365},
            "harbor": {"retention": 7, "rollupRetention": 365, "trial": True},
            "lakeside": {"retention": 90, "rollupRetention": 365},
        },
    ),
    "provider/docs/emulator.md": Page(customers={"acme-corp": {}}),
    "provider/docs/emulator-tests.md": Page(environment=_OUTSIDE),
    "provider/docs/import-and-adopt.md": Page(
        stack="production",
        customers={
            "acme-corp": {"organization": "Acme Corporation", "retention": 90, "rollupRetention": 365},
            "other-corp": {"retention": 45, "rollupRetention": 90},
        },
    ),
    "provider/docs/masquerade.md": Page(customers={"acme-corp": {}}),
    "provider/docs/performance.md": Page(project="examples/quickstart", stack="dev", environment=_OUTSIDE),
    "provider/docs/rehearse-outages.md": Page(project="examples/quickstart", stack="rehearsal", environment=_OUTSIDE),
    "provider/docs/reports.md": Page(project="examples/quickstart", stack="dev"),
    "provider/docs/safety.md": Page(environment=_GIT, links={"examples": "examples"}),
    "provider/docs/service.md": Page(
        customers={"north-mssp": {"type": "reseller"}, "trial-co": {"parent": "north-mssp"}, "acme-corp": {}},
        role="readonly",
    ),
    "provider/docs/permissions.md": Page(
        project="examples/quickstart", stack="dev", customers={"north-mssp": {}}, role="readonly"
    ),
    "provider/docs/python-client.md": Page(customers={"acme-corp": {}}),
    "provider/docs/troubleshooting.md": Page(customers={"acme-corp": {}}),
    ".github/CONTRIBUTING.md": Page(links={"pulumi-fusion": "."}),
    "README.md": Page(environment=_NO_DOWNLOADS),
    "examples/gitops/kubernetes/README.md": Page(links={"project": "examples/gitops/kubernetes/project"}),
    "examples/masquerade/README.md": Page(project="examples/masquerade"),
    "examples/reseller-tree/README.md": Page(project="examples/reseller-tree"),
    "provider/docs/_index.md": Page(customers={"try-it-out": {"trial": True}}),
    "provider/docs/installation-configuration.md": Page(environment=_NO_DOWNLOADS),
}
"""By the path of the document in the repository; a document that isn't named here starts with an empty folder."""
