"""Datasets on disk, one folder each, named by fingerprint: arrays, the original records, and a JSON of the rest.

A folder is filled under a temporary name and renamed when it is whole, so a dataset is either complete or not there.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dscale_core.errors import NotFoundError, StoreError
from dscale_core.store.catalog import Catalog
from dscale_core.store.files import (
    check_id,
    load_array,
    new_id,
    now,
    read_checked,
    save_array,
    storage_error,
    sync_folder,
    write_file,
)
from dscale_core.types import Dataset, FloatVector

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Datasets"]

_ARRAYS = ("X_pool", "y_pool", "X_valuation", "y_valuation", "X_test", "y_test")
_LISTS = ("feature_names", "class_names", "notes")


class Datasets:
    """Save and load datasets by fingerprint."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def save(self, dataset: Dataset) -> None:
        """Write a dataset's files unless they are there already."""
        target = self.folder(dataset.fingerprint)
        if target.exists():
            return
        temporary = target.with_name(f"tmp-{new_id()}")
        try:
            temporary.mkdir(parents=True)
            self._write(dataset, temporary)
            os.rename(temporary, target)
            sync_folder(target.parent)
        except OSError as error:
            # another process may have finished the same dataset first
            if not (getattr(error, "errno", None) in (errno.ENOTEMPTY, errno.EEXIST) and target.exists()):
                raise error if isinstance(error, StoreError) else storage_error("write", target, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def register(self, db: sqlite3.Connection, dataset: Dataset) -> None:
        """Add a saved dataset's row inside the caller's transaction."""
        if not self.folder(dataset.fingerprint).exists():
            raise StoreError(f"The data of {dataset.name} was deleted while it was being saved. Try again.")
        db.execute(
            "INSERT OR IGNORE INTO datasets VALUES (?, ?, ?, ?, ?)",
            (dataset.fingerprint, dataset.name, dataset.task, dataset.n_points, now()),
        )

    def load(self, fingerprint: str) -> Dataset:
        """Read a dataset back. Raises NotFoundError where it was never saved, StoreError where a file is damaged."""
        folder = self.folder(fingerprint)
        if not folder.exists():
            raise NotFoundError(f"There is no dataset {fingerprint} in the cache. Load it from its source again.")
        try:
            meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise storage_error("read", folder / "meta.json", error) from error
        sums: dict[str, str] = meta["files"]
        arrays: dict[str, Any] = {name: load_array(folder / f"{name}.npy", sums[name]) for name in _ARRAYS}
        return Dataset(
            **arrays,
            name=meta["name"],
            task=meta["task"],
            feature_names=tuple(meta["feature_names"]),
            class_names=tuple(meta["class_names"]),
            records=_read_records(folder / "records.parquet", sums["records"]),
            fingerprint=fingerprint,
            label_name=meta["label_name"],
            notes=tuple(meta["notes"]),
            image_shape=None if meta["image_shape"] is None else tuple(meta["image_shape"]),
        )

    def save_boundary(self, fingerprint: str, distance: FloatVector) -> None:
        """Keep the (n,) signed distances to the decision boundary beside the dataset."""
        save_array(self.folder(fingerprint) / "boundary.npy", np.asarray(distance, dtype=np.float64))

    def load_boundary(self, fingerprint: str) -> FloatVector | None:
        """The kept distances, or None where they are missing or unreadable: they are cheap to compute again."""
        try:
            distance: FloatVector = np.load(self.folder(fingerprint) / "boundary.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return distance

    def folder(self, fingerprint: str) -> Path:
        """Where a dataset's files lie."""
        return self._catalog.folder / "datasets" / check_id(fingerprint, "dataset")

    def _write(self, dataset: Dataset, folder: Path) -> None:
        sums = {name: save_array(folder / f"{name}.npy", getattr(dataset, name)) for name in _ARRAYS}
        sums["records"] = _write_records(folder / "records.parquet", dataset.records)
        meta = {name: list(getattr(dataset, name)) for name in _LISTS} | {
            "name": dataset.name,
            "task": dataset.task,
            "label_name": dataset.label_name,
            "image_shape": dataset.image_shape,
            "files": sums,
        }
        content = json.dumps(meta, ensure_ascii=False, indent=1).encode()
        write_file(folder / "meta.json", lambda file: file.write(content))


def _write_records(path: Path, records: pd.DataFrame) -> str:
    frame = records.set_axis([str(column) for column in records.columns], axis="columns")
    for column, dtype in frame.dtypes.items():
        if isinstance(dtype, np.dtype) and dtype.hasobject:
            frame[column] = _storable(frame[column])
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow")
    return write_file(path, lambda file: file.write(buffer.getbuffer()))


def _storable(column: pd.Series[Any]) -> pd.Series[Any]:
    # parquet has no column of mixed types: such cells are kept as their text, empty ones stay empty
    import pyarrow as pa

    try:
        pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return column.where(column.isna(), column.map(str))
    return column


def _read_records(path: Path, sha256: str) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(io.BytesIO(read_checked(path, sha256)), engine="pyarrow")
