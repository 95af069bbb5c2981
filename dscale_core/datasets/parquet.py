"""Parquet to a frame, with its expanded size checked before pandas holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dscale_core.errors import DataError

__all__ = ["MAX_TABLE_BYTES", "read_parquet_table"]

MAX_TABLE_BYTES = 200_000_000


def read_parquet_table(path: Path) -> pd.DataFrame:
    """The rows of a Parquet file as flat columns; a stored index is left out.

    Raises DataError for damaged or oversized files, repeated names and columns of lists, mappings or bytes.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check_schema(file, path.name)
            words = [field.name for field in file.schema_arrow if _is_words(field.type)]
        # Read as dictionaries, repeated long strings stay small until their full size is known.
        with pq.ParquetFile(path, read_dictionary=words) as file:
            table = file.read()
        _check_size(_expanded_bytes(table), path.name)
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path.name} is damaged or not Parquet ({str(error).splitlines()[0]}): save it again.") from error
    frame = frame.drop(columns=[name for name in frame.columns if name.startswith("__index_level_")])
    return frame.astype({name: "str" for name in words if name in frame})


def _is_words(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _check_schema(file: Any, name: str) -> None:
    schema = file.schema_arrow
    repeated = sorted({title for title in schema.names if schema.names.count(title) > 1})
    if repeated:
        raise DataError(f"Column name {repeated[0]!r} appears more than once in {name}: give every column its own name.")
    for field in schema:
        if pa.types.is_nested(field.type):
            raise DataError(f"Column {field.name!r} holds lists or mappings: spread them over columns or leave it out.")
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            raise DataError(f"Column {field.name!r} holds raw bytes: turn them into text or numbers or leave it out.")
    metadata = file.metadata
    groups = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    _check_size(max(groups, 8 * metadata.num_rows * len(schema)), name)


def _check_size(n_bytes: int, name: str) -> None:
    if n_bytes > MAX_TABLE_BYTES:
        limit = MAX_TABLE_BYTES // 1_000_000
        raise DataError(
            f"{name} unpacks to {n_bytes / 1e6:.0f} MB, more than the {limit} MB that are read: sample its rows first."
        )


def _expanded_bytes(table: Any) -> int:
    total = 0
    for column in table.columns:
        for chunk in column.chunks:
            if pa.types.is_dictionary(chunk.type) and _is_words(chunk.type.value_type):
                lengths = pc.take(pc.binary_length(chunk.dictionary), chunk.indices)
                total += pc.sum(pc.cast(lengths, pa.int64())).as_py() or 0
            else:
                total += chunk.nbytes
    return total
