"""The built-in sets against their sources and their stated shapes."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets as sklearn_datasets
from sklearn.preprocessing import StandardScaler

from dscale_core.datasets import builtin, describe_dataset, list_datasets, load_dataset, register_dataset
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.types import Dataset

SIZES = {
    "digits": (1297, 300, 200),
    "digits_low_high": (1297, 300, 200),
    "breast_cancer": (341, 114, 114),
    "wine": (106, 36, 36),
    "diabetes": (266, 88, 88),
    "lm_clf": (10_000, 1_000, 1_000),
    "lm_reg": (10_000, 1_000, 1_000),
}


def _all_rows(dataset: Dataset) -> np.ndarray:
    return np.vstack([dataset.X_pool, dataset.X_valuation, dataset.X_test])


def test_the_registry_lists_every_set() -> None:
    assert sorted(list_datasets()) == sorted(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_stated_shape_types_and_description(name: str) -> None:
    dataset, info = load_dataset(name), describe_dataset(name)
    assert (dataset.y_pool.size, dataset.y_valuation.size, dataset.y_test.size) == SIZES[name]
    assert (info.name, info.task) == (name, dataset.task) == (dataset.name, dataset.task)
    assert (info.n_rows, info.n_features) == (sum(SIZES[name]), dataset.n_features) == _all_rows(dataset).shape
    for X in (dataset.X_pool, dataset.X_valuation, dataset.X_test):
        assert X.dtype == np.float64
        assert X.flags.c_contiguous
        assert np.isfinite(X).all()
    wanted = np.int64 if dataset.task == "classification" else np.float64
    assert {y.dtype for y in (dataset.y_pool, dataset.y_valuation, dataset.y_test)} == {np.dtype(wanted)}
    assert len(set(dataset.feature_names)) == dataset.n_features
    assert len(dataset.records) == dataset.n_points
    assert dataset.records.index.name == "row"
    assert dataset.records[dataset.label_name].astype(str).tolist() == [str(label) for label in dataset.labels()]


@pytest.mark.parametrize("name", [name for name in SIZES if name not in ("diabetes", "lm_reg")])
def test_parts_keep_the_class_proportions(name: str) -> None:
    dataset = load_dataset(name)
    parts = (dataset.y_pool, dataset.y_valuation, dataset.y_test)
    overall = np.bincount(np.concatenate(parts)) / sum(y.size for y in parts)
    for y in parts:
        assert np.abs(np.bincount(y) - overall * y.size).max() < 2


def test_digits_are_the_source_rows_named_by_row() -> None:
    source, dataset = sklearn_datasets.load_digits(), load_dataset("digits")
    rows = dataset.records.index.to_numpy()
    np.testing.assert_array_equal(dataset.X_pool, source.data[rows] / 16)
    np.testing.assert_array_equal(dataset.y_pool, source.target[rows])
    assert dataset.image_shape == (8, 8)
    assert dataset.records.columns[0] == "pixel_0_0"
    assert dataset.records["pixel_7_6"].tolist() == source.images[rows, 7, 6].tolist()


def test_low_high_is_digits_in_halves() -> None:
    dataset = load_dataset("digits_low_high")
    assert dataset.class_names == ("0-4", "5-9")
    np.testing.assert_array_equal(dataset.y_pool, dataset.records["digit"] >= 5)


@pytest.mark.parametrize(("name", "scaled"), [("breast_cancer", {}), ("wine", {}), ("diabetes", {"scaled": False})])
def test_classic_sets_are_standardised_by_the_pool_alone(name: str, scaled: dict[str, bool]) -> None:
    source, dataset = getattr(sklearn_datasets, f"load_{name}")(**scaled), load_dataset(name)
    scaler = StandardScaler().fit(source.data[dataset.records.index])
    np.testing.assert_allclose(dataset.X_pool, scaler.transform(source.data[dataset.records.index]), atol=1e-12)
    everything = scaler.transform(source.data)
    wanted = everything[np.lexsort(everything.T)]
    np.testing.assert_allclose(
        _all_rows(dataset)[np.lexsort(_all_rows(dataset).T.round(9))], wanted[np.lexsort(wanted.T.round(9))], atol=1e-9
    )


def test_linear_sets_follow_their_law_and_share_rows() -> None:
    reg, clf = load_dataset("lm_reg"), load_dataset("lm_clf")
    w, residual, rank, _ = np.linalg.lstsq(reg.X_pool, reg.y_pool, rcond=None)
    noise = reg.y_valuation - reg.X_valuation @ w
    assert rank == 50
    assert 0.09 < noise.std() < 0.11
    assert residual.size == 1
    assert abs(reg.X_pool.mean()) < 0.01
    assert abs(reg.X_pool.std() - 1) < 0.01
    agreement = (clf.X_valuation @ w > 0) == (clf.y_valuation == clf.class_names.index("positive"))
    assert agreement.mean() > 0.98
    assert set(map(bytes, _all_rows(reg))) == set(map(bytes, _all_rows(clf)))


@pytest.mark.parametrize("name", SIZES)
def test_loading_twice_gives_the_same(name: str) -> None:
    assert load_dataset(name).fingerprint == load_dataset(name).fingerprint


def test_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'digits'"):
        load_dataset("digts")
    with pytest.raises(NotFoundError, match="Choose one of: digits"):
        describe_dataset("mnist-100")


def load_own() -> object:
    return load_dataset("wine")


def load_table() -> object:
    return [[1.0, 2.0]]


def load_some(n_rows: int) -> object:
    return n_rows


def test_a_set_of_ones_own_is_listed_last_and_must_be_a_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtin.DATASETS, "_entries", dict(builtin.DATASETS._entries))
    about = {"task": "classification", "n_rows": 178, "n_features": 13, "summary": "Mine."}
    register_dataset("own", load_own, **about)
    assert list_datasets()[-1] == "own"
    assert (describe_dataset("own").n_features, describe_dataset("own").summary) == (13, "Mine.")
    assert load_dataset("own").fingerprint == load_dataset("wine").fingerprint
    for home, message in ((load_table, "load_table must return a Dataset; got list"), (load_some, "without arguments")):
        register_dataset(home.__name__, home, **about)
        with pytest.raises(ArgumentError, match=message):
            load_dataset(home.__name__)
    with pytest.raises(ArgumentError, match="name must be new"):
        register_dataset("digits", load_own, **about)


def test_listing_loads_no_heavy_library() -> None:
    code = (
        "import sys; from dscale_core import datasets as d; [d.describe_dataset(n) for n in d.list_datasets()];"
        "print([m for m in ('pandas', 'sklearn', 'scipy', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip() == "[]"


def test_the_package_exports_what_it_declares() -> None:
    import dscale_core.datasets as package

    assert dir(package) == sorted(package.__all__)
    assert all(callable(getattr(package, name)) for name in package.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name
