"""Tables that come from the browser: written under a name of our own, read by the core, and gone again.

The uploaded name decides nothing but which of the known endings the file gets and what the data set is called.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from dscale_core.errors import DataError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = ["ENDINGS", "dataset_name", "kept", "with_file"]

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")

_T = TypeVar("_T")


def with_file(upload: UploadedFile, work: Callable[[Path], _T]) -> _T:
    """Run `work` on a temporary copy of an upload. Raises DataError for an ending that is not known."""
    ending = next((known for known in sorted(ENDINGS, key=len)[::-1] if upload.name.lower().endswith(known)), None)
    if ending is None:
        raise DataError(f"The file must end in one of {', '.join(ENDINGS)}. Save the table as CSV.")
    with tempfile.TemporaryDirectory(prefix="dscale-upload-") as folder:
        path = Path(folder) / f"upload{ending}"
        path.write_bytes(upload.getbuffer())
        return work(path)


def dataset_name(file_name: str) -> str:
    """What a data set from this file is called: the file's name without its ending, plain characters only."""
    base = Path(file_name.replace("\\", "/")).name.split(".")[0]
    return "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in base).strip()[:60] or "table"


def kept(key: str, token: Any, make: Callable[[], _T]) -> _T:
    """The value made for this `token`, made again when the token changes; one value a key and session."""
    held = st.session_state.get(key)
    if held is None or held[0] != token:
        held = (token, make())
        st.session_state[key] = held
    value: _T = held[1]
    return value
