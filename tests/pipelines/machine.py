"""What a job of both hosts runs on: a folder, programs, and a shell.

Nothing is downloaded. ``python -m venv`` makes an environment whose programs are those of the tests. Its pip and uv
install nothing; pip requires the arguments that the pipelines and the README pass.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.engine.stack import engine_environment

__all__ = ["PERSON", "Machine", "Shell", "git"]

BIN: Final = Path(sys.executable).parent
SECONDS: Final = 300

PERSON: Final = {
    "GIT_AUTHOR_NAME": "Team",
    "GIT_AUTHOR_EMAIL": "team@msp.example.com",
    "GIT_COMMITTER_NAME": "Team",
    "GIT_COMMITTER_EMAIL": "team@msp.example.com",
}
"""The variables by which git names the author of a commit."""

_PYTHON: Final = """\
#!/bin/bash
if [[ "$1 $2" != "-m venv" ]]; then exec {bin}/python "$@"; fi
mkdir -p "$3/bin"
for name in python pulumi-fusion; do
  printf '#!/bin/bash\\nexec {bin}/%s "$@"\\n' $name > "$3/bin/$name"
done
cat > "$3/bin/pip" <<'END'
#!/bin/bash
case "$*" in
  "install --quiet uv")
    printf '#!/bin/bash\\ncp requirements.in requirements.txt\\n' > venv/bin/uv && chmod +x venv/bin/uv ;;
  "wheel --quiet --no-deps --wheel-dir wheels ../pulumi-fusion")
    [[ -e ../pulumi-fusion/pyproject.toml ]] && mkdir wheels && touch wheels/pulumi_fusion-0.1.0-py3-none-any.whl ;;
  "install --quiet --requirement requirements.txt")
    grep -qx ./wheels/pulumi_fusion-0.1.0-py3-none-any.whl requirements.txt && [[ -e wheels ]] ;;
  *) exit 1 ;;
esac
END
echo "PATH=$PWD/$3/bin:\\$PATH" > "$3/bin/activate"
chmod +x "$3/bin/"*
"""


@dataclass(frozen=True)
class Shell:
    """How a script ended: exit code, and what it printed on stdout and stderr."""

    code: int
    text: str


class Machine:
    """A runner.

    Args:
        folder: Holds the programs and the home of the runner.
        environ: The variables of the runner: what reaches the emulator instead of the service.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.log: list[str] = []
        """What all scripts printed."""
        for name, directory in (("python", "python"), ("python3", "python"), ("pulumi", "pulumi")):
            (folder / directory).mkdir(parents=True, exist_ok=True)
            if directory == "python":
                self.program(directory, name, _PYTHON.format(bin=BIN))
        for each in Path(os.environ["PULUMI_FUSION_ENGINE"]).iterdir():
            (folder / "pulumi" / each.name).symlink_to(each)
        kept = engine_environment(folder)
        for name in ("PATH", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
            del kept[name]
        self._environ = {**kept, **environ}

    def program(self, directory: str, name: str, text: str) -> None:
        """Write an executable to one of the folders that ``run`` adds to PATH."""
        file = self.folder / directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def run(self, script: str, folder: Path, environ: Mapping[str, str], programs: tuple[str, ...] = ()) -> Shell:
        """Run a script in bash with the options of the hosts; ``programs`` are folders before the system's on PATH."""
        path = ":".join([*(str(self.folder / each) for each in programs), "/usr/bin", "/bin"])
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=folder,
            env={**self._environ, "PATH": path, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self.log.append(ended.stdout)
        return Shell(ended.returncode, ended.stdout)


def git(folder: Path, *arguments: str) -> str:
    """Run a git command as a person of the team, and return what it printed."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **PERSON}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()
