"""Values by name: what they need, what they return, how a table ranks them."""

from __future__ import annotations

import numpy as np
import pytest
from valued import POOL, given, simulated

from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.laws import fit_laws
from dscale_core.study import value
from dscale_core.types import Values
from dscale_core.values import (
    VALUES,
    ValueInputs,
    compute_value,
    describe_value,
    list_values,
    register_value,
    value_table,
)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VALUES, "_entries", dict(VALUES._entries))


def nothing_needed(inputs: ValueInputs) -> Values:
    points = np.arange(inputs.dataset.n_points)
    size = np.full(points.size, float(inputs.min_size))
    return Values("another name", points, size, np.full(points.size, float(inputs.max_size)), inputs.unit, cost=1e9)


def not_values(inputs: ValueInputs) -> np.ndarray:
    return np.zeros(inputs.dataset.n_points)


def test_every_value_is_described_and_loads() -> None:
    assert list_values()[:2] == ["law_shapley", "mean_contribution"]
    for name in list_values():
        info = describe_value(name)
        assert info.name == name
        assert info.summary.endswith(".")
        assert callable(VALUES.load(VALUES.entry(name)))
    assert describe_value("law_shapley").needs == ("laws",)
    assert describe_value("mean_contribution").needs == ("draws",)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(NotFoundError, match=r"There is no value 'law_shaply'\. Did you mean 'law_shapley'"):
        compute_value("law_shaply", given())
    with pytest.raises(ArgumentError, match="name must be new"):
        register_value("law_shapley", nothing_needed, summary="")
    for needs in (("points",), "draws"):
        with pytest.raises(ArgumentError, match='needs must hold "draws" and "laws" alone'):
            register_value("mine", nothing_needed, summary="", needs=needs)  # type: ignore[arg-type]


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"draws must be given for the value 'mean_contribution'.*ds\.sample"):
        compute_value("mean_contribution", given())
    for sizes in ({"min_size": 0}, {"min_size": 300}):
        with pytest.raises(ArgumentError, match="min_size must be at least 1 and at most max_size"):
            compute_value("mean_contribution", given(draws=simulated(0, 9, 2)[0], **sizes))


def test_the_registry_names_and_times_what_a_value_returns() -> None:
    register_value("mine", nothing_needed, summary="Mine.")
    found = compute_value("mine", given())
    assert found.name == "mine"
    assert 0 < found.cost < 60
    register_value("wrong", not_values, summary="Wrong.")
    with pytest.raises(ArgumentError, match="test_valuing:not_values must return Values; got ndarray"):
        compute_value("wrong", given())


def test_values_have_one_entry_a_point() -> None:
    with pytest.raises(ArgumentError, match=r"error must have shape \(3,\) as points has; got \(2,\)"):
        Values("x", np.arange(3), np.zeros(3), np.zeros(2), "nats")


def test_sizes_and_utility_follow_what_the_value_needs() -> None:
    inputs = given()
    draws, _ = simulated(0, 60, 4, noise=0.05)
    laws = fit_laws(draws.delta[draws.sizes <= 100], draws.sizes[draws.sizes <= 100], "likelihood")
    register_value("mine", nothing_needed, summary="Mine.")
    for more, sizes in (({}, (2, POOL - 1)), ({"min_size": 5, "max_size": 9}, (5, 9)), ({"draws": draws}, (2, POOL - 1))):
        found = value("mine", inputs.dataset, inputs.learner, **more)
        assert (found.value[0], found.error[0], found.unit) == (*sizes, "nats")
    by_law = value("law_shapley", inputs.dataset, inputs.learner, draws, laws, utility="brier")
    same = compute_value("law_shapley", given(laws=laws, min_size=laws.min_size, max_size=laws.max_size))
    np.testing.assert_array_equal(by_law.value, same.value)
    assert by_law.unit == "squared probability"
    by_draws = value("mean_contribution", inputs.dataset, inputs.learner, draws, laws)
    same = compute_value("mean_contribution", given(draws=draws, min_size=draws.sizes.min(), max_size=draws.sizes.max()))
    np.testing.assert_array_equal(by_draws.value, same.value)
    with pytest.raises(ArgumentError, match="utility must be one of log_loss"):
        value("mine", inputs.dataset, inputs.learner, utility="joy")


def test_a_table_ranks_the_most_useful_first() -> None:
    dataset = given().dataset
    values = Values("x", np.array([7, 3, 5, 1]), np.array([0.5, np.nan, 2.0, 0.5]), np.full(4, 0.1), "nats")
    table = value_table(values, dataset)
    assert table.columns.tolist() == ["rank", "point", "row", "label", "value", "error"]
    assert table["point"].tolist() == [5, 1, 7, 3]
    assert table["rank"].tolist()[:3] == [1, 2, 2]
    assert table["rank"].isna().tolist() == [False, False, False, True]
    assert table["label"].tolist() == dataset.labels(np.array([5, 1, 7, 3])).tolist()
