"""The catalogue: created late, migrated as a whole, and honest about folders it cannot use."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from dscale_core.errors import StoreError
from dscale_core.store import Store, migrations
from dscale_core.store.catalog import Catalog
from dscale_core.store.records import SampleSet
from dscale_core.types import Dataset, SamplingPlan


def _version(path: Path) -> int:
    db = sqlite3.connect(path)
    try:
        return int(db.execute("PRAGMA user_version").fetchone()[0])
    finally:
        db.close()


def test_reading_creates_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    assert store.studies.summaries() == []
    assert store.jobs.list() == []
    assert store.jobs.launch(lambda _process: True, _never) is False
    assert not (tmp_path / "cache").exists()


def test_an_empty_database_file_is_migrated(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    sqlite3.connect(catalog.path).close()
    catalog.path.touch()
    assert _version(catalog.path) == 0
    assert catalog.rows("SELECT * FROM studies") == []
    assert _version(catalog.path) == len(migrations.MIGRATIONS)
    assert catalog.rows("PRAGMA journal_mode")[0][0] == "wal"


def test_a_later_migration_keeps_what_is_there(samples: SampleSet, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ("ALTER TABLE studies ADD COLUMN note TEXT NOT NULL DEFAULT 'none'",)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    rows = Catalog(store.folder).rows("SELECT id, note FROM studies")
    assert [tuple(row) for row in rows] == [(samples.study_id, "none")]
    assert _version(store.folder / "dscale.sqlite3") == len(migrations.MIGRATIONS)


def test_a_cache_of_the_first_schema_opens_unchanged(store: Store, made_up: Dataset) -> None:
    """Studies, jobs and fits written by version 0.1 are there, and what is new to them is empty."""
    store.datasets.save(made_up)
    plan = json.dumps(asdict(SamplingPlan(min_size=2, max_size=5, draws=40)))
    jobs = "INSERT INTO jobs (study_id, kind, params, state, created, queued) VALUES ('st', 'fit', '{}', 'done', 'a', 'b')"
    with closing(sqlite3.connect(store.folder / "dscale.sqlite3")) as db, db:
        for statement in migrations.MIGRATIONS[0]:
            db.execute(statement)
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO datasets VALUES (?, 'made up', 'classification', 7, 'then')", (made_up.fingerprint,))
        study = ("st", "old", made_up.fingerprint, "logistic", '{"C": 0.5}', "log_loss", "then")
        db.execute("INSERT INTO studies VALUES (?, ?, ?, ?, ?, ?, ?)", study)
        db.execute("INSERT INTO sample_sets VALUES ('se', 'st', 'fit', ?, 'then')", (plan,))
        db.execute("INSERT INTO fits VALUES ('fi', 'st', 'fit', 'likelihood', 'then', 40, '{}', 1.5, '{}', 'ab')")
        db.execute(jobs)
    row = store.studies.get("st")
    assert (row.name, row.learner, row.learner_params, row.created, row.learner_entry) == (
        "old", "logistic", {"C": 0.5}, "then", None,
    )  # fmt: skip
    assert _version(store.folder / "dscale.sqlite3") == len(migrations.MIGRATIONS) == 4
    [summary] = store.studies.summaries()
    assert (summary.id, summary.total, summary.fits) == ("st", 40, ("likelihood",))
    [fit], [job] = store.fits.records("st"), store.jobs.list("st")
    assert (fit.id, fit.seconds, job.state, job.entries) == ("fi", 1.5, "done", {})
    assert store.values.records("st") == []
    assert store.lists.choices("st") == []
    assert store.lists.current("st") is None
    assert store.lists.additions("st") == []
    store.studies.create(made_up, "mine", {}, "log_loss", "new", SamplingPlan(), {"home": "a:b"})
    assert store.jobs.enqueue("st", "fit", {}, {"method": {}}).entries == {"method": {}}


def test_a_cache_of_the_second_schema_takes_lists(store: Store, made_up: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study made before there were lists has its own chosen and kept."""
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:2])
        study = store.studies.create(
            made_up, "logistic", {"C": 0.5}, "log_loss", "old", SamplingPlan(min_size=2, max_size=5)
        )
        assert _version(store.folder / "dscale.sqlite3") == 2
    assert store.lists.choices(study) == []
    kept = store.lists.save_current(study, np.array([1, 2]), "Two.")
    found = Store(store.folder).lists.current(study)
    assert found is not None
    assert found.id == kept.id
    assert store.studies.get(study).learner_params == {"C": 0.5}


def test_a_failing_migration_changes_nothing(samples: SampleSet, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(migrations.MIGRATIONS)
    steps = (("ALTER TABLE studies ADD COLUMN note TEXT",), ("ALTER TABLE no_such_table ADD COLUMN x TEXT",))
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, *steps))
        with pytest.raises(StoreError, match="no_such_table"):
            Catalog(store.folder).rows("SELECT 1")
    assert _version(store.folder / "dscale.sqlite3") == before
    assert store.studies.get(samples.study_id).name == "a study"


def test_a_newer_schema_is_refused(samples: SampleSet, store: Store) -> None:
    db = sqlite3.connect(store.folder / "dscale.sqlite3")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="newer version"):
        store.studies.get(samples.study_id)


def test_first_writers_that_collide_all_succeed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from dscale_core.store.catalog import Catalog\n"
        "with Catalog(Path(sys.argv[1])).transaction() as db:\n"
        "    db.execute(\"INSERT INTO workers VALUES (?, 0, 'now')\", (int(sys.argv[2]),))"
    )
    root, cache = Path(__file__).parents[2], str(tmp_path / "cache")
    commands = [[sys.executable, "-c", code, cache, str(i)] for i in range(5)]
    racing = [subprocess.Popen(command, stderr=subprocess.PIPE, cwd=root) for command in commands]
    for process in racing:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error.decode()
    assert len(Catalog(tmp_path / "cache").rows("SELECT * FROM workers")) == 5


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)

    def half() -> None:
        with catalog.transaction() as db:
            db.execute("INSERT INTO workers VALUES (1, 0, 'now')")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert catalog.rows("SELECT * FROM workers") == []


def test_a_damaged_catalogue_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "dscale.sqlite3").write_bytes(b"this is not a database at all, not even close" * 50)
    with pytest.raises(StoreError, match="catalogue is damaged"):
        Store(tmp_path).studies.summaries()


def test_a_folder_that_is_a_file(tmp_path: Path, made_up: Dataset) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(StoreError, match="point DSCALE_CACHE to another"):
        Store(tmp_path / "cache").studies.create(made_up, "l", {}, "log_loss", "n", SamplingPlan())


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A read-only folder, and no right to write to it all the same."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.rmdir()


def test_a_read_only_folder_is_a_store_error(unprivileged: Path, made_up: Dataset) -> None:
    store = Store(unprivileged)
    assert store.studies.summaries() == []
    with pytest.raises(StoreError, match="not writable"):
        store.studies.create(made_up, "l", {}, "log_loss", "n", SamplingPlan())
    with pytest.raises(StoreError, match="DSCALE_CACHE"):
        store.jobs.enqueue("abc", "fit", {})
    assert list(unprivileged.iterdir()) == []


def _never() -> None:
    raise AssertionError("nothing was queued")
