"""A pod of the Pulumi Kubernetes Operator, without a cluster: its folders, its environment, its commands.

It follows a Stack of examples/gitops/kubernetes. Absolute paths of the pod become paths in a folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engine.stack import Ran, engine_environment
from tests.kubernetes import PROJECT, image_variables, manifest


def image(folder: Path) -> None:
    """Make the folders of the image that a pod copies."""
    shutil.copytree(PROJECT, folder / "srv/fusion/project", ignore=shutil.ignore_patterns("__pycache__"))
    # What `pulumi-fusion plugin install` writes there isn't used by a Python program.
    (folder / "home/pulumi/.pulumi/plugins").mkdir(parents=True)


@dataclass
class Pod:
    """The pod of a Stack.

    Args:
        folder: Has the image, the volume of the state, and the volumes of each pod.
        stack: The manifest.
        secrets: The content of each Secret, by its name.
        environ: More variables.
    """

    folder: Path
    stack: str
    secrets: Mapping[str, Mapping[str, str]]
    environ: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spec = manifest(self.stack)["spec"]
        self.pod = self.spec["workspaceTemplate"]["spec"]["podTemplate"]["spec"]
        self.name = self.spec["stack"]
        self.own = self.folder / "pods" / self.stack.removesuffix(".yaml")
        (self.folder / "state").mkdir(exist_ok=True)
        for volume in ("share", "tmp"):
            (self.own / volume).mkdir(parents=True, exist_ok=True)
        self.init()

    @property
    def workspace(self) -> Path:
        """The project, and the working directory of the operator's agent."""
        return self.own / "share/workspace"

    def path(self, text: str) -> str:
        """Return the text with paths of this machine instead of those of the pod."""
        roots = {
            "/share": self.own / "share",
            "/tmp": self.own / "tmp",  # noqa: S108 (a path in the pod)
            "/state": self.folder / "state",
            "/srv": self.folder / "image/srv",
            "/home": self.folder / "image/home",
            "/opt/fusion": sys.prefix,
        }
        # At the start of a path: of a word, after the scheme of a url, or after the separator of a list.
        return re.sub(r"(?<![\w.])(/[a-z]+(?:/fusion(?=/bin))?)", lambda at: str(roots.get(at[1], at[1])), text)

    def init(self) -> None:
        """Run the commands of the init containers, as at each start of the pod."""
        for container in self.pod["initContainers"]:
            command = [self.path(each) for each in container["command"]]
            subprocess.run(command, check=True, env={"PATH": "/usr/bin:/bin"}, cwd=self.folder)

    def environment(self) -> dict[str, str]:
        """Return the variables of the image, of the Stack and of the container; and what this machine needs."""
        engine = os.environ["PULUMI_FUSION_ENGINE"]
        variables = image_variables()
        variables |= {name: self._value(reference) for name, reference in self.spec["envRefs"].items()}
        [container] = self.pod["containers"]
        variables |= {each["name"]: each["value"] for each in container["env"]}
        variables |= {"HOME": "/home/pulumi", "TMPDIR": "/tmp", "PULUMI_BACKEND_URL": self.spec["backend"]}  # noqa: S108
        machine = engine_environment(self.folder)
        kept = ("PYTHONPATH", "PACKAGES_OF_THE_TESTS", "PIP_DISABLE_PIP_VERSION_CHECK", "PULUMI_SKIP_UPDATE_CHECK")
        mapped = {name: self.path(value) for name, value in variables.items()}
        return {
            **mapped,
            "PATH": mapped["PATH"].replace("$PATH", f"{engine}:/usr/bin:/bin"),
            **{name: machine[name] for name in kept},
            **self.environ,
        }

    def pulumi(self, *arguments: str) -> Ran:
        """Run a command, as the agent does or `kubectl exec`."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.workspace,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def configure(self) -> None:
        """Set the configuration, as the operator does once for each pod."""
        secrets = [f"{name}={self._value(reference)}" for name, reference in self.spec["secretsRef"].items()]
        self.pulumi(
            "config", "set-all", "--stack", self.name, *[a for each in secrets for a in ("--secret", each)]
        ).ok()

    def run(self) -> Ran:
        """Run what the operator does at each reconciliation."""
        only_preview = self.spec.get("preview", False)
        arguments = ["preview"] if only_preview else ["up", "--yes", "--skip-preview"]
        if self.spec["refresh"]:
            arguments.append("--refresh")
        if self.spec.get("updateTemplate", {}).get("spec", {}).get("expectNoChanges"):
            arguments.append("--expect-no-changes")
        return self.pulumi(*arguments, "--diff", "--stack", self.name)

    def _value(self, reference: Any) -> str:
        if reference["type"] == "Literal":
            return str(reference["literal"]["value"])
        assert reference["type"] == "Secret"
        return self.secrets[reference["secret"]["name"]][reference["secret"]["key"]]
