"""The part, its lock, and the name that a file gets when it is whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from httpx_resilient._transfers.download import files
from httpx_resilient._transfers.download import part as module
from httpx_resilient._transfers.download.files import try_lock, write_all
from httpx_resilient._transfers.download.part import Part
from httpx_resilient._transfers.download.sidecar import Saved
from httpx_resilient._transfers.download.target import (
    check_target,
    place,
    sync_directory,
)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "file"


def names(target: Path) -> list[str]:
    return sorted(each.name for each in target.parent.iterdir())


def filled(target: Path, content: bytes = b"hello") -> Part:
    part = Part(target, "url", overwrite=False)
    part.begin(Saved(etag='"a"'))
    with part.writer(0) as file:
        file.write(content)
    return part


class TestTargets:
    def test_a_file_that_is_there_is_replaced_only_if_that_is_wanted(
        self, target: Path
    ) -> None:
        check_target(target, overwrite=False)
        target.write_bytes(b"old")
        check_target(target, overwrite=True)
        with pytest.raises(FileExistsError, match="give overwrite=True"):
            check_target(target, overwrite=False)

    def test_a_directory_a_pipe_and_a_missing_directory_are_refused(
        self, target: Path
    ) -> None:
        with pytest.raises(IsADirectoryError, match="name of the file"):
            check_target(target.parent, overwrite=True)
        with pytest.raises(FileNotFoundError, match="make it first"):
            check_target(target / "deeper", overwrite=True)
        os.mkfifo(target)
        with pytest.raises(OSError, match=r"client\.stream"):
            check_target(target, overwrite=True)

    def test_a_directory_without_permission_is_refused(
        self, target: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(os, "access", lambda *_: False)
        with pytest.raises(PermissionError, match="permissions forbid it"):
            check_target(target, overwrite=False)

    def test_a_file_that_appears_meanwhile_is_not_replaced(self, target: Path) -> None:
        part = filled(target)
        target.write_bytes(b"other")
        with pytest.raises(FileExistsError):
            part.finish()
        part.close()
        assert target.read_bytes() == b"other"
        assert names(target) == ["file", "file.part", "file.part.json"]

    @pytest.mark.parametrize("is_there", [False, True])
    def test_a_file_system_without_links_renames(
        self, target: Path, monkeypatch: Any, is_there: bool
    ) -> None:
        def fail(*_: Any) -> None:
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr(Path, "hardlink_to", fail)
        part = target.with_name("part")
        part.write_bytes(b"new")
        if is_there:
            target.write_bytes(b"old")
            with pytest.raises(FileExistsError):
                place(part, target, overwrite=False)
        else:
            place(part, target, overwrite=False)
        assert target.read_bytes() == (b"old" if is_there else b"new")

    def test_a_file_that_is_replaced_keeps_its_permissions(self, target: Path) -> None:
        target.write_bytes(b"old")
        target.chmod(0o640)
        new = target.with_name("new")
        new.write_bytes(b"new")
        place(new, target, overwrite=True)
        assert target.read_bytes() == b"new"
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
        other = target.with_name("other")
        target.replace(other)
        place(other, target, overwrite=True)
        assert names(target) == ["file"]

    def test_a_directory_that_cannot_be_opened_is_not_synced(
        self, target: Path
    ) -> None:
        sync_directory(target / "none")


class TestParts:
    def test_one_that_is_whole_gets_its_name_and_nothing_else_stays(
        self, target: Path
    ) -> None:
        part = filled(target)
        part.finish()
        part.close()
        assert target.read_bytes() == b"hello"
        assert names(target) == ["file"]

    def test_an_empty_one_does_not_stay(self, target: Path) -> None:
        Part(target, "url", overwrite=False).close()
        assert names(target) == []

    def test_what_has_arrived_is_found_by_the_next_one(self, target: Path) -> None:
        filled(target).close()
        part = Part(target, "url", overwrite=False)
        assert part.saved is not None
        assert (part.saved.etag, part.done) == ('"a"', ((0, 5),))
        part.close()
        other = Part(target, "another url", overwrite=False)
        assert (other.saved, other.done) == (None, ())
        other.close()

    def test_a_second_process_is_told_to_wait(self, target: Path) -> None:
        first = filled(target)
        with pytest.raises(BlockingIOError, match="another process"):
            Part(target, "url", overwrite=False)
        first.close()
        Part(target, "url", overwrite=False).close()

    def test_a_part_of_another_program_is_not_touched(self, target: Path) -> None:
        foreign = target.with_name("file.part")
        foreign.write_bytes(b"of a browser")
        with pytest.raises(FileExistsError, match="not of this library"):
            Part(target, "url", overwrite=False)
        assert foreign.read_bytes() == b"of a browser"
        Part(target, "url", overwrite=True).close()

    @pytest.mark.parametrize("kind", ["link", "pipe"])
    def test_a_link_or_a_pipe_with_the_name_of_the_part_is_not_followed(
        self, target: Path, kind: str
    ) -> None:
        path, victim = target.with_name("file.part"), target.with_name("victim")
        victim.write_bytes(b"precious")
        path.symlink_to(victim) if kind == "link" else os.mkfifo(path)
        with pytest.raises(OSError, match=r"file\.part"):
            Part(target, "url", overwrite=True)
        assert victim.read_bytes() == b"precious"

    def test_one_that_is_the_target_too_is_made_anew(self, target: Path) -> None:
        """A process was killed between the two steps that give a file its name."""
        part = filled(target)
        part.close()
        target.hardlink_to(part.path)
        again = Part(target, "url", overwrite=True)
        again.begin(Saved())
        again.close()
        assert target.read_bytes() == b"hello"

    @pytest.mark.parametrize("how", ["gone", "another"])
    def test_one_that_another_process_has_just_finished_is_opened_again(
        self, target: Path, monkeypatch: Any, how: str
    ) -> None:
        calls: list[int] = []

        def lock(descriptor: int) -> bool:
            calls.append(descriptor)
            if len(calls) == 1:
                path = target.with_name("file.part")
                path.rename(target.with_name("moved"))
                if how == "another":
                    path.touch()
            return True

        monkeypatch.setattr(module, "try_lock", lock)
        part = Part(target, "url", overwrite=False)
        assert len(calls) == 2
        part.close()

    def test_on_windows_it_is_closed_before_it_gets_another_name(
        self, target: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(module, "_IS_WINDOWS", True)
        part = filled(target)
        part.finish()
        part.close()
        assert names(target) == ["file"]
        other = filled(target.with_name("other"))
        other.discard()
        other.close()
        assert names(target) == ["file"]

    def test_a_sidecar_that_cannot_be_read_releases_the_lock(
        self, target: Path, monkeypatch: Any
    ) -> None:
        filled(target).close()
        with monkeypatch.context() as patched:
            patched.setattr(module.sidecar, "read", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                Part(target, "url", overwrite=False)
        Part(target, "url", overwrite=False).close()

    def test_a_system_or_a_file_system_without_locks_has_none(
        self, target: Path, monkeypatch: Any
    ) -> None:
        def fail(*_: Any) -> Any:
            raise OSError(37, "No locks available")

        monkeypatch.setattr("fcntl.flock", fail)
        assert try_lock(0)

        def missing(_: str) -> Any:
            raise ImportError

        monkeypatch.setattr(files, "import_module", missing)
        assert try_lock(0)

    @pytest.mark.parametrize("chunks", [[b"hello"], [b"he", b"llo"], [b"h"] * 2000])
    @pytest.mark.parametrize("most", [1, 3, 10_000])
    def test_a_write_that_takes_a_part_goes_on(
        self, target: Path, monkeypatch: Any, chunks: list[bytes], most: int
    ) -> None:
        writev = os.writev

        class Short:
            def __init__(self, file: Any) -> None:
                self.file = file

            def write(self, data: Any) -> int:
                return int(self.file.write(data[:most]))

            def fileno(self) -> int:
                return int(self.file.fileno())

        monkeypatch.setattr(
            os, "writev", lambda to, some: writev(to, [b"".join(some)[:most]])
        )
        with target.open("wb", buffering=0) as file:
            write_all(Short(file), chunks)  # type: ignore[arg-type]
        assert target.read_bytes() == b"".join(chunks)
