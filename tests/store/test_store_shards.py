"""A shard counts if and only if it is registered; nothing is counted twice; damage is set aside and reported."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dscale_core.errors import StoreError
from dscale_core.store import Store
from dscale_core.store.files import save_array
from dscale_core.store.records import SampleSet
from dscale_core.types import Draws

Chunk = Callable[[int, int], Draws]


def _files(store: Store, samples: SampleSet, suffix: str = ".npy") -> list[Path]:
    return sorted(store.shards._folder(samples).glob(f"*{suffix}"))


def test_chunks_come_back_in_coalition_order(store: Store, samples: SampleSet, chunk: Chunk) -> None:
    for start, stop in ((20, 25), (0, 7), (7, 20)):
        assert store.shards.add(samples, start, stop, chunk(start, stop))
    read, whole = store.shards.read(samples, 7), chunk(0, 25)
    assert read.delta.dtype == np.float32
    for name in ("delta", "sizes", "passes", "base_loss"):
        np.testing.assert_array_equal(getattr(read, name), getattr(whole, name))
    assert [(shard.start, shard.stop) for shard in store.shards.registered(samples)] == [(0, 7), (7, 20), (20, 25)]
    assert store.shards.n_done(samples) == 25
    assert read.coalitions.tolist() == list(range(25))
    assert read.damage == ()


def test_an_empty_set_reads_as_no_rows(store: Store, samples: SampleSet) -> None:
    read = store.shards.read(samples, 7)
    assert read.delta.shape == (0, 7)
    assert read.sizes.size == store.shards.n_done(samples) == 0


@pytest.mark.parametrize("span", [(5, 10), (0, 6), (9, 12), (6, 8), (0, 20)])
def test_overlaps_are_not_counted_twice(store: Store, samples: SampleSet, chunk: Chunk, span: tuple[int, int]) -> None:
    assert store.shards.add(samples, 5, 10, chunk(5, 10))
    assert not store.shards.add(samples, *span, chunk(*span))
    assert store.shards.n_done(samples) == 5
    assert len(_files(store, samples)) == 1
    assert store.shards.add(samples, 10, 12, chunk(10, 12))


def test_a_chunk_with_the_wrong_number_of_rows_is_refused(store: Store, samples: SampleSet, chunk: Chunk) -> None:
    with pytest.raises(StoreError, match="5 rows"):
        store.shards.add(samples, 0, 6, chunk(0, 5))


def test_a_crash_between_write_and_registration_counts_nothing(
    store: Store, samples: SampleSet, chunk: Chunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.shards.add(samples, 0, 5, chunk(0, 5))
    with monkeypatch.context() as patch:
        patch.setattr(store.shards, "_register", _crash)
        with pytest.raises(KeyboardInterrupt):
            store.shards.add(samples, 5, 9, chunk(5, 9))
    assert len(_files(store, samples)) == 2
    assert store.shards.n_done(samples) == store.shards.read(samples, 7).sizes.size == 5
    with store.shards.exclusively(samples):
        assert len(_files(store, samples)) == 1
    assert store.shards.add(samples, 5, 9, chunk(5, 9))
    assert store.shards.read(samples, 7).delta[:, 1].tolist() == chunk(0, 9).delta[:, 1].tolist()


def _crash(*_arguments: object) -> bool:
    raise KeyboardInterrupt


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 0xFF
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def _reshape(path: Path) -> None:
    np.save(path, np.zeros((2, 2), dtype=np.float32))


def _scribble(path: Path) -> None:
    path.write_bytes(b"not an array")


@pytest.mark.parametrize("harm", [_flip, _cut, _append, _reshape, _scribble, Path.unlink])
@pytest.mark.parametrize("by_reading", [True, False])
def test_damage_is_reported_set_aside_and_can_be_redrawn(
    store: Store, samples: SampleSet, chunk: Chunk, harm: Callable[[Path], None], by_reading: bool
) -> None:
    for start in (0, 5, 10):
        store.shards.add(samples, start, start + 5, chunk(start, start + 5))
    harm(_files(store, samples)[1])
    damage = store.shards.read(samples, 7).damage if by_reading else store.shards.verify(samples)
    assert [(shard.start, shard.stop) for shard in damage] == [(5, 10)]
    assert "Coalitions 5 to 9 were set aside: the file" in str(damage[0])
    assert ("missing" in damage[0].reason) == (harm is Path.unlink)
    assert len(_files(store, samples, ".bad")) == (0 if harm is Path.unlink else 1)
    left = store.shards.read(samples, 7)
    assert left.damage == ()
    np.testing.assert_array_equal(left.delta, np.concatenate([chunk(0, 5).delta, chunk(10, 15).delta]))
    np.testing.assert_array_equal(left.sizes, np.concatenate([chunk(0, 5).sizes, chunk(10, 15).sizes]))
    assert left.coalitions.tolist() == [*range(5), *range(10, 15)]
    assert store.shards.add(samples, 5, 10, chunk(5, 10))
    whole = store.shards.read(samples, 7)
    np.testing.assert_array_equal(whole.delta, chunk(0, 15).delta)
    assert whole.coalitions.tolist() == list(range(15))
    assert [shard.start for shard in store.shards.damage(samples)] == [5]


def test_the_read_that_meets_damage_returns_the_rest_in_order(store: Store, samples: SampleSet, chunk: Chunk) -> None:
    for start in (0, 5, 10):
        store.shards.add(samples, start, start + 5, chunk(start, start + 5))
    _flip(_files(store, samples)[0])
    read = store.shards.read(samples, 7)
    np.testing.assert_array_equal(read.delta, chunk(5, 15).delta)
    np.testing.assert_array_equal(read.base_loss, chunk(5, 15).base_loss)
    assert read.coalitions.tolist() == list(range(5, 15))


def test_two_writers_of_one_set_are_refused(store: Store, samples: SampleSet) -> None:
    with (
        store.shards.exclusively(samples),
        pytest.raises(StoreError, match="Another process is sampling"),
        Store(store.folder).shards.exclusively(samples),
    ):
        pass
    with store.shards.exclusively(samples):
        pass


def test_a_rename_that_fails_is_a_store_error_and_counts_nothing(
    store: Store, samples: SampleSet, chunk: Chunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_paths: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(StoreError, match="disk is full"):
            store.shards.add(samples, 0, 5, chunk(0, 5))
    assert store.shards.n_done(samples) == 0
    assert _files(store, samples) == _files(store, samples, ".tmp") == []


def test_reading_takes_little_more_memory_than_the_matrix(store: Store, samples: SampleSet) -> None:
    n_points, rows = 20_000, 20
    for start in range(0, 100, rows):
        delta = np.full((rows, n_points), start, dtype=np.float32)
        index = np.arange(start, start + rows)
        store.shards.add(samples, start, start + rows, Draws(delta, index + 2, index, np.arange(n_points), index / 2))
    del delta
    tracemalloc.start()
    read = store.shards.read(samples, n_points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.delta[:, -1].tolist() == [start for start in range(0, 100, rows) for _ in range(rows)]
    assert peak < 1.2 * read.delta.nbytes


@pytest.mark.parametrize(("start", "stop"), [(3, 3), (-1, 3)])
def test_a_range_that_is_none_is_refused(store: Store, samples: SampleSet, chunk: Chunk, start: int, stop: int) -> None:
    draws = chunk(10, 10 + stop - start)
    with pytest.raises(StoreError, match=f"cannot be coalitions {start} to {stop}"):
        store.shards.add(samples, start, stop, draws)


def test_whatever_numbers_come_in_single_precision_goes_out(store: Store, samples: SampleSet, chunk: Chunk) -> None:
    wide = chunk(0, 5)
    wide = replace(wide, delta=wide.delta.astype(np.float64), base_loss=np.arange(5))
    store.shards.add(samples, 0, 5, wide)
    for read in (store.shards.read(samples, 7), Store(store.folder.parent / "other").shards.read(samples, 7)):
        kinds = [getattr(read, name).dtype for name in ("delta", "sizes", "passes", "base_loss", "coalitions")]
        assert kinds == [np.float32, np.int64, np.int64, np.float64, np.int64]
        assert read.damage == ()
    np.testing.assert_array_equal(store.shards.read(samples, 7).delta, chunk(0, 5).delta)


def test_a_store_without_a_catalogue_holds_nothing(store: Store, samples: SampleSet) -> None:
    assert Store(store.folder.parent / "nowhere").shards.n_done(samples) == 0


def test_a_file_that_another_process_has_removed_is_no_error(
    store: Store, samples: SampleSet, chunk: Chunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove(_samples: SampleSet, _start: int, _stop: int, file: str, *_rest: object) -> bool:
        (store.shards._folder(samples) / file).unlink()
        return False

    with monkeypatch.context() as patch:
        patch.setattr(store.shards, "_register", remove)
        assert not store.shards.add(samples, 0, 5, chunk(0, 5))
    gone = store.shards._folder(samples) / "00000000-00000005-gone.npy"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", lambda _folder: iter([gone]))
        with store.shards.exclusively(samples):
            pass
    assert store.shards.n_done(samples) == 0


@pytest.mark.parametrize(
    "otherwise",
    [
        lambda delta: delta.reshape(7, 5),
        lambda delta: np.asfortranarray(delta),
        lambda delta: delta.view(np.int32),
    ],
)
def test_a_file_that_describes_other_numbers_is_damage_whatever_its_checksum(
    store: Store, samples: SampleSet, chunk: Chunk, otherwise: Callable[[np.ndarray], np.ndarray]
) -> None:
    store.shards.add(samples, 0, 5, chunk(0, 5))
    digest = save_array(_files(store, samples)[0], otherwise(chunk(0, 5).delta))
    with store.shards._catalog.transaction() as db:
        db.execute("UPDATE shards SET sha256 = ?", (digest,))
    read = store.shards.read(samples, 7)
    assert [(shard.start, shard.stop) for shard in read.damage] == [(0, 5)]
    assert read.delta.shape == (0, 7)
