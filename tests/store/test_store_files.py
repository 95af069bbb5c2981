"""Files are whole or not there; ids cannot leave the folder."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from dscale_core.errors import NotFoundError, StoreError
from dscale_core.store import Store, files


def test_write_returns_the_checksum_and_leaves_nothing_else(tmp_path: Path) -> None:
    digest = files.write_file(tmp_path / "deep" / "a.bin", lambda file: file.write(b"content"))
    assert digest == hashlib.sha256(b"content").hexdigest()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.bin"]


def test_failed_write_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half of the n")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreError, match="disk is full: free some space"):
        files.write_file(path, fail)
    assert path.read_bytes() == b"old"
    assert [left.name for left in tmp_path.iterdir()] == ["a.bin"]


def test_disk_that_fills_up_while_syncing_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="finished chunks are kept"):
        files.save_array(tmp_path / "a.npy", np.zeros(3))
    assert list(tmp_path.iterdir()) == []


def test_sync_comes_before_rename_and_sync_of_the_folder_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    sync, rename = os.fsync, os.replace

    def fsync(handle: int) -> None:
        order.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")
        sync(handle)

    def replace(source: Path, target: Path) -> None:
        order.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    files.write_file(tmp_path / "a.bin", lambda file: file.write(b"x"))
    assert order == ["file", "rename", "folder"]


def test_nothing_is_pickled(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}], dtype=object)
    with pytest.raises(ValueError, match="allow_pickle"):
        files.save_array(tmp_path / "a.npy", objects)
    with pytest.raises(StoreError, match="nothing is pickled"):
        files.save_arrays(tmp_path / "a.npz", {"a": objects})
    np.save(tmp_path / "b.npy", objects, allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        files.load_array(tmp_path / "b.npy", files.sha256_of(tmp_path / "b.npy"))


def test_arrays_come_back_and_damage_is_seen(tmp_path: Path) -> None:
    path, arrays = tmp_path / "a.npz", {"a": np.arange(5.0), "b": np.array(["ok", "no_signal"])}
    digest = files.save_arrays(path, arrays)
    back = files.load_arrays(path, digest)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match="does not match its checksum"):
        files.load_arrays(path, digest)


@pytest.mark.parametrize(
    "bad", ["../../etc/passwd", "..", ".", "", "a/b", "a\\b", "/abs", "a\0b", "a b", "-x", "é", "a" * 81, "ab\n"]
)
def test_ids_that_could_leave_the_folder_are_refused_everywhere(store: Store, bad: str) -> None:
    calls = [
        lambda: files.check_id(bad, "study"),
        lambda: store.studies.get(bad),
        lambda: store.studies.delete(bad),
        lambda: store.studies.load_selection("abc", bad),
        lambda: store.datasets.load(bad),
        lambda: store.fits._path("abc", bad),
        lambda: store.jobs.list(bad),
    ]
    for call in calls:
        with pytest.raises(NotFoundError):
            call()


def test_new_ids_are_safe_and_differ() -> None:
    made = {files.new_id() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch("[0-9a-f]{12}", value) for value in made)


def test_cache_folder_follows_the_argument_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DSCALE_CACHE", raising=False)
    assert files.cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("DSCALE_CACHE", str(tmp_path / "elsewhere"))
    assert files.cache_folder() == tmp_path / "elsewhere"
    assert files.cache_folder("given") == tmp_path / "given"
