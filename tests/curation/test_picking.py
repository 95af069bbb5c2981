"""Which points are picked, in which order, and what is said about those left out."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dscale_core.curation import export_csv, pick, rank_points
from dscale_core.curation.ranking import LAW_COLUMNS
from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, Laws

N = 24


def _dataset(task: str = "classification") -> Dataset:
    y = np.arange(N) % 3 if task == "classification" else np.linspace(0, 1, N)
    records = pd.DataFrame(
        {"age": np.arange(N), "label": [f"=cmd{i}" for i in range(N)], "record_label": ["x"] * N, "psi": ["y"] * N},
        index=pd.Index(np.arange(N) + 1000, name="row"),
    )
    empty, names = np.zeros((0, 1)), ("a", "b", "c") if task == "classification" else ()
    return Dataset(
        "toy", task, np.zeros((N, 1)), y, empty, y[:0], empty, y[:0], ("f",), names, records, "print"  # type: ignore[arg-type]
    )  # fmt: skip


def _laws(seed: int = 0, **changes: Any) -> Laws:
    rng = np.random.default_rng(seed)
    vector = np.ones(N)
    laws = Laws(
        method="likelihood",
        c=rng.normal(size=N),
        alpha=rng.uniform(0.5, 2, N),
        sigma=vector,
        beta=vector,
        alpha_low=vector * 0.4,
        alpha_high=vector * 2.1,
        status=np.full(N, "ok", dtype="<U13"),
        n_draws=np.full(N, 50),
        lack_of_fit=vector,
        covariance=np.tile(np.eye(2) * 1e-4, (N, 1, 1)),
        center=300.0,
        min_size=100,
        max_size=1000,
    )
    return replace(laws, **changes)


@pytest.mark.parametrize(("goal", "sign"), [("add", -1), ("drop", 1), ("check", 1)])
def test_free_picks_are_the_extremes_of_psi_in_order(goal: Any, sign: int) -> None:
    laws = _laws()
    table = pick(laws, _dataset(), k=500, n=10, balance="free", goal=goal)
    psi = laws.psi(500)
    assert table["point"].tolist() == np.argsort(sign * psi)[:10].tolist()
    assert table["rank"].tolist() == list(range(1, 11))
    np.testing.assert_allclose(table["psi"], psi[table["point"]])


def test_the_best_points_change_with_the_size() -> None:
    laws = _laws(c=np.where(np.arange(N) < 12, 100.0, 1.0), alpha=np.where(np.arange(N) < 12, 2.0, 0.5))
    small, large = (set(pick(laws, _dataset(), k=k, n=12, balance="free")["point"]) for k in (5, 1000))
    assert small == set(range(12))
    assert large == set(range(12, 24))


def test_equal_balance_splits_and_gives_the_remainder_to_the_best() -> None:
    laws = _laws()
    table = pick(laws, _dataset(), k=500, n=11)
    psi, y = laws.psi(500), np.arange(N) % 3
    expected = {int(i) for c in range(3) for i in np.flatnonzero(y == c)[np.argsort(-psi[y == c])[:3]]}
    rest = [int(i) for i in np.argsort(-psi) if int(i) not in expected][:2]
    assert set(table["point"]) == expected | set(rest)
    assert table["psi"].is_monotonic_decreasing
    assert table["rank"].tolist() == list(range(1, 12))
    assert table.attrs["class_shortfall"] == {}


@pytest.mark.parametrize("goal", ["drop", "check"])
def test_wrong_labels_are_found_where_they_are(goal: Any) -> None:
    harmful = np.arange(N) % 3 == 0  # a class of its own, as where wrong labels make a rare class common
    laws, n = _laws(c=np.where(harmful, -2.0, 1.0) * np.linspace(1, 2, N)), int(harmful.sum())
    found = pick(laws, _dataset(), k=500, n=n, goal=goal)
    assert set(found["point"]) == set(np.flatnonzero(harmful))
    assert found.attrs["class_shortfall"] == {}
    equal = pick(laws, _dataset(), k=500, n=n, goal=goal, balance="equal")  # asked for, and so done
    assert equal["label"].value_counts().tolist() == [4, 2, 2]
    assert set(pick(laws, _dataset(), n=6)["label"].value_counts()) == {2}  # points to add are wanted of every class


def test_a_class_that_runs_short_is_named() -> None:
    candidates = [0, 1, 3, 4, 6, 7, 9, 10, 2]
    table = pick(_laws(), _dataset(), n=9, candidates=candidates)
    assert sorted(table["point"]) == sorted(candidates)
    assert table.attrs["class_shortfall"] == {"c": 2}


def test_columns_carry_law_record_and_source_row() -> None:
    laws = _laws()
    table = pick(laws, _dataset(), n=5)
    assert tuple(table.columns) == (*LAW_COLUMNS, "age", "record_label", "record_record_label", "record_psi")
    low, high = laws.psi_interval(1000)
    for _, row in table.iterrows():
        i = row["point"]
        assert (row["row"], row["age"], row["record_label"]) == (1000 + i, i, f"=cmd{i}")
        assert row["label"] == "abc"[i % 3]
        assert (row["psi_low"], row["psi_high"]) == (pytest.approx(low[i]), pytest.approx(high[i]))


def test_flagged_points_are_left_out_on_record() -> None:
    status = np.full(N, "ok", dtype="<U13")
    status[:3], status[3] = "at_bound", "no_signal"
    c = np.ones(N) * 5
    c[3] = np.nan
    laws = _laws(status=status, c=c)
    table = pick(laws, _dataset(), n=6, balance="free")
    assert not set(table["point"]) & {0, 1, 2, 3}
    assert table.attrs["left_out"] == {"at_bound": 3, "no_signal": 1}
    everything = pick(laws, _dataset(), n=23, balance="free", include_flagged=True)
    assert set(everything["point"]) == set(range(N)) - {3}
    assert everything.attrs["left_out"] == {"no_signal": 1}


def test_points_that_follow_a_curve_are_not_left_out_for_their_shape() -> None:
    status = np.full(N, "ok", dtype="<U13")
    status[:4] = "at_bound", "sign_change", "grows", "no_signal"
    c = np.ones(N) * 5
    c[3] = np.nan
    plain = _laws(status=status, c=c)
    curved = replace(plain, curve=np.zeros((N, 2)), curve_deviation=np.ones((N, 2)), curve_sizes=np.array([100.0, 1000.0]))
    assert pick(curved, _dataset(), n=23, balance="free").attrs["left_out"] == {"no_signal": 1}
    left = pick(plain, _dataset(), n=6, balance="free").attrs["left_out"]
    assert left == {"at_bound": 1, "grows": 1, "no_signal": 1, "sign_change": 1}


def test_laws_of_a_part_of_the_pool_keep_their_pool_indices() -> None:
    points = np.arange(N) [::-1].copy()  # fmt: skip
    laws = _laws(points=points)
    table = pick(laws, _dataset(), n=1, balance="free")
    assert table["point"][0] == points[np.argmax(laws.psi(1000))]
    assert table["row"][0] == 1000 + table["point"][0]


def test_regression_has_no_classes_to_balance() -> None:
    equal, free = (pick(_laws(), _dataset("regression"), n=7, balance=b) for b in ("equal", "free"))
    pd.testing.assert_frame_equal(equal, free)
    np.testing.assert_allclose(equal["label"], np.linspace(0, 1, N)[equal["point"]])


def test_ranking_puts_points_without_a_law_last() -> None:
    c = np.ones(N)
    c[:2] = np.nan
    table = rank_points(_laws(c=c), _dataset(), 100)
    assert set(table["point"][-2:]) == {0, 1}
    assert len(table) == N


@pytest.mark.parametrize(
    ("argument", "bad"),
    [
        ("n", {"n": 25}),
        ("n", {"n": 0}),
        ("n", {"n": 3, "candidates": [1, 2]}),
        ("goal", {"goal": "sell"}),
        ("balance", {"balance": "fair"}),
        ("n", {"n": 2.5}),
        ("candidates", {"candidates": [1, 99]}),
        ("candidates", {"candidates": [1.7]}),
        ("candidates", {"candidates": np.arange(N) > 3}),
        ("k", {"k": 0}),
    ],
)
def test_bad_calls_name_their_argument(argument: str, bad: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument} must"):
        pick(_laws(), _dataset(), **bad)


def test_what_is_asked_for_where_nothing_is_said() -> None:
    with pytest.raises(ArgumentError, match="got 100 with 24 of 24 candidates"):
        pick(_laws(), _dataset())
    with pytest.raises(ArgumentError, match="got 1 with 0 of 0 candidates"):
        pick(_laws(), _dataset(), n=1, candidates=[])
    laws, dataset = _laws(), _dataset()
    pd.testing.assert_frame_equal(rank_points(laws, dataset), rank_points(laws, dataset, 1000, highest_first=True))
    assert pick(laws, dataset, n=5)["point"].tolist() == pick(laws, dataset, 1000, 5, "equal", "add")["point"].tolist()


def test_points_of_one_value_keep_the_order_of_the_pool() -> None:
    table = rank_points(_laws(points=np.arange(N)[::-1].copy(), c=np.ones(N), alpha=np.ones(N)), _dataset())
    assert table["point"].tolist() == list(range(N))


@pytest.mark.parametrize("shift", [1, 5])
def test_laws_of_another_dataset_are_refused(shift: int) -> None:
    with pytest.raises(ArgumentError, match=r"^laws must"):
        pick(_laws(points=np.arange(N) + shift), _dataset(), n=3)


def test_a_pick_survives_the_way_through_csv() -> None:
    import io

    table = pick(_laws(), _dataset(), n=9)
    back = pd.read_csv(io.BytesIO(export_csv(table)))
    assert back["record_label"].tolist() == [f"'{v}" for v in table["record_label"]]
    kept = [name for name in table.columns if name != "record_label"]
    pd.testing.assert_frame_equal(back[kept], table[kept], check_dtype=False, check_exact=False, rtol=1e-12)
