"""Why a point of a high rank is not on a list: literal refits say the same, and a twin is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.curation import Choice, choose, explain_left_out


@pytest.fixture(scope="module")
def dataset() -> ds.Dataset:
    return toy_dataset(n=160, d=3, noise=1.5, seed=4)


@pytest.fixture(scope="module")
def laws(dataset: ds.Dataset) -> ds.Laws:
    draws = ds.sample(dataset, ds.make_learner("logistic"), ds.SamplingPlan(min_size=15, max_size=60, draws=30))
    return ds.fit_laws(draws.delta, draws.sizes)


@pytest.fixture(scope="module")
def choice(dataset: ds.Dataset) -> Choice:
    made = choose(dataset, ds.make_learner("logistic"), np.arange(30), n=5)
    assert made.points.size > 1
    return made


def test_gains_are_those_of_refits(dataset: ds.Dataset, laws: ds.Laws, choice: Choice) -> None:
    learner = ds.make_learner("logistic")
    found = explain_left_out(dataset, learner, choice, laws, n=4)
    psi = laws.psi(30.0)
    psi_of = dict(zip(laws.points.tolist(), psi.tolist(), strict=True))
    others = [z for z in range(30, dataset.n_points) if z not in choice.points and np.isfinite(psi_of[z])]
    assert found.points.tolist() == sorted(others, key=lambda z: -psi_of[z])[:4]
    beside = np.setdiff1d(np.arange(30, dataset.n_points), np.concatenate([found.points, choice.points]))
    on_rows = replace(
        dataset,
        X_valuation=np.concatenate([dataset.X_valuation, dataset.X_pool[beside]]),
        y_valuation=np.concatenate([dataset.y_valuation, dataset.y_pool[beside]]),
    )

    def gain(members: np.ndarray, z: int) -> float:
        before = learner.reference_loss(on_rows, members, "log_loss")
        return before - learner.reference_loss(on_rows, np.append(members, z), "log_loss")

    along = [np.concatenate([np.arange(30), choice.points[:i]]) for i in range(choice.points.size + 1)]
    for i, z in enumerate(found.points):
        gains = np.array([gain(members, int(z)) for members in along])
        assert found.before[i] == pytest.approx(gains[0], abs=1e-6)
        assert found.after[i] == pytest.approx(gains[-1], abs=1e-6)
        falls = gains[:-1] - gains[1:]
        assert found.taken_by[i] == choice.points[falls.argmax()]
        assert found.fall[i] == pytest.approx(falls.max(), abs=1e-6)
    assert found.to_frame()["why"].tolist() == list(found.why)


def test_a_twin_of_a_chosen_point_is_redundant_with_it(dataset: ds.Dataset, laws: ds.Laws, choice: Choice) -> None:
    X, y = dataset.X_pool.copy(), dataset.y_pool.copy()
    first, twin = int(choice.points[0]), int(np.setdiff1d(choice.candidates, choice.points)[0])
    X[twin], y[twin] = X[first], y[first]
    made = replace(dataset, X_pool=X, y_pool=y)
    highest = replace(laws, c=np.where(laws.points == twin, 1e3, laws.c))
    alone = replace(choice, points=choice.points[:1], dropped=choice.dropped[:1])
    found = explain_left_out(made, ds.make_learner("logistic"), alone, highest, n=1)
    assert found.points.tolist() == [twin]
    assert found.taken_by.tolist() == [first]
    assert found.after[0] < found.before[0]


def test_the_reason_is_said(choice: Choice) -> None:
    from dscale_core.curation.redundancy import _why

    stopped, ended = replace(choice, asked=choice.stop + 1), replace(choice, asked=choice.stop)
    assert _why(stopped, -0.1, 0.2, 3) == "does not help this set"
    assert _why(stopped, 0.2, 0.1, 3) == "redundant with point 3"
    assert _why(stopped, 0.2, 0.11, 3) == "still helps, by less than its risk"
    assert _why(ended, 0.2, 0.11, 3) == "still helps; the budget ended first"


def test_steps_that_leave_and_several_sets_are_followed(dataset: ds.Dataset, laws: ds.Laws, choice: Choice) -> None:
    learner, said = ds.make_learner("logistic"), []
    two = replace(choice, sets=(np.arange(30), np.arange(1, 31)), points=np.array([40, 5]), dropped=np.array([False, True]))
    both = explain_left_out(dataset, learner, two, laws, n=3, on_progress=said.append)
    assert said[2] == said[-1] == 1.0
    singles = [explain_left_out(dataset, learner, replace(two, sets=(own,)), laws, n=3) for own in two.sets]
    np.testing.assert_allclose(both.after, np.mean([one.after for one in singles], axis=0))
    none = explain_left_out(dataset, learner, replace(two, candidates=np.array([40])), laws)
    assert none.points.size == 0
    assert none.to_frame().empty
