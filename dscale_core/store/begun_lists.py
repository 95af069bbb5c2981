"""Lists that are not whole yet: a file a part, each with its checksum before it, in a folder of the question's key.

Nothing here is registered: what is lost or damaged is made anew, and what is whole is kept elsewhere and removed here.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np

from dscale_core.store.catalog import Catalog
from dscale_core.store.files import check_id, write_file
from dscale_core.store.records import Kept

__all__ = ["BegunLists"]

_MOST = 8  # questions of a study whose lists wait to go on; older ones were given up
_DIGEST = hashlib.sha256().digest_size


class BegunLists:
    """Save, load and remove what there is of lists, by study, question and part."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def save(self, study_id: str, key: str, part: int, kept: Kept) -> None:
        """Write a part in the place of what was there. Raises StoreError where the disk refuses."""
        folder = self._folder(study_id, key)
        if not folder.exists():
            self._tidy(folder.parent)
        buffer = io.BytesIO()
        facts = np.frombuffer(json.dumps(dict(kept.facts)).encode(), dtype=np.uint8)
        np.savez(buffer, facts=facts, **kept.arrays)  # type: ignore[arg-type]  # the stubs take every keyword for allow_pickle
        content = buffer.getvalue()
        write_file(folder / f"{part}.begun", lambda file: file.write(hashlib.sha256(content).digest() + content))

    def load(self, study_id: str, key: str, part: int) -> Kept | None:
        """A part as it was saved last; None where there is none, or it is damaged."""
        try:
            whole = (self._folder(study_id, key) / f"{part}.begun").read_bytes()
            if hashlib.sha256(whole[_DIGEST:]).digest() != whole[:_DIGEST]:
                return None
            with np.load(io.BytesIO(whole[_DIGEST:]), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            return Kept(arrays, json.loads(arrays.pop("facts").tobytes()))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def remove(self, study_id: str, key: str) -> None:
        """Remove all parts of a question: its list is whole and kept."""
        shutil.rmtree(self._folder(study_id, key), ignore_errors=True)

    def _folder(self, study_id: str, key: str) -> Path:
        return self._catalog.folder / "studies" / check_id(study_id, "study") / "begun" / check_id(key, "list")

    def _tidy(self, folder: Path) -> None:
        if not folder.exists():
            return
        old = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[_MOST - 1 :]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
