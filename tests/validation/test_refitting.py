"""Validation against literal loops, and a study that answers the same questions."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from reference import KnownDraws, known_draws
from scipy import stats

import dscale_core as ds
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.laws import fit_laws
from dscale_core.laws.amortized import network
from dscale_core.types import Draws
from dscale_core.validation import accuracy_by_size, convergence, extrapolation, measure_coverage


def _draws(known: KnownDraws) -> Draws:
    p, m = known.c.size, known.sizes.size
    sizes = known.sizes.astype(np.int64)
    return Draws(known.delta, sizes, np.arange(m), np.arange(p) + 5, np.ones(m))


def _validation(known: KnownDraws, draws: int, seed: int) -> Draws:
    rng = np.random.default_rng(seed)
    sizes = np.resize([100, 200, 500, 1000, 2000], 5 * draws)
    noise = known.sigma * sizes[:, None] ** (-known.beta / 2.0) * rng.normal(size=(sizes.size, known.c.size))
    delta = np.stack([known.psi(k) for k in sizes]) + noise
    return Draws(delta, sizes, np.arange(sizes.size), np.arange(known.c.size) + 5, np.ones(sizes.size))


KNOWN = known_draws(60, 60, 70, 1.0)
DRAWS, VALIDATION = _draws(KNOWN), _validation(KNOWN, 200, 71)


def test_convergence_equals_separate_fits_and_rises() -> None:
    found = convergence(DRAWS, VALIDATION, ("shrinkage", "log_linear"), counts=(10, 30, 100, 200))
    assert found.n_draws.tolist() == [10, 30, 60]
    laws = fit_laws(DRAWS.delta[:30], DRAWS.sizes[:30], passes=DRAWS.passes[:30])
    expected = accuracy_by_size(laws, VALIDATION.delta, VALIDATION.sizes)
    np.testing.assert_allclose(found.r2[0, 1], expected.r2)
    np.testing.assert_allclose(found.spearman[0, 1], expected.spearman)
    assert found.mean_r2[0, 2] > found.mean_r2[0, 0]
    assert (found.n_points, found.n_points_in_all) == (60, 60)


def test_many_points_are_thinned_and_said() -> None:
    shown: list[float] = []
    found = convergence(
        DRAWS, VALIDATION, ("likelihood",), (20,), 25, shown.append, groups=np.arange(60) % 2, features=np.ones((60, 2))
    )
    assert (found.n_points, found.n_points_in_all) == (25, 60)
    assert shown == [1.0]


def test_extrapolation_fits_below_and_judges_above() -> None:
    found = extrapolation(DRAWS, VALIDATION, ("shrinkage", "likelihood"), limit=300)
    below = DRAWS.sizes <= 300
    laws = fit_laws(DRAWS.delta[below], DRAWS.sizes[below], "likelihood")
    expected = accuracy_by_size(laws, VALIDATION.delta, VALIDATION.sizes)
    np.testing.assert_allclose(found.r2[1], expected.r2)
    np.testing.assert_allclose(found.factor, np.array([100, 200, 500, 1000, 2000]) / 300)
    assert found.n_draws == below.sum()
    assert found.r2[0, -1] > found.r2[1, -1]  # a prior on the exponent is what carries a law outwards
    with pytest.raises(ArgumentError, match="limit must lie below"):
        extrapolation(DRAWS, VALIDATION, ("likelihood",), limit=3000)
    with pytest.raises(ArgumentError, match="limit must leave"):
        extrapolation(DRAWS, VALIDATION, ("likelihood",), limit=50)


def test_coverage_is_a_count() -> None:
    laws = fit_laws(DRAWS.delta, DRAWS.sizes)
    found = measure_coverage(laws, VALIDATION)
    at = VALIDATION.sizes == 500
    low, high = laws.psi_interval(500)
    mean, error = VALIDATION.delta[at].mean(axis=0), VALIDATION.delta[at].std(axis=0, ddof=1) / np.sqrt(at.sum())
    half = np.hypot(0.5 * (high - low), stats.t(at.sum() - 1).ppf(0.95) * error)
    assert found.coverage[2] == pytest.approx(np.mean(np.abs(mean - laws.psi(500)) <= half))
    assert found.half_width[2] == pytest.approx(np.median(0.5 * (high - low)))
    assert np.all(found.n_points == 60)
    assert 0.75 < found.coverage[:4].mean() < 0.99


def test_other_points_are_refused() -> None:
    other = Draws(VALIDATION.delta, VALIDATION.sizes, VALIDATION.passes, VALIDATION.points + 1, VALIDATION.base_loss)
    with pytest.raises(ArgumentError, match="validation must"):
        convergence(DRAWS, other, ("likelihood",))
    with pytest.raises(ArgumentError, match="validation must"):
        measure_coverage(fit_laws(DRAWS.delta[:, :5], DRAWS.sizes), VALIDATION)


def test_a_study_answers_for_its_laws(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = ds.load_dataset("digits_low_high")
    points = tuple(range(40))
    plan = ds.SamplingPlan(points=points, min_size=60, max_size=300, draws=24, seed=1)
    study = ds.Study.create(dataset, ds.make_learner("logistic"), plan, cache)
    study.sample()
    study.add_samples(ds.SamplingPlan(points=points, sizes=(60, 300), draws=20, seed=2))
    with pytest.raises(NotFoundError):
        study.accuracy()
    study.sample(role="validation")
    for method in ("two_term", "likelihood", "shrinkage"):
        assert study.fit(method).method == method
    assert study.laws("shrinkage").guided  # the surrogate is good here
    assert not study.laws("likelihood").guided
    again, kept_on_disk = study.fit("shrinkage"), study.laws("shrinkage")
    assert again.curve.shape == again.curve_deviation.shape == (40, again.curve_sizes.size)
    assert again.curve_sizes[-1] > 1000  # what the formula says beyond the sampled sizes
    for k in (60, 140, 300, 900):
        np.testing.assert_array_equal(kept_on_disk.psi_interval(k), again.psi_interval(k))
    kept = study.laws("two_term")
    assert kept.form == "two_term"
    a, b = kept.terms
    np.testing.assert_allclose(kept.psi(100), a / 100 + b / 100**2)
    assert study.laws("shrinkage").misfit.shape == (2, study.fit("shrinkage").misfit.shape[1])
    assert study.accuracy("likelihood").r2.size == study.coverage().coverage.size == 2
    assert study.convergence(("shrinkage", "likelihood"), counts=(10, 24)).r2.shape == (2, 2, 2)
    assert study.extrapolation(("two_term",), limit=200).r2.shape == (1, 2)
    assert study.aggregate().alpha > 0
    assert study.choose_form().points.tolist() == list(points)
    monkeypatch.setattr(network, "Settings", partial(network.Settings, epochs=10, least_steps=100))  # it trains four times
    predicted = study.predict_laws(points=[3, 500])
    assert predicted.points.tolist() == [3, 500]
    for wrong in ([10_000_000], []):
        with pytest.raises(ArgumentError, match="points must"):
            study.predict_laws(points=wrong)
    amortized = study.fit("amortized")
    same = study.predict_laws(points=list(points))
    np.testing.assert_allclose(same.psi(140), amortized.psi(140), rtol=1e-5)
    np.testing.assert_allclose(same.alpha_high, amortized.alpha_high, rtol=1e-5)
    monkeypatch.setattr("dscale_core.validation.MAX_POINTS", 10)
    assert study.convergence(("likelihood",), counts=(24,)).n_points == 10
    wide = study.convergence(("likelihood",), counts=(24,), max_points=25)
    assert (wide.n_points, wide.n_points_in_all) == (25, 40)
    assert study.extrapolation(("likelihood",), limit=200, max_points=25).n_points == 25
    shares: list[float] = []
    study.fit("shrinkage", shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len({round(share, 2) for share in shares if share > 0.5}) > 5
