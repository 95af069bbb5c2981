"""Where a study's lists are kept while they are made: under a key of all that a list depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from dscale_core.curation import LISTS_VERSION, Begun
from dscale_core.store import BegunLists
from dscale_core.study.keeping import put_together, taken_apart

__all__ = ["KeptCheckpoint"]


class KeptCheckpoint:
    """A `curation.Checkpoint` in the cache folder.

    question : everything that the list depends on, by name: plain facts and arrays
    """

    def __init__(self, store: BegunLists, study_id: str, question: Mapping[str, Any]) -> None:
        self._store, self._study_id, self._key = store, study_id, _key_of(question)

    def load(self, part: int) -> Begun | None:
        """See `curation.Checkpoint`."""
        kept = self._store.load(self._study_id, self._key, part)
        try:
            return None if kept is None else put_together(Begun, kept)
        except TypeError:  # of another version, with other fields
            return None

    def save(self, part: int, begun: Begun) -> None:
        """See `curation.Checkpoint`."""
        self._store.save(self._study_id, self._key, part, taken_apart(begun))

    def remove(self) -> None:
        """The list is whole."""
        self._store.remove(self._study_id, self._key)


def _key_of(question: Mapping[str, Any]) -> str:
    seal = hashlib.sha256()
    for name, value in sorted({**question, "version": LISTS_VERSION}.items()):
        seal.update(f"{name}:".encode())
        if isinstance(value, np.ndarray):
            seal.update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
        else:
            seal.update(json.dumps(value, sort_keys=True, default=str).encode())
    return seal.hexdigest()[:32]
