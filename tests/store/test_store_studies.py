"""Datasets, studies, selections, audits and fits come back as they were; deleting removes what is a study's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dscale_core.errors import NotFoundError, StoreError
from dscale_core.store import Selection, Store
from dscale_core.store.files import save_arrays
from dscale_core.store.jobs import Process
from dscale_core.store.records import SampleSet
from dscale_core.types import Dataset, Draws, Laws, RowDeviation, SamplingPlan, Values


def test_a_dataset_comes_back_as_it_was(store: Store, made_up: Dataset) -> None:
    store.datasets.save(made_up)
    back = Store(store.folder).datasets.load(made_up.fingerprint)
    for field in fields(Dataset):
        before, after = getattr(made_up, field.name), getattr(back, field.name)
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            np.testing.assert_array_equal(before, after)
        elif field.name != "records":
            assert before == after
    assert back.records.index.tolist() == made_up.records.index.tolist()
    assert back.records.index.name == "row"
    assert back.records["weight"].tolist() == made_up.records["weight"].tolist()
    assert back.records["colour"].isna().tolist() == made_up.records["colour"].isna().tolist()
    assert back.records["mixed"].dropna().tolist() == ["1", "two", "3.5", "five", "6", "7"]
    assert back.records["mixed"].isna().tolist() == made_up.records["mixed"].isna().tolist()


def test_saving_again_writes_nothing(store: Store, made_up: Dataset) -> None:
    store.datasets.save(made_up)
    path = store.datasets.folder(made_up.fingerprint) / "X_pool.npy"
    before = path.stat().st_mtime_ns
    store.datasets.save(replace(made_up, records=pd.DataFrame({"never": [1]})))
    assert path.stat().st_mtime_ns == before


def test_a_dataset_that_fails_half_way_is_not_there(store: Store, made_up: Dataset) -> None:
    broken = replace(made_up, y_test=np.array([object(), None], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        store.datasets.save(broken)
    with pytest.raises(NotFoundError, match="Load it from its source"):
        store.datasets.load(made_up.fingerprint)
    assert list((store.folder / "datasets").iterdir()) == []


def test_a_damaged_dataset_is_reported(store: Store, made_up: Dataset) -> None:
    store.datasets.save(made_up)
    (store.datasets.folder(made_up.fingerprint) / "records.parquet").write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=r"records\.parquet is damaged"):
        store.datasets.load(made_up.fingerprint)


def test_boundary_distances_are_kept_and_damage_is_none(store: Store, made_up: Dataset) -> None:
    store.datasets.save(made_up)
    assert store.datasets.load_boundary(made_up.fingerprint) is None
    store.datasets.save_boundary(made_up.fingerprint, np.arange(7.0))
    np.testing.assert_array_equal(store.datasets.load_boundary(made_up.fingerprint), np.arange(7.0))
    (store.datasets.folder(made_up.fingerprint) / "boundary.npy").write_bytes(b"")
    assert store.datasets.load_boundary(made_up.fingerprint) is None


@pytest.mark.parametrize(
    "plan",
    [
        SamplingPlan(points=(1, 3), min_size=2, max_size=5, draws=8, stratify=False, seed=4),
        SamplingPlan(sizes=(2, 4), draws=3),
        SamplingPlan(sizes="uniform", min_size=3, max_size=6),
    ],
)
def test_a_study_and_its_plan_come_back(store: Store, made_up: Dataset, plan: SamplingPlan) -> None:
    params = {"C": 0.1, "hidden": (8, 4), "kind": "rbf"}
    study_id = store.studies.create(made_up, "mlp", params, "brier", "née", plan)
    row = store.studies.get(study_id)
    assert (row.name, row.learner, row.learner_params, row.utility, row.n_points) == ("née", "mlp", params, "brier", 7)
    assert (row.dataset_name, row.task, row.fingerprint) == ("made up", "classification", made_up.fingerprint)
    assert [(s.role, s.plan) for s in store.studies.sets(study_id)] == [("fit", plan)]


def test_summaries_are_newest_first_and_count(
    store: Store, made_up: Dataset, samples: SampleSet, chunk: Callable[[int, int], Draws]
) -> None:
    two = SamplingPlan(points=(1, 2), min_size=2, max_size=4)
    later = store.studies.create(made_up, "knn", {}, "accuracy", "later", two)
    store.shards.add(samples, 0, 5, chunk(0, 5))
    store.studies.add_set(samples.study_id, "validation", SamplingPlan(min_size=2, max_size=5, draws=9, seed=1))
    store.shards.add(store.studies.sets(samples.study_id)[1], 0, 3, chunk(0, 3))
    first, second = store.studies.summaries()
    assert (first.id, first.n_valued, first.done, first.total, first.fits) == (later, 2, 0, 200, ())
    assert (second.id, second.n_valued, second.done, second.total) == (samples.study_id, 7, 5, 40)
    assert (second.min_size, second.max_size, second.learner_params) == (2, 5, {"C": 0.5})
    assert store.studies.summaries(samples.study_id) == [second]
    assert [s.role for s in store.studies.sets(samples.study_id)] == ["fit", "validation"]


def test_deleting_takes_the_dataset_with_the_last_study(store: Store, made_up: Dataset, samples: SampleSet) -> None:
    other = store.studies.create(made_up, "knn", {}, "log_loss", "other", SamplingPlan())
    job = store.jobs.enqueue(other, "fit", {})
    with store.shards.exclusively(samples):
        pass
    store.studies.delete(samples.study_id)
    assert store.datasets.load(made_up.fingerprint).name == "made up"
    assert not store.studies.folder(samples.study_id).exists()
    with pytest.raises(NotFoundError):
        store.studies.get(samples.study_id)
    with pytest.raises(NotFoundError):
        store.studies.delete(samples.study_id)
    store.studies.delete(other)
    with pytest.raises(NotFoundError):
        store.jobs.get(job.id)
    with pytest.raises(NotFoundError):
        store.datasets.load(made_up.fingerprint)
    assert [path for path in store.folder.rglob("*") if path.is_file() and "sqlite" not in path.name] == []


def test_a_study_with_a_running_job_is_not_deleted(store: Store, samples: SampleSet) -> None:
    store.jobs.enqueue(samples.study_id, "fit", {})
    store.jobs.claim(Process(1, 2.0))
    with pytest.raises(StoreError, match="Cancel the job"):
        store.studies.delete(samples.study_id)
    assert store.studies.folder(samples.study_id).parent == store.folder / "studies"
    assert store.studies.get(samples.study_id).name == "a study"


def test_selections_belong_to_their_study(store: Store, made_up: Dataset, samples: SampleSet) -> None:
    kept = store.studies.save_selection(samples.study_id, Selection((3, 1), 3))
    empty = store.studies.save_selection(samples.study_id, Selection((), None))
    assert store.studies.load_selection(samples.study_id, kept) == Selection((3, 1), 3)
    assert store.studies.load_selection(samples.study_id, empty) == Selection((), None)
    other = store.studies.create(made_up, "knn", {}, "log_loss", "other", SamplingPlan())
    with pytest.raises(NotFoundError, match="Select points again"):
        store.studies.load_selection(other, kept)


def test_the_newest_audit_counts(store: Store, samples: SampleSet) -> None:
    assert store.studies.last_audit(samples.study_id) is None
    store.studies.save_audit(samples.study_id, {"pairs": 3, "passed": False})
    store.studies.save_audit(samples.study_id, {"pairs": 5, "passed": True, "max_error": 1e-17})
    assert store.studies.last_audit(samples.study_id) == {"pairs": 5, "passed": True, "max_error": 1e-17}


def _laws(method: str, shift: float = 0.0) -> Laws:
    vector = np.array([1.0, np.nan, -3.0]) + shift
    return Laws(
        method=method,
        c=vector,
        alpha=vector / 3,
        sigma=vector * 2,
        beta=vector,
        alpha_low=vector - 1,
        alpha_high=vector + 1,
        status=np.array(["ok", "no_signal", "ok"]),
        n_draws=np.array([4, 5, 6]),
        lack_of_fit=vector,
        covariance=np.arange(12.0).reshape(3, 2, 2),
        center=316.2277660168379,
        min_size=2,
        max_size=5,
        points=np.array([6, 0, 2]),
    )


def test_fits_come_back_by_method_and_age(store: Store, samples: SampleSet) -> None:
    with pytest.raises(NotFoundError, match="no fit yet"):
        store.fits.load(samples.study_id)
    for method, shift in (("likelihood", 0.0), ("shrinkage", 1.0), ("likelihood", 2.0)):
        store.fits.save(samples.study_id, "fit", _laws(method, shift), 40, 0.25)
    for wanted, expected in ((None, _laws("likelihood", 2.0)), ("shrinkage", _laws("shrinkage", 1.0))):
        back = Store(store.folder).fits.load(samples.study_id, wanted)
        for field in fields(Laws):
            np.testing.assert_array_equal(getattr(back, field.name), getattr(expected, field.name))
    records = store.fits.records(samples.study_id)
    assert [record.method for record in records] == ["likelihood", "shrinkage", "likelihood"]
    assert records[0].status_counts == {"no_signal": 1, "ok": 2}
    assert (records[0].n_coalitions, records[0].role, records[0].seconds) == (40, "fit", 0.25)
    assert set(store.studies.summaries()[0].fits) == {"likelihood", "shrinkage"}
    with pytest.raises(NotFoundError, match="'two_term'"):
        store.fits.load(samples.study_id, "two_term")


def test_what_other_rows_would_change_comes_back_and_a_fit_that_kept_r2_opens(store: Store, samples: SampleSet) -> None:
    rows = RowDeviation(np.array([2.0, 5.0]), np.arange(6.0).reshape(2, 3))
    store.fits.save(samples.study_id, "fit", replace(_laws("likelihood"), rows=rows), 40, 0.25)
    back = store.fits.load(samples.study_id).rows
    assert back is not None
    np.testing.assert_array_equal(back.sizes, rows.sizes)
    np.testing.assert_array_equal(back.deviation, rows.deviation)
    kept = store.fits.save(samples.study_id, "fit", _laws("shrinkage"), 40, 0.25)
    path = store.folder / "studies" / samples.study_id / "fits" / f"{kept.id}.npz"
    with np.load(path) as archive:
        arrays = {"r2" if name == "lack_of_fit" else name: archive[name] for name in archive.files}
    digest = save_arrays(path, arrays)
    with closing(sqlite3.connect(store.folder / "dscale.sqlite3")) as db, db:
        db.execute("UPDATE fits SET sha256 = ? WHERE id = ?", (digest, kept.id))
    older = store.fits.load(samples.study_id, "shrinkage")
    assert np.isnan(older.lack_of_fit).all()
    np.testing.assert_array_equal(older.c, _laws("shrinkage").c)


def test_old_fits_are_kept_and_come_back_by_id(store: Store, made_up: Dataset, samples: SampleSet) -> None:
    kept = [store.fits.save(samples.study_id, "fit", _laws("likelihood", shift), 40, 0.25) for shift in (0.0, 1.0, 2.0)]
    for record, shift in zip(kept, (0.0, 1.0, 2.0), strict=True):
        back = store.fits.load(samples.study_id, fit_id=record.id)
        np.testing.assert_array_equal(back.c, _laws("likelihood", shift).c)
    with pytest.raises(NotFoundError, match="has no fit 'nothere'"):
        store.fits.load(samples.study_id, fit_id="nothere")
    with pytest.raises(NotFoundError, match="has no fit"):
        store.fits.load(samples.study_id, "shrinkage", kept[0].id)
    other = store.studies.create(made_up, "knn", {}, "log_loss", "other", SamplingPlan())
    with pytest.raises(NotFoundError, match="has no fit"):
        store.fits.load(other, fit_id=kept[0].id)


def test_a_damaged_fit_is_reported(store: Store, samples: SampleSet) -> None:
    record = store.fits.save(samples.study_id, "fit", _laws("likelihood"), 40, 0.1)
    path: Path = store.fits._path(samples.study_id, record.id)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match="damaged"):
        store.fits.load(samples.study_id)


def _values(name: str, shift: float = 0.0) -> Values:
    return Values(name, np.array([6, 0, 2]), np.array([1.0, np.nan, -3.0]) + shift, np.full(3, 0.5), "nats", 0.25)


def test_values_come_back_by_name_and_id(store: Store, made_up: Dataset, samples: SampleSet) -> None:
    with pytest.raises(NotFoundError, match="no value yet"):
        store.values.load(samples.study_id)
    fit = store.fits.save(samples.study_id, "fit", _laws("likelihood"), 40, 0.1)
    kept = [
        store.values.save(samples.study_id, _values("shapley", 1.0), fit, 40, 2, 5, 0),
        store.values.save(samples.study_id, _values("mean", 2.0), None, 24, 2, 4, 3),
        store.values.save(samples.study_id, _values("shapley", 3.0), None, 0, 2, 5, 0),
    ]
    assert Store(store.folder).values.records(samples.study_id) == kept[::-1]
    assert (kept[0].fit_id, kept[0].method, kept[0].n_coalitions) == (fit.id, "likelihood", 40)
    assert (kept[1].fit_id, kept[1].method, kept[1].max_size, kept[1].seed, kept[1].seconds) == (None, None, 4, 3, 0.25)
    for wanted, shift in (({}, 3.0), ({"name": "mean"}, 2.0), ({"value_id": kept[0].id}, 1.0)):
        back = Store(store.folder).values.load(samples.study_id, **wanted)
        expected = _values(back.name, shift)
        for field in fields(Values):
            np.testing.assert_array_equal(getattr(back, field.name), getattr(expected, field.name))
    other = store.studies.create(made_up, "knn", {}, "log_loss", "other", SamplingPlan())
    for wanted in ({"name": "nothing"}, {"value_id": "nothere"}, {"name": "mean", "value_id": kept[0].id}):
        with pytest.raises(NotFoundError, match="Compute it first"):
            store.values.load(samples.study_id, **wanted)
    with pytest.raises(NotFoundError, match="no value"):
        store.values.load(other, value_id=kept[0].id)
    path: Path = store.values._path(samples.study_id, kept[2].id)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match="damaged"):
        store.values.load(samples.study_id)
    store.studies.delete(samples.study_id)
    assert store.values.records(samples.study_id) == []
    assert not path.exists()


def test_a_learners_entry_comes_back(store: Store, made_up: Dataset, samples: SampleSet) -> None:
    entry = {"home": "mine:Learner", "info": {"name": "né", "params": {"a": [1, 2]}}}
    study_id = store.studies.create(made_up, "né", {}, "log_loss", "other", SamplingPlan(), entry)
    assert store.studies.get(study_id).learner_entry == entry
    assert store.studies.get(samples.study_id).learner_entry is None
    assert {summary.learner for summary in store.studies.summaries()} == {"né", "logistic"}


def test_a_jobs_entries_come_back(store: Store, samples: SampleSet) -> None:
    entries = {"method": {"home": "mine:fit", "info": {"name": "né"}}}
    job = store.jobs.enqueue(samples.study_id, "fit", {"method": "né"}, entries)
    assert store.jobs.get(job.id).entries == entries
    assert store.jobs.enqueue(samples.study_id, "sample", {}).entries == {}
