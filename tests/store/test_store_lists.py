"""Lists on disk: whole or not there, newest first, checked when they are read."""

from __future__ import annotations

from collections.abc import Callable

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


def test_addition_experiments_come_back_newest_first(store: Store, samples: SampleSet) -> None:
    study = samples.study_id
    assert store.lists.additions(study) == []
    with pytest.raises(NotFoundError, match="no such addition experiment"):
        store.lists.load_addition(study)
    said = {
        "fit_id": "f", "n": 9, "small": 20, "large": 80, "repeats": 5, "seed": 1, "verdict": "Worse.", "seconds": 1.0,
        "version": "9",
    }  # fmt: skip
    older, newer = (store.lists.save_addition(study, Kept({"gain": np.array([g])}, {"n": 1}), **said) for g in (0.5, 0.7))
    assert Store(store.folder).lists.additions(study) == [newer, older]
    assert store.lists.load_addition(study).arrays["gain"].tolist() == [0.7]
    assert store.lists.load_addition(study, older.id).arrays["gain"].tolist() == [0.5]
    with pytest.raises(NotFoundError, match="no such addition experiment"):
        store.lists.load_addition(study, "../../etc")


BEGUN = Kept({"points": np.array([4, 2]), "known": np.array([np.inf, 0.5])}, {"looks": 2, "ended": False})


def test_what_was_begun_comes_back_until_it_is_removed(store: Store, samples: SampleSet) -> None:
    study, begun = samples.study_id, store.lists.begun
    assert begun.load(study, "a1", 0) is None
    begun.save(study, "a1", 0, Kept({"points": np.array([4])}, {}))
    begun.save(study, "a1", 0, BEGUN)
    begun.save(study, "b2", 0, KEPT)
    back = Store(store.folder).lists.begun.load(study, "a1", 0)
    assert back is not None
    assert back.facts == BEGUN.facts
    for name, array in BEGUN.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)
    assert begun.load(study, "a1", 1) is None
    begun.remove(study, "a1")
    assert begun.load(study, "a1", 0) is None
    assert begun.load(study, "b2", 0) is not None
    begun.remove(study, "a1")


@pytest.mark.parametrize("harm", [lambda b: b[:-1], lambda b: b[:40] + b"x" + b[41:], lambda _: b"", lambda b: b[::-1]])
def test_damaged_beginnings_are_passed_over(store: Store, samples: SampleSet, harm: Callable[[bytes], bytes]) -> None:
    begun = store.lists.begun
    begun.save(samples.study_id, "a1", 3, BEGUN)
    (path,) = (store.studies.folder(samples.study_id) / "begun" / "a1").iterdir()
    path.write_bytes(harm(path.read_bytes()))
    assert begun.load(samples.study_id, "a1", 3) is None


def test_questions_that_were_given_up_are_forgotten(store: Store, samples: SampleSet) -> None:
    for number in range(12):
        store.lists.begun.save(samples.study_id, f"key{number}", 0, BEGUN)
    assert len(list((store.studies.folder(samples.study_id) / "begun").iterdir())) == 8
    assert store.lists.begun.load(samples.study_id, "key11", 0) is not None
