"""Lists on disk: whole or not there, newest first, checked when they are read."""

from __future__ import annotations

import numpy as np
import pytest

from dscale_core.errors import NotFoundError, StoreError
from dscale_core.store import Kept, Store
from dscale_core.store.records import SampleSet

SAID = {
    "goal": "add", "asked": 9, "n_points": 2, "shares": "free", "seed": 3, "source": "=Made.", "current_size": 4,
    "seconds": 0.5, "version": "9",
}  # fmt: skip
KEPT = Kept({"points": np.array([5, 1])}, {"goal": "add", "worth": float("inf"), "short": {"a": 1}})


def test_lists_come_back_newest_first(store: Store, samples: SampleSet) -> None:
    study = samples.study_id
    older, newer = (store.lists.save_choice(study, KEPT, **SAID) for _ in range(2))
    assert Store(store.folder).lists.choices(study) == [newer, older]
    back = store.lists.load_choice(study, older.id)
    assert back.arrays["points"].tolist() == [5, 1]
    assert back.facts == KEPT.facts
    for unknown in ("other", "../../etc"):
        with pytest.raises(NotFoundError, match="no list"):
            store.lists.load_choice(study, unknown)


def test_a_damaged_list_is_reported_and_the_others_stay(store: Store, samples: SampleSet) -> None:
    record, whole = (store.lists.save_choice(samples.study_id, KEPT, **SAID) for _ in range(2))
    path = store.studies.folder(samples.study_id) / "choices" / f"{record.id}.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match="is damaged"):
        store.lists.load_choice(samples.study_id, record.id)
    assert store.lists.load_choice(samples.study_id, whole.id).facts["goal"] == "add"


def test_what_could_not_be_written_is_not_registered(store: Store, samples: SampleSet) -> None:
    objects = Kept({"points": np.array([object()])}, {})
    with pytest.raises(StoreError, match="Python objects"):
        store.lists.save_choice(samples.study_id, objects, **SAID)
    assert store.lists.choices(samples.study_id) == []


def test_a_verification_belongs_to_its_list(store: Store, samples: SampleSet) -> None:
    study = samples.study_id
    one, other = (store.lists.save_choice(study, KEPT, **SAID) for _ in range(2))
    said = {"fit_id": None, "repeats": 5, "seed": 1, "verdict": "Better.", "seconds": 1.0, "version": "9"}
    record = store.lists.save_verification(study, Kept({"gain": np.array([0.5])}, {"n": 1}), choice_id=one.id, **said)
    assert store.lists.verifications(one.id) == [record]
    assert store.lists.verifications(other.id) == []
    assert store.lists.load_verification(study, one.id).arrays["gain"].tolist() == [0.5]
    with pytest.raises(NotFoundError, match="no verification yet"):
        store.lists.load_verification(study, other.id)


def test_the_newest_current_set_counts_and_earlier_ones_stay(store: Store, samples: SampleSet) -> None:
    study = samples.study_id
    assert store.lists.current(study) is None
    first = store.lists.save_current(study, np.array([1, 3]), "One.")
    store.lists.save_current(study, np.array([2]), "Two.")
    newest, earlier = store.lists.current(study), store.lists.current(study, first.id)
    assert newest is not None
    assert earlier is not None
    assert (newest.source, newest.points.tolist()) == ("Two.", [2])
    assert (earlier.source, earlier.points.tolist()) == ("One.", [1, 3])
