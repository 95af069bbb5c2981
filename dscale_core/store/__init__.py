"""The only part that touches the cache folder: a catalogue (SQLite) beside plain array files.

A chunk of draws is written to a temporary file, synced, renamed, and only then registered in one transaction with its
range and checksum. **A shard counts if and only if it is registered**: what a crash leaves behind is whole or not there.
"""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
