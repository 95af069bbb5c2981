"""Chunks of draws. **A shard counts if and only if it is registered**; ranges never overlap; a damaged one is set aside."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import numpy as np

from dscale_core.errors import StoreError
from dscale_core.store.catalog import Catalog
from dscale_core.store.files import check_id, new_id, now, save_array, storage_error
from dscale_core.store.records import SampleSet, Shard, ShardDamage, ShardRead
from dscale_core.types import Draws, Float32Matrix

__all__ = ["Shards"]

_MISSING = "the file is missing"
_CHANGED = "the file does not match its checksum"


class Shards:
    """Write, register, verify and read the chunks of a sample set."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self, samples: SampleSet, start: int, stop: int, draws: Draws) -> bool:
        """Write coalitions ``start`` to ``stop`` and register them; False where some of them are registered already."""
        if not (0 <= start < stop and draws.delta.shape[0] == stop - start):
            raise StoreError(f"A chunk of {draws.delta.shape[0]} rows cannot be coalitions {start} to {stop}.")
        path = self._folder(samples) / f"{start:08d}-{stop:08d}-{new_id()}.npy"
        digest = save_array(path, np.ascontiguousarray(draws.delta, dtype=np.float32))
        if self._register(samples, start, stop, path.name, digest, draws):
            return True
        path.unlink(missing_ok=True)
        return False

    def registered(self, samples: SampleSet) -> list[Shard]:
        """What counts, in coalition order."""
        query = "SELECT id, start, stop, file, sha256 FROM shards WHERE set_id = ? ORDER BY start"
        return [Shard(*row) for row in self._catalog.rows(query, (samples.id,))]

    def n_done(self, samples: SampleSet) -> int:
        """Number of coalitions that are registered."""
        rows = self._catalog.rows("SELECT COALESCE(SUM(stop - start), 0) FROM shards WHERE set_id = ?", (samples.id,))
        return int(rows[0][0]) if rows else 0

    def damage(self, samples: SampleSet) -> tuple[ShardDamage, ...]:
        """Every chunk that ever had to be set aside, oldest first."""
        query = "SELECT start, stop, reason, found FROM damage WHERE set_id = ? ORDER BY id"
        return tuple(ShardDamage(*row) for row in self._catalog.rows(query, (samples.id,)))

    def read(self, samples: SampleSet, n_valued: int) -> ShardRead:
        """Everything registered, in one matrix that is allocated once and filled in place; damaged chunks are set aside."""
        shards = self.registered(samples)
        delta = np.empty((sum(shard.stop - shard.start for shard in shards), n_valued), dtype=np.float32)
        filled, whole, damage = 0, [], []
        for shard in shards:
            rows = delta[filled : filled + shard.stop - shard.start]
            reason = _read_into(self._folder(samples) / shard.file, shard.sha256, rows)
            if reason:
                damage.append(self._set_aside(samples, shard, reason))
            else:
                whole.append(shard)
                filled += rows.shape[0]
        small = self._small(samples, whole)
        return ShardRead(
            delta=delta[:filled],
            sizes=np.asarray(small["sizes"], dtype=np.int64),
            passes=np.asarray(small["passes"], dtype=np.int64),
            base_loss=np.asarray(small["base_loss"], dtype=np.float64),
            coalitions=np.array([j for shard in whole for j in range(shard.start, shard.stop)], dtype=np.int64),
            damage=tuple(damage),
        )

    def verify(self, samples: SampleSet) -> tuple[ShardDamage, ...]:
        """Hold every registered chunk against its checksum; the damaged ones are set aside and returned."""
        damage = []
        for shard in self.registered(samples):
            reason = _read_into(self._folder(samples) / shard.file, shard.sha256, None)
            if reason:
                damage.append(self._set_aside(samples, shard, reason))
        return tuple(damage)

    @contextmanager
    def exclusively(self, samples: SampleSet) -> Iterator[None]:
        """Hold the sample set for writing; what a crash left unregistered is removed first. StoreError where it is held.

        The lock belongs to the open file, so it ends with the process however that ends.
        """
        folder = self._folder(samples)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / "lock").open("ab")
        except OSError as error:
            raise storage_error("write", folder, error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                busy = "Another process is sampling this study. Wait for it to end, or cancel its job."
                raise StoreError(busy) from None
            self._sweep(samples)
            yield

    def _sweep(self, samples: SampleSet) -> None:
        counted = {shard.file for shard in self.registered(samples)}
        for path in self._folder(samples).iterdir():
            if path.suffix in (".npy", ".tmp") and path.name not in counted:
                path.unlink(missing_ok=True)

    def _register(self, samples: SampleSet, start: int, stop: int, file: str, digest: str, draws: Draws) -> bool:
        small = [json.dumps(array.tolist()) for array in (draws.sizes, draws.passes, draws.base_loss)]
        with self._catalog.transaction() as db:
            overlap = "SELECT 1 FROM shards WHERE set_id = ? AND start < ? AND stop > ?"
            if db.execute(overlap, (samples.id, stop, start)).fetchone():
                return False
            db.execute(
                "INSERT INTO shards (set_id, start, stop, file, sha256, sizes, passes, base_loss, created) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (samples.id, start, stop, file, digest, *small, now()),
            )
        return True

    def _set_aside(self, samples: SampleSet, shard: Shard, reason: str) -> ShardDamage:
        found = ShardDamage(shard.start, shard.stop, reason, now())
        with self._catalog.transaction() as db:
            # two readers may find the same damage: only the first reports it
            if db.execute("DELETE FROM shards WHERE id = ?", (shard.id,)).rowcount:
                db.execute(
                    "INSERT INTO damage (set_id, start, stop, reason, found) VALUES (?, ?, ?, ?, ?)",
                    (samples.id, found.start, found.stop, found.reason, found.found),
                )
        path = self._folder(samples) / shard.file
        if path.exists():
            os.replace(path, path.with_suffix(".bad"))
        return found

    def _small(self, samples: SampleSet, shards: list[Shard]) -> dict[str, list[float]]:
        wanted = {shard.id for shard in shards}
        joined: dict[str, list[float]] = {"sizes": [], "passes": [], "base_loss": []}
        query = "SELECT id, sizes, passes, base_loss FROM shards WHERE set_id = ? ORDER BY start"
        for row in self._catalog.rows(query, (samples.id,)):
            if row["id"] in wanted:
                for name, values in joined.items():
                    values += json.loads(row[name])
        return joined

    def _folder(self, samples: SampleSet) -> Path:
        study = self._catalog.folder / "studies" / check_id(samples.study_id, "study")
        return study / "draws" / check_id(samples.id, "sample set")


def _read_into(path: Path, sha256: str, rows: Float32Matrix | None) -> str:
    """Check a chunk, reading it straight into its rows of the matrix where they are given; returns what is wrong, or ""."""
    try:
        with path.open("rb") as file:
            if rows is None:
                return "" if hashlib.file_digest(file, "sha256").hexdigest() == sha256 else _CHANGED
            header, described = _header(file, rows)
            complete = file.readinto(rows.data.cast("B")) == rows.nbytes and not file.read(1)
    except FileNotFoundError:
        return _MISSING
    except OSError as error:
        raise storage_error("read", path, error) from error
    except ValueError:
        return _CHANGED
    digest = hashlib.sha256(header)
    digest.update(rows.data.cast("B"))
    return "" if described and complete and digest.hexdigest() == sha256 else _CHANGED


def _header(file: BufferedReader, rows: Float32Matrix) -> tuple[bytes, bool]:
    np.lib.format.read_magic(file)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    length = file.tell()
    file.seek(0)
    return file.read(length), shape == rows.shape and not fortran and dtype == rows.dtype
