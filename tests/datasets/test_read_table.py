"""Tables: encoding against scikit-learn and pandas, tasks, notes, formats."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dscale_core.datasets import read_table
from dscale_core.datasets.columns import parse_column
from dscale_core.datasets.encode import MAX_LEVELS, encode, unique_names
from dscale_core.errors import ArgumentError, DataError
from dscale_core.types import Dataset


def make_frame(n: int = 60, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "height": random.normal(170, 10, n),
            "age": random.integers(20, 60, n),
            "color": random.choice(["red", "green", "blue"], n),
            "label": np.arange(n) % 2,
        }
    )


def _rows(dataset: Dataset, part: str, frame: pd.DataFrame, unique: str) -> pd.DataFrame:
    """Source rows of a part, found by the values of a column whose values all differ."""
    j = dataset.feature_names.index(unique)
    pool = frame.loc[dataset.records.index, unique]
    scaled = (frame[unique] - pool.mean()) / pool.std(ddof=0)
    column = getattr(dataset, f"X_{part}")[:, j]
    return frame.iloc[[int(np.abs(scaled - value).argmin()) for value in column]]


def test_numbers_are_imputed_and_standardised_by_the_pool_alone() -> None:
    frame = make_frame(200)
    frame.loc[::7, "age"] = np.nan
    dataset = read_table(frame, seed=3)
    pool = frame.loc[dataset.records.index]
    oracle = make_pipeline(SimpleImputer(strategy="median"), StandardScaler()).fit(pool[["height", "age"]])
    picked = [dataset.feature_names.index(name) for name in ("height", "age")]
    for part in ("pool", "valuation", "test"):
        rows = _rows(dataset, part, frame, "height")
        X = getattr(dataset, f"X_{part}")
        np.testing.assert_allclose(X[:, picked], oracle.transform(rows[["height", "age"]]), atol=1e-12)
        indicator = X[:, dataset.feature_names.index("age is missing")]
        np.testing.assert_array_equal(indicator, rows["age"].isna())
        np.testing.assert_array_equal(getattr(dataset, f"y_{part}"), rows["label"])


def test_rows_outside_the_pool_never_shape_the_encoding() -> None:
    frame = make_frame(100)
    first = read_table(frame)
    outside = ~frame.index.isin(first.records.index)
    frame.loc[outside, "height"] = frame.loc[outside, "height"] * 1000
    frame.loc[outside, "color"] = "violet"
    second = read_table(frame)
    np.testing.assert_array_equal(first.X_pool, second.X_pool)
    assert first.feature_names == second.feature_names


def test_categories_match_pandas_dummies() -> None:
    frame = make_frame(90)
    dataset = read_table(frame)
    dummies = pd.get_dummies(frame["color"], prefix="color", prefix_sep="=", dtype=float)
    picked = [dataset.feature_names.index(name) for name in dummies.columns]
    for part in ("pool", "valuation", "test"):
        rows = _rows(dataset, part, frame, "height").index
        np.testing.assert_array_equal(getattr(dataset, f"X_{part}")[:, picked], dummies.loc[rows])


def test_rare_and_unknown_levels_share_other_and_missing_is_its_own() -> None:
    cells = ["a"] * 10 + ["b"] * 5 + ["c", "d"] + [None] * 3 + ["unseen"]
    pool = np.arange(20)
    encoded = encode([parse_column("c", pd.Series(cells))], pool)
    assert encoded.feature_names == ("c=a", "c=b", "c=other", "c=missing")
    place = [0] * 10 + [1] * 5 + [2, 2] + [3] * 3 + [2]
    np.testing.assert_array_equal(encoded.X, np.eye(4)[place])
    assert any("rare levels (3)" in note and "(3 in the pool)" in note for note in encoded.notes)


def test_a_level_that_only_other_rows_have_is_all_zero_without_other() -> None:
    encoded = encode([parse_column("c", pd.Series(["a", "b"] * 5 + ["z", None]))], np.arange(10))
    np.testing.assert_array_equal(encoded.X[10:], np.zeros((2, 2)))


def test_levels_are_capped_keeping_the_most_frequent() -> None:
    levels = [f"v{j:03d}" for j in range(MAX_LEVELS + 20)]
    cells = [level for j, level in enumerate(levels) for _ in range(2 + j)]
    encoded = encode([parse_column("c", pd.Series(cells))], np.arange(len(cells)))
    assert encoded.feature_names == (*(f"c={level}" for level in levels[20:]), "c=other")


def test_encoded_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dscale_core.datasets.encode._MAX_ENCODED_BYTES", 1000)
    with pytest.raises(DataError, match=r"With column 'color' .* exceed"):
        read_table(make_frame())


def test_feature_names_never_repeat() -> None:
    assert unique_names(["a", "a", "a (2)", "b", "a"]) == ("a", "a (2)", "a (2) (2)", "b", "a (3)")
    frame = make_frame().rename(columns={"height": "color=red"})
    names = read_table(frame).feature_names
    assert len(set(names)) == len(names)


def test_question_marks_and_markers_are_missing_in_frames_too() -> None:
    frame = make_frame()
    frame["age"] = ["?", " 31 ", "40.5", "", "None"] * 12
    dataset = read_table(frame)
    assert "age" in dataset.feature_names
    missing = dataset.X_pool[:, dataset.feature_names.index("age is missing")]
    wanted = frame.loc[dataset.records.index, "age"].isin(["?", "", "None"])
    np.testing.assert_array_equal(missing, wanted)


def test_constants_identifiers_and_prose_are_named_and_left_out() -> None:
    frame = make_frame()
    n = len(frame)
    frame = frame.assign(
        same=1.5,
        empty=None,
        customer_id=np.random.default_rng(0).permutation(n) * 7,
        Unnamed=np.arange(100, 100 + n),
        key=[f"k{j}" for j in range(n)],
        story=[f"once upon a time number {j} went to the market of the town {j}" for j in range(n)],
    )
    dataset = read_table(frame)
    notes = " ".join(dataset.notes)
    assert {name.split("=")[0] for name in dataset.feature_names} == {"height", "age", "color"}
    assert "the same in every row: same, empty." in notes
    assert "names rows rather than describing them: customer_id, Unnamed, key." in notes
    assert "free text (name one column with text= to use it): story." in notes
    assert set(frame.columns) == set(dataset.records.columns)


def test_a_column_constant_in_the_pool_alone_is_left_out() -> None:
    frame = make_frame(100)
    pool = read_table(frame).records.index
    frame["flat"] = np.where(frame.index.isin(pool), 0.1 + 0.2, 9.0)
    dataset = read_table(frame)
    assert "flat" not in dataset.feature_names
    assert "Left out, constant in the pool: flat." in dataset.notes


def test_very_large_and_very_small_numbers_standardise() -> None:
    frame = make_frame(80)
    frame["large"], frame["small"] = frame["height"] * 1e95, frame["height"] * 1e-95
    dataset = read_table(frame)
    columns = [dataset.X_pool[:, dataset.feature_names.index(name)] for name in ("height", "large", "small")]
    np.testing.assert_allclose(columns[1], columns[0], rtol=1e-9)
    np.testing.assert_allclose(columns[2], columns[0], rtol=1e-9)


def test_dates_and_booleans_are_numbers() -> None:
    frame = make_frame(40)
    frame["day"] = pd.date_range("2020-01-01", periods=40, freq="37h")
    frame["member"] = np.arange(40) % 3 == 0
    dataset = read_table(frame)
    hours = 37.0 * dataset.records.index.to_numpy()
    wanted = (hours - hours.mean()) / hours.std()
    np.testing.assert_allclose(dataset.X_pool[:, dataset.feature_names.index("day")], wanted, atol=1e-9)
    member = dataset.X_pool[:, dataset.feature_names.index("member")]
    assert set(member > 0) == {False, True}
    np.testing.assert_array_equal(member > 0, dataset.records["member"])


LABELS = {
    "few integers": ([3, 1, 2] * 20, "classification", ("1", "2", "3"), "3 distinct whole numbers"),
    "whole floats": ([1.0, 0.0, -1.0] * 20, "classification", ("-1", "0", "1"), "3 distinct whole numbers"),
    "numbers by value": ([10, 9, 2] * 20, "classification", ("2", "9", "10"), "whole numbers"),
    "strings": (["b", "a", "None"] * 20, "classification", ("None", "a", "b"), "holds text"),
    "digits as strings": (["1", "0", "2"] * 20, "classification", ("0", "1", "2"), "whole numbers"),
    "booleans": ([True, False, False] * 20, "classification", ("False", "True"), "true and false"),
    "many integers": (list(range(60)), "regression", (), "60 distinct numbers"),
    "fractions": ([0.5, 1.5, 2.0] * 20, "regression", (), "3 distinct numbers"),
}


@pytest.mark.parametrize("case", LABELS)
def test_the_task_is_found_and_said(case: str) -> None:
    values, task, class_names, said = LABELS[case]
    frame = make_frame().assign(label=values)
    dataset = read_table(frame)
    assert (dataset.task, dataset.class_names) == (task, class_names)
    assert any(note.startswith(f"Task: {task}") and said in note for note in dataset.notes)
    shown = dataset.labels()
    wanted = frame.loc[dataset.records.index, "label"]
    if task == "regression":
        np.testing.assert_array_equal(shown, wanted)
    else:
        assert [str(label) for label in shown] == [str(int(v)) if isinstance(v, float) else str(v) for v in wanted]


def test_the_task_can_be_given() -> None:
    frame = make_frame()
    assert read_table(frame, task="regression").task == "regression"
    assert read_table(frame, label="color", task="classification").class_names == ("blue", "green", "red")
    halves = read_table(frame.assign(label=[0.25, 0.5] * 30), task="classification")
    assert halves.class_names == ("0.25", "0.5")
    assert any("as asked" in note for note in halves.notes)


def test_rows_without_a_label_are_dropped_and_noted() -> None:
    frame = make_frame(60).astype({"label": float})
    frame.loc[[4, 11, 30], "label"] = np.nan
    dataset = read_table(frame)
    assert dataset.n_points + dataset.y_valuation.size + dataset.y_test.size == 57
    assert not {4, 11, 30} & set(dataset.records.index)
    assert "Rows without a label in 'label' were left out: 3." in dataset.notes
    assert dataset.records["height"].tolist() == frame.loc[dataset.records.index, "height"].tolist()


def test_a_column_that_is_not_learned_from_stays_beside_the_points() -> None:
    frame = make_frame(60)
    marked = frame.assign(in_training=["yes", "no", "no"] * 20)
    dataset, plain = read_table(marked, ignore=("in_training",)), read_table(frame)
    assert dataset.feature_names == plain.feature_names
    np.testing.assert_array_equal(dataset.X_pool, plain.X_pool)
    assert dataset.records["in_training"].tolist() == marked["in_training"][dataset.records.index].tolist()
    assert "Not learned from, as asked: in_training." in dataset.notes
    assert any("in_training" in name for name in read_table(marked).feature_names)
    for wrong, message in (
        (("label",), "ignore must name neither the label"),
        (("in_trainin",), "Did you mean 'in_training'"),
        ("in_training", "ignore must be a list of column names"),
    ):
        with pytest.raises(ArgumentError, match=message):
            read_table(marked, ignore=wrong)


def test_split_seed_and_sizes_are_taken() -> None:
    frame = make_frame(100)
    dataset = read_table(frame, valuation=15, test=0.25, seed=1)
    assert (dataset.n_points, dataset.y_valuation.size, dataset.y_test.size) == (60, 15, 25)
    assert read_table(frame, valuation=15, test=0.25, seed=1).fingerprint == dataset.fingerprint
    assert read_table(frame, valuation=15, test=0.25, seed=2).fingerprint != dataset.fingerprint


def test_the_frame_is_not_changed() -> None:
    frame = make_frame()
    frame.index = frame.index + 500
    before = frame.copy(deep=True)
    dataset = read_table(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert dataset.records.index.max() < len(frame)


def test_column_names_that_are_numbers() -> None:
    frame = make_frame().rename(columns={"height": 0, "age": 1})
    assert read_table(frame).feature_names[:2] == ("0", "1")
