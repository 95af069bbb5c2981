"""Grouping by size and accuracy, against scikit-learn, SciPy and plain loops."""

import numpy as np
import pytest
from reference import known_draws
from scipy import stats
from sklearn.metrics import r2_score

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws, group_means, size_groups
from dscale_core.validation import accuracy_by_size, quantile_curves


def test_listed_sizes_are_their_own_groups() -> None:
    groups = size_groups(np.array([300, 100, 300, 1000]))
    np.testing.assert_allclose(groups.size, [100, 300, 1000])
    assert groups.index.tolist() == [1, 0, 1, 2]


def test_a_range_is_cut_geometrically() -> None:
    sizes = np.arange(100, 1001)
    groups = size_groups(sizes, 5)
    edges = 100 * 10 ** (np.arange(1, 5) / 5)
    assert groups.index.tolist() == [int(np.sum(k >= edges)) for k in sizes]
    for g in range(5):
        assert groups.size[g] == pytest.approx(stats.gmean(sizes[groups.index == g]))


def test_empty_groups_are_left_out() -> None:
    groups = size_groups(np.array([100, 101, 102, 1000.0]), 3)
    assert groups.size.size == 2
    assert groups.index.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("own_sizes", [False, True])
def test_group_means_match_the_loop(own_sizes: bool) -> None:
    rng = np.random.default_rng(0)
    delta = rng.normal(size=(40, 5)).astype(np.float32)
    delta[rng.random(delta.shape) < 0.3] = np.nan
    delta[0, 0] = np.inf
    sizes = rng.choice([100, 200, 400, 800], size=(40, 5) if own_sizes else 40)
    delta[(sizes == 200) if own_sizes else (sizes == 200)[:, None] & (np.arange(5) == 4)] = np.nan
    groups = size_groups(sizes)
    means = group_means(delta, groups)
    for g, k in enumerate(groups.size):
        for i in range(5):
            column = delta[:, i].astype(np.float64)
            inside = np.isclose(sizes[:, i] if own_sizes else sizes, k) & np.isfinite(column)
            assert means.count[g, i] == inside.sum()
            expected = column[inside].mean() if inside.any() else np.nan
            error = stats.sem(column[inside]) if inside.sum() > 1 else np.nan
            np.testing.assert_allclose(means.mean[g, i], expected, rtol=1e-6, equal_nan=True)
            np.testing.assert_allclose(means.standard_error[g, i], error, rtol=1e-6, equal_nan=True)


def test_accuracy_matches_scikit_learn_and_scipy() -> None:
    known, fresh = known_draws(50, 60, 1, 0.5), known_draws(50, 200, 1, 0.5)
    laws = fit_laws(known.delta, known.sizes, "shrinkage")
    got = accuracy_by_size(laws, fresh.delta, fresh.sizes, 6)
    groups = size_groups(fresh.sizes, 6)
    means = group_means(fresh.delta, groups)
    assert got.n_points.tolist() == [50] * 6
    for g, k in enumerate(groups.size):
        mean, psi = means.mean[g], laws.psi(k)
        assert got.r2[g] == pytest.approx(r2_score(mean, psi))
        assert got.pearson[g] == pytest.approx(stats.pearsonr(mean, psi).statistic)
        assert got.spearman[g] == pytest.approx(stats.spearmanr(mean, psi).statistic)
        assert got.sign_agreement[g] == pytest.approx(np.mean((mean > 0) == (psi > 0)))
        assert got.noise_ceiling[g] == pytest.approx(1 - np.mean(means.standard_error[g] ** 2) / mean.var())


def test_points_without_a_law_or_a_mean_do_not_count() -> None:
    known = known_draws(30, 60, 2, 1.0)
    delta = known.delta.copy()
    delta[:, 3] = 0.0
    laws = fit_laws(delta, known.sizes, "likelihood")
    held = known.delta.copy()
    held[:, 7] = np.nan
    got = accuracy_by_size(laws, held, known.sizes)
    kept = np.setdiff1d(np.arange(30), [3, 7])
    assert set(got.n_points) == {28}
    mean = group_means(held, size_groups(known.sizes)).mean[0, kept]
    assert got.r2[0] == pytest.approx(r2_score(mean, laws.psi(got.size[0])[kept]))


def test_undefined_accuracy_is_nan_without_warnings() -> None:
    sizes = np.geomspace(100, 1000, 40)
    one = fit_laws(sizes[:, None] ** -1.0, sizes, "likelihood")
    got = accuracy_by_size(one, sizes[:, None] ** -1.0, sizes)
    for values in (got.r2, got.pearson, got.spearman, got.noise_ceiling):
        assert np.isnan(values).all()
    assert got.sign_agreement.tolist() == [1.0] * 10
    nothing = fit_laws(np.zeros((40, 3)), sizes, "likelihood")
    assert accuracy_by_size(nothing, np.ones((40, 3)), sizes).n_points.tolist() == [0] * 10
    assert quantile_curves(nothing, np.ones((40, 3)), sizes) == ()


def test_noise_ceiling_is_the_r2_of_the_truth() -> None:
    known = known_draws(3000, 100, 3, 0.4)
    laws = fit_laws(known.delta, known.sizes, "log_linear")
    got = accuracy_by_size(laws, known.delta, known.sizes)
    means = group_means(known.delta, size_groups(known.sizes)).mean
    middle = 5
    truth = known.psi(got.size[middle])
    assert r2_score(means[middle], truth) == pytest.approx(got.noise_ceiling[middle], abs=0.1)


def test_quantile_curves_stand_at_ranks_of_alpha() -> None:
    known = known_draws(41, 60, 5, 1.0)
    laws = fit_laws(known.delta, known.sizes, "shrinkage")
    curves = quantile_curves(laws, known.delta, known.sizes, 5)
    alphas = np.sort(laws.alpha)
    assert [curve.alpha for curve in curves] == [pytest.approx(alphas[r]) for r in (4, 12, 20, 28, 36)]
    for curve in curves:
        assert curve.quantile == pytest.approx(np.mean(laws.alpha < curve.alpha), abs=1 / 41)
        assert laws.alpha[curve.point] == curve.alpha
        np.testing.assert_allclose(curve.psi, [laws.psi(k)[curve.point] for k in curve.size])
        assert (curve.k_line[0], curve.k_line[-1]) == (pytest.approx(curve.size[0]), pytest.approx(curve.size[-1]))
    assert len(quantile_curves(laws, known.delta, known.sizes, 100)) == 41


def test_bad_calls_are_answered() -> None:
    known = known_draws(4, 20, 6)
    laws = fit_laws(known.delta, known.sizes, "likelihood")
    with pytest.raises(ArgumentError, match="delta must have one column"):
        accuracy_by_size(laws, known.delta[:, :3], known.sizes)
    with pytest.raises(ArgumentError, match="groups must"):
        accuracy_by_size(laws, known.delta, known.sizes[:-1])
    with pytest.raises(ArgumentError, match="n_groups must"):
        size_groups(known.sizes, 0)
    with pytest.raises(ArgumentError, match="sizes must"):
        size_groups([])
    with pytest.raises(ArgumentError, match="n_curves must"):
        quantile_curves(laws, known.delta, known.sizes, 0)
