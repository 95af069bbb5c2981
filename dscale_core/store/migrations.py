"""The catalogue's schema, as the steps that lead to it. Steps are never edited once released: add one."""

from __future__ import annotations

__all__ = ["MIGRATIONS"]

_FIRST = (
    """CREATE TABLE datasets (
        fingerprint TEXT PRIMARY KEY, name TEXT NOT NULL, task TEXT NOT NULL, n_points INTEGER NOT NULL,
        created TEXT NOT NULL)""",
    """CREATE TABLE studies (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, fingerprint TEXT NOT NULL REFERENCES datasets,
        learner TEXT NOT NULL, learner_params TEXT NOT NULL, utility TEXT NOT NULL, created TEXT NOT NULL)""",
    """CREATE TABLE sample_sets (
        id TEXT PRIMARY KEY, study_id TEXT NOT NULL REFERENCES studies ON DELETE CASCADE, role TEXT NOT NULL,
        plan TEXT NOT NULL, created TEXT NOT NULL, UNIQUE (study_id, role))""",
    """CREATE TABLE shards (
        id INTEGER PRIMARY KEY AUTOINCREMENT, set_id TEXT NOT NULL REFERENCES sample_sets ON DELETE CASCADE,
        start INTEGER NOT NULL, stop INTEGER NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL,
        sizes TEXT NOT NULL, passes TEXT NOT NULL, base_loss TEXT NOT NULL, created TEXT NOT NULL,
        UNIQUE (set_id, start), CHECK (start >= 0 AND stop > start))""",
    """CREATE TABLE damage (
        id INTEGER PRIMARY KEY AUTOINCREMENT, set_id TEXT NOT NULL REFERENCES sample_sets ON DELETE CASCADE,
        start INTEGER NOT NULL, stop INTEGER NOT NULL, reason TEXT NOT NULL, found TEXT NOT NULL)""",
    """CREATE TABLE fits (
        id TEXT PRIMARY KEY, study_id TEXT NOT NULL REFERENCES studies ON DELETE CASCADE, role TEXT NOT NULL,
        method TEXT NOT NULL, created TEXT NOT NULL, n_coalitions INTEGER NOT NULL, status_counts TEXT NOT NULL,
        seconds REAL NOT NULL, scalars TEXT NOT NULL, sha256 TEXT NOT NULL)""",
    """CREATE TABLE selections (
        id TEXT PRIMARY KEY, study_id TEXT NOT NULL REFERENCES studies ON DELETE CASCADE, points TEXT NOT NULL,
        primary_point INTEGER, created TEXT NOT NULL)""",
    """CREATE TABLE audits (
        id INTEGER PRIMARY KEY AUTOINCREMENT, study_id TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
        report TEXT NOT NULL, created TEXT NOT NULL)""",
    """CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, study_id TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
        kind TEXT NOT NULL, params TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
        done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0, rate REAL NOT NULL DEFAULT 0,
        pace REAL NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',
        created TEXT NOT NULL, queued TEXT NOT NULL, started TEXT, finished TEXT, heartbeat TEXT,
        cancel_requested INTEGER NOT NULL DEFAULT 0, launches INTEGER NOT NULL DEFAULT 0,
        pid INTEGER, pid_created REAL)""",
    # at most one job computes at a time, whatever the code above does
    "CREATE UNIQUE INDEX one_running ON jobs (state) WHERE state = 'running'",
    """CREATE TABLE workers (
        pid INTEGER NOT NULL, pid_created REAL NOT NULL, started TEXT NOT NULL, PRIMARY KEY (pid, pid_created))""",
)

# what was registered from outside goes along with the study and the job that use it; null and {} where all is dscale's own
_EXTENSIONS_AND_VALUES = (
    "ALTER TABLE studies ADD COLUMN learner_entry TEXT",
    "ALTER TABLE jobs ADD COLUMN entries TEXT NOT NULL DEFAULT '{}'",
    """CREATE TABLE point_values (
        id TEXT PRIMARY KEY, study_id TEXT NOT NULL REFERENCES studies ON DELETE CASCADE, name TEXT NOT NULL,
        created TEXT NOT NULL, fit_id TEXT, method TEXT, n_coalitions INTEGER NOT NULL, min_size INTEGER NOT NULL,
        max_size INTEGER NOT NULL, seed INTEGER NOT NULL, unit TEXT NOT NULL, seconds REAL NOT NULL,
        sha256 TEXT NOT NULL)""",
)

# lists chosen for one training set, and what they gained on the test set
_LISTS = (
    """CREATE TABLE current_sets (
        id TEXT PRIMARY KEY, study_id TEXT NOT NULL REFERENCES studies ON DELETE CASCADE, points TEXT NOT NULL,
        source TEXT NOT NULL, created TEXT NOT NULL)""",
    """CREATE TABLE choices (
        id TEXT PRIMARY KEY, study_id TEXT NOT NULL REFERENCES studies ON DELETE CASCADE, created TEXT NOT NULL,
        goal TEXT NOT NULL, asked INTEGER NOT NULL, n_points INTEGER NOT NULL, shares TEXT NOT NULL, seed INTEGER NOT NULL,
        source TEXT NOT NULL, current_size INTEGER NOT NULL, seconds REAL NOT NULL, version TEXT NOT NULL,
        facts TEXT NOT NULL, sha256 TEXT NOT NULL)""",
    """CREATE TABLE verifications (
        id TEXT PRIMARY KEY, choice_id TEXT NOT NULL REFERENCES choices ON DELETE CASCADE, created TEXT NOT NULL,
        fit_id TEXT, repeats INTEGER NOT NULL, seed INTEGER NOT NULL, verdict TEXT NOT NULL, seconds REAL NOT NULL,
        version TEXT NOT NULL, facts TEXT NOT NULL, sha256 TEXT NOT NULL)""",
)

# what the best by a fit's laws gained when they were added to random sets
_ADDITIONS = (
    """CREATE TABLE additions (
        id TEXT PRIMARY KEY, study_id TEXT NOT NULL REFERENCES studies ON DELETE CASCADE, created TEXT NOT NULL,
        fit_id TEXT NOT NULL, n INTEGER NOT NULL, small INTEGER NOT NULL, large INTEGER NOT NULL, repeats INTEGER NOT NULL,
        seed INTEGER NOT NULL, verdict TEXT NOT NULL, seconds REAL NOT NULL, version TEXT NOT NULL, facts TEXT NOT NULL,
        sha256 TEXT NOT NULL)""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _EXTENSIONS_AND_VALUES, _LISTS, _ADDITIONS)
