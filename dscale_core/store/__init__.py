"""The only part that touches the cache folder: a catalogue (SQLite) beside plain array files.

A chunk of draws is written to a temporary file, synced, renamed, and only then registered in one transaction with its
range and checksum. **A shard counts if and only if it is registered**: what a crash leaves behind is whole or not there.
"""

from __future__ import annotations

from dscale_core.store.files import cache_folder
from dscale_core.store.jobs import JobRow
from dscale_core.store.records import FitRecord, Selection, Shard, ShardDamage, ShardRead, StudySummary
from dscale_core.store.store import Store

__all__ = [
    "FitRecord",
    "JobRow",
    "Selection",
    "Shard",
    "ShardDamage",
    "ShardRead",
    "Store",
    "StudySummary",
    "cache_folder",
]
