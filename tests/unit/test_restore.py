"""The script .ci/engine/restore: which states of a file backend it replaces, and which it doesn't change."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Damage = Callable[[Path], None]
RESTORE = Path(__file__).resolve().parents[2] / ".ci" / "engine" / "restore"

OLD, NEWER, NEWEST = (
    b'{"version": 3, "checkpoint": {"latest": "%s"}}' % name for name in (b"old", b"newer", b"newest")
)


@pytest.fixture(params=["", ".gz"])
def state(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A valid state with the copies that the engine makes, plain and compressed."""
    state = tmp_path / ".pulumi" / "stacks" / "onboarding" / f"dev.json{request.param}"
    backups = tmp_path / ".pulumi" / "backups" / "onboarding" / "dev"
    backups.mkdir(parents=True)
    state.parent.mkdir(parents=True)
    write(state, NEWEST)
    write(state.with_name(f"{state.name}.bak"), NEWER)
    write(backups / f"dev.1795784323391867661.json{request.param}", b'{"version": 3}')
    write(backups / f"dev.1795784327105470596.json{request.param}", OLD)
    return state


def write(file: Path, content: bytes) -> None:
    file.write_bytes(gzip.compress(content) if ".gz" in file.suffixes else content)
    file.with_name(f"{file.name}.attrs").write_text('{"user.cache_control":"","md5":"uGyC"}\n')


def read(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if ".gz" in file.suffixes else file.read_bytes()


def files(folder: Path) -> dict[Path, bytes]:
    return {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def restore(backend: Path) -> str:
    """Run the script and return its output."""
    return subprocess.run([RESTORE, backend], capture_output=True, text=True, check=True).stderr


def test_a_readable_backend_is_not_changed(tmp_path: Path, state: Path) -> None:
    before = files(tmp_path)
    assert restore(tmp_path) == ""
    assert files(tmp_path) == before


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def zeros(file: Path) -> None:
    """Content of files on some file systems after a power failure."""
    file.write_bytes(bytes(file.stat().st_size))


@pytest.mark.parametrize("damage", [cut, empty, zeros])
class TestDamage:
    def test_an_empty_attributes_file_is_removed_and_the_state_kept(
        self, tmp_path: Path, state: Path, damage: Damage
    ) -> None:
        attributes = state.with_name(f"{state.name}.attrs")
        damage(attributes)
        assert str(attributes) in restore(tmp_path)
        assert not attributes.exists()
        assert read(state) == NEWEST

    def test_an_unreadable_state_is_replaced_by_the_copy_before_the_last_write(
        self, tmp_path: Path, state: Path, damage: Damage
    ) -> None:
        damage(state)
        damaged = state.read_bytes()
        assert str(state) in restore(tmp_path)
        assert read(state) == NEWER
        assert state.with_name(f"{state.name}.unreadable").read_bytes() == damaged

    def test_an_unreadable_state_and_copy_are_replaced_by_the_last_backup(
        self, tmp_path: Path, state: Path, damage: Damage
    ) -> None:
        damage(state)
        damage(state.with_name(f"{state.name}.bak"))
        restore(tmp_path)
        assert read(state) == OLD

    def test_an_unreadable_state_without_a_copy_is_renamed(self, tmp_path: Path, state: Path, damage: Damage) -> None:
        """Then the stack can be created again, and the error about each existing customer has its id."""
        for each in files(tmp_path):
            if each != state:
                each.unlink()
        damage(state)
        assert "has no copy" in restore(tmp_path)
        assert [each.name for each in files(tmp_path)] == [f"{state.name}.unreadable"]


def test_a_state_without_read_permission_is_not_changed(tmp_path: Path) -> None:
    """A file that can't be opened may be valid."""
    state = tmp_path / ".pulumi" / "stacks" / "dev.json"
    state.mkdir(parents=True)  # as root, no permission would keep the script from reading
    done = subprocess.run([RESTORE, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert str(state) in done.stderr
    assert "Traceback" not in done.stderr
    assert state.is_dir()


def test_a_state_in_zstd_is_not_changed(tmp_path: Path) -> None:
    state = tmp_path / ".pulumi" / "stacks" / "dev.json.zst"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"\x28\xb5\x2f\xfd rest")
    assert restore(tmp_path) == ""
    assert state.read_bytes() == b"\x28\xb5\x2f\xfd rest"


def test_a_backend_without_stacks_is_not_changed(tmp_path: Path) -> None:
    assert restore(tmp_path) == ""
