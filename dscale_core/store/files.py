"""Files that are either whole or not there: temporary file, sync, rename, sync of the folder; checksums; safe ids."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import NotFoundError, StoreError

__all__ = [
    "cache_folder",
    "check_id",
    "load_array",
    "load_arrays",
    "new_id",
    "now",
    "save_array",
    "save_arrays",
    "sha256_of",
    "storage_error",
    "sync_folder",
    "write_file",
]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


def cache_folder(cache: str | Path | None = None) -> Path:
    """The cache folder: the one given, else ``DSCALE_CACHE``, else ``cache`` in the working folder."""
    return Path(cache if cache is not None else os.environ.get("DSCALE_CACHE") or "cache").absolute()


def new_id() -> str:
    """A short random id that is safe in a URL and in a path."""
    return secrets.token_hex(6)


def now() -> str:
    """The present moment as ISO 8601 in UTC; later moments sort later."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def check_id(value: str, what: str) -> str:
    """The id as it came, or NotFoundError where it could not be one: ids reach us in URLs and become paths."""
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise NotFoundError(f"There is no {what} {value!r}: ids are letters and digits. Choose one from the list.")
    return value


def storage_error(action: str, path: Path, error: BaseException) -> StoreError:
    """A StoreError that says what could not be done, why, and what helps."""
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error):
        remedy = "The disk is full: free some space and resume; finished chunks are kept."
    elif code in (errno.EACCES, errno.EPERM, errno.EROFS) or "readonly" in str(error):
        remedy = "The folder is not writable: change its permissions or point DSCALE_CACHE to another one."
    elif "not a database" in str(error) or "malformed" in str(error):
        remedy = "The catalogue is damaged: move it away or restore it from a backup, then try again."
    else:
        remedy = "Check the folder and its disk, or point DSCALE_CACHE to another one."
    return StoreError(f"Could not {action} {path}: {error}. {remedy}")


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> str:
    """Write a whole file or none; returns its sha256. Raises StoreError where the disk refuses."""
    temporary = path.with_name(f".{path.name}.{new_id()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        digest = sha256_of(temporary)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error("write", path, error) from error
    finally:
        _remove_quietly(temporary)
    return digest


def sha256_of(path: Path) -> str:
    """Checksum of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_array(path: Path, array: NDArray[Any]) -> str:
    """Write one array as .npy; returns the file's sha256. Arrays of Python objects are refused: nothing is pickled."""
    return write_file(path, lambda file: np.save(file, array, allow_pickle=False))


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Write several small arrays as one .npz; returns the file's sha256."""
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise StoreError(f"Could not write {name}: it holds Python objects, and nothing is pickled. Convert it first.")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # the stubs take every keyword for allow_pickle
    return write_file(path, lambda file: file.write(buffer.getbuffer()))


def load_array(path: Path, sha256: str) -> NDArray[Any]:
    """Read an array that must match its checksum; StoreError where it is missing or damaged."""
    array: NDArray[Any] = np.load(io.BytesIO(read_checked(path, sha256)), allow_pickle=False)
    return array


def load_arrays(path: Path, sha256: str) -> dict[str, NDArray[Any]]:
    """Read an .npz that must match its checksum; StoreError where it is missing or damaged."""
    with np.load(io.BytesIO(read_checked(path, sha256)), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def read_checked(path: Path, sha256: str) -> bytes:
    """The bytes of a file that must match its checksum; StoreError where it is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise storage_error("read", path, error) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoreError(f"{path} is damaged: it does not match its checksum. Make it again from its source.")
    return content


def _remove_quietly(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # the folder itself may be what failed, and that is the error to report
        return
