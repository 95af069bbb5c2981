"""The SQLite catalogue: one short-lived connection an operation, so that threads and processes never share one."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dscale_core.errors import StoreError
from dscale_core.store import migrations
from dscale_core.store.files import storage_error

__all__ = ["Catalog"]

_WAIT = 30.0  # seconds to wait for another process's transaction


class Catalog:
    """Transactions and reads on ``dscale.sqlite3``; the file appears with the first transaction."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "dscale.sqlite3"

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it or nothing. Raises StoreError where the catalogue cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error("create", self.folder, error) from error
        try:
            with self._connection() as db:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise storage_error("write", self.path, error) from error

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Rows of one query; none where nothing was ever stored. Raises StoreError where the catalogue cannot be read."""
        try:
            if not self.path.exists():
                return []
            with self._connection() as db:
                return db.execute(sql, values).fetchall()
        except (sqlite3.Error, PermissionError) as error:
            raise storage_error("read", self.path, error) from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = FULL")
            self._migrate(db)
            yield db
        finally:
            db.close()

    def _migrate(self, db: sqlite3.Connection) -> None:
        version, newest = _version(db), len(migrations.MIGRATIONS)
        if version > newest:
            raise StoreError(
                f"{self.path} was written by a newer version (schema {version}, this one knows {newest}). "
                "Update dscale, or point DSCALE_CACHE to another folder."
            )
        if version == newest:
            return
        _enter_wal(db)
        db.execute("BEGIN IMMEDIATE")
        try:
            # another process may have migrated while this one waited for the lock
            for step in range(_version(db), newest):
                for statement in migrations.MIGRATIONS[step]:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {step + 1}")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _enter_wal(db: sqlite3.Connection) -> None:
    # SQLite does not wait for the lock when the journal mode changes: two first writers would collide
    deadline = time.monotonic() + _WAIT
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
