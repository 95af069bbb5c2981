"""Bad data gives that point a status and leaves the others alone; a bad call raises."""

from typing import Any

import numpy as np
import pytest
from reference import known_draws

from dscale_core.errors import ArgumentError, DscaleError
from dscale_core.laws import describe_method, fit_laws, list_methods
from dscale_core.types import LawStatus


def _every_status() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Eight points, one row of sizes a point so that one point can have a single size."""
    rng = np.random.default_rng(0)
    sizes = np.repeat(np.round(np.geomspace(100, 1000, 60))[:, None], 8, axis=1)
    x = np.log(sizes / 316)
    delta = np.exp(-x) * (1 + 0.1 * rng.normal(size=x.shape))
    delta[3:, 1] = np.nan  # three draws
    sizes[:, 2] = 300.0
    delta[:, 3] = 0.0
    delta[7, 4] = np.inf
    delta[:, 5] = np.exp(1.5 * x[:, 5]) * (1 + 0.01 * rng.normal(size=60))  # grows with k: alpha runs into zero
    delta[:, 6] = -x[:, 6] + 0.02 * rng.normal(size=60)
    delta[:, 7] = np.nan
    expected = ["ok", "too_few_draws", "one_size", "no_signal", "not_finite", "grows", "sign_change", "too_few_draws"]
    return delta, sizes, expected


def test_one_batch_raises_every_status_but_one() -> None:
    delta, sizes, expected = _every_status()
    laws = fit_laws(delta, sizes, "likelihood")
    assert laws.status.tolist() == expected
    # at_bound: test_maximum.py::test_points_at_a_bound_of_the_exponents_are_marked
    assert {str(s) for s in LawStatus} - {"at_bound"} == set(expected)
    fitted = [0, 5, 6]
    for name in ("c", "alpha", "sigma", "beta", "alpha_low", "alpha_high"):
        assert np.flatnonzero(np.isfinite(getattr(laws, name))).tolist() == fitted, name
    assert laws.n_draws.tolist() == [60, 3, 60, 60, 59, 60, 60, 0]
    np.testing.assert_allclose(laws.psi(316)[[0]], 1.0, rtol=0.05)


def _beside(method: str, points: int) -> dict[str, Any]:
    """What an estimator needs beside the draws."""
    if method == "amortized":
        return {"features": np.arange(3.0 * points).reshape(points, 3), "groups": np.arange(points) % 2}
    return {}


# the network answers from features, which here say nothing
DRAWN = [name for name in list_methods() if name != "amortized"]


@pytest.mark.parametrize("method", DRAWN)
def test_bad_points_never_stop_or_change_the_good_ones(method: str) -> None:
    delta, sizes, expected = _every_status()
    laws = fit_laws(delta, sizes, method)
    lost = ("too_few_draws", "one_size", "no_signal", "not_finite")
    for i, status in enumerate(expected):
        assert (laws.status[i] in lost) == (status in lost), (i, laws.status[i])
        assert np.isnan(laws.c[i]) == (status in lost)
    assert laws.alpha[0] == pytest.approx(1.0, abs=0.1)
    low, high = laws.psi_interval(500)
    assert low[0] < laws.psi(500)[0] < high[0]
    assert len(laws.to_frame()) == 8


@pytest.mark.parametrize("method", list_methods())
def test_a_batch_of_nothing_usable_still_returns(method: str) -> None:
    laws = fit_laws(np.zeros((10, 3)), np.geomspace(10, 100, 10), method, **_beside(method, 3))
    assert laws.status.tolist() == ["no_signal"] * 3
    assert laws.method == method


@pytest.mark.parametrize("method", list_methods())
def test_an_unaffected_point_reports_its_range_and_center(method: str) -> None:
    known = known_draws(5, 40, 1, 1.0)
    laws = fit_laws(known.delta, known.sizes, method, **_beside(method, 5))
    assert (laws.min_size, laws.max_size) == (100, 1000)
    assert laws.center == pytest.approx(np.exp(np.log(known.sizes).mean()))
    assert laws.points.tolist() == [0, 1, 2, 3, 4]


def test_a_law_that_overflows_is_flagged() -> None:
    known = known_draws(1, 30, 2, 5.0)
    laws = fit_laws(known.delta / np.abs(known.delta).max() * 1e308, known.sizes, "likelihood")
    assert laws.status[0] == "not_finite"
    assert np.isnan(laws.c[0])


GOOD: dict[str, Any] = {"delta": np.ones((5, 2)), "sizes": np.arange(10.0, 15.0)}


@pytest.mark.parametrize(
    ("argument", "bad"),
    [
        ("delta", {"delta": np.ones(5)}),
        ("delta", {"delta": np.ones((5, 0))}),
        ("delta", {"delta": np.array([["a", "b"]] * 5)}),
        ("sizes", {"sizes": np.arange(10.0, 14.0)}),
        ("sizes", {"sizes": np.array([10, 11, np.nan, 12, 13])}),
        ("sizes", {"sizes": np.arange(0.0, 5.0)}),
        ("passes", {"passes": np.zeros(2)}),
        ("groups", {"groups": np.zeros(5)}),
        ("features", {"features": np.zeros((5, 3))}),
        ("method", {"method": "nonsense"}),
    ],
)
def test_a_bad_call_names_its_argument(argument: str, bad: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument} must") as caught:
        fit_laws(**(GOOD | bad))
    assert isinstance(caught.value, DscaleError)
    assert caught.value.argument == argument


def test_an_unknown_method_is_answered_with_the_list() -> None:
    with pytest.raises(ArgumentError) as caught:
        fit_laws(**GOOD, method="nonsense")
    for name in list_methods():
        assert name in str(caught.value)
    with pytest.raises(ArgumentError):
        describe_method("nonsense")
    assert describe_method("shrinkage").summary
