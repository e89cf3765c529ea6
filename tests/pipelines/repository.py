"""The repository of a team, made by the commands of examples/gitops/README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.docs.blocks import ROOT, blocks
from tests.pipelines.machine import PERSON, Machine, git

__all__ = ["Repository"]

README: Final = ROOT / "examples" / "gitops" / "README.md"


class Repository:
    """A clone in which the team works, and the repository of the host that it pushes to.

    Args:
        folder: Where both are made.
        machine: Runs the commands of the README.
        host: ``github`` or ``gitlab``; the blocks of the other one aren't run.
        environ: The backend and the passphrase of the stack.
    """

    def __init__(self, folder: Path, machine: Machine, host: str, environ: dict[str, str]) -> None:
        self.origin = folder / "origin.git"
        folder.mkdir()
        git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", str(self.origin))
        (folder / "pulumi-fusion").symlink_to(ROOT)
        script = "\n".join(_commands(host))
        made = machine.run(
            script,
            folder,
            {**environ, **PERSON, "ORIGIN": str(self.origin)},
            ("python", "pulumi"),
        )
        assert made.code == 0, made.text
        self.clone = folder / "fusion-customers"

    @property
    def main(self) -> str:
        """The commit of main."""
        return git(self.origin, "rev-parse", "main")

    def propose(self, branch: str, edit: dict[str, str], *, files: dict[str, str] | None = None) -> str:
        """Push a branch in which texts of customers.yaml are replaced, and return its commit."""
        if git(self.clone, "branch", "--list", branch):
            git(self.clone, "switch", "--quiet", branch)
        else:
            git(self.clone, "switch", "--quiet", "--create", branch, "main")
        catalog = self.clone / "customers.yaml"
        text = catalog.read_text()
        for old, new in edit.items():
            assert old in text
            text = text.replace(old, new)
        catalog.write_text(text)
        for name, content in (files or {}).items():
            (self.clone / name).parent.mkdir(exist_ok=True)
            (self.clone / name).write_text(content)
            git(self.clone, "add", name)
        git(self.clone, "commit", "--quiet", "--all", "--message", f"Change customers: {branch}")
        git(self.clone, "push", "--quiet", "origin", branch)
        return git(self.clone, "rev-parse", "HEAD")

    def merge(self, branch: str) -> str:
        """Merge the branch into main by a merge commit, and return that."""
        git(self.clone, "switch", "--quiet", "main")
        git(self.clone, "merge", "--quiet", "--no-ff", "--message", f"Merge {branch}", branch)
        git(self.clone, "push", "--quiet", "origin", "main")
        return self.main

    def checkout(self, commit: str, folder: Path, *, remote: bool) -> None:
        """Clone all branches into the folder and check out a commit; without ``remote`` the clone can't fetch later."""
        git(self.origin, "clone", "--quiet", "--no-checkout", str(self.origin), str(folder))
        git(folder, "checkout", "--quiet", "--detach", commit if commit != "main" else "origin/main")
        if not remote:
            git(folder, "remote", "set-url", "origin", "https://github.invalid/no/credential")


def _commands(host: str) -> list[str]:
    """Return the shell blocks of the README, without those that are only for GitHub if the host is another one."""
    commands = [each.text for each in blocks(README) if each.language == "sh"]
    return [each for each in commands if host == "github" or ".github" not in each]
