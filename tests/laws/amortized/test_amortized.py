"""The amortised estimator: laws that follow features are found, also for points never sampled; deterministic; errors."""

import numpy as np
import pytest

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws
from dscale_core.laws.amortized.learning import fit_amortized
from dscale_core.laws.amortized.network import Settings
from dscale_core.laws.problem import Guide

TINY = Settings(epochs=3, pretraining_epochs=1, least_steps=0)
QUICK = Settings(epochs=30, pretraining_epochs=3, least_steps=0)


def _lawful(points: int, draws: int, seed: int, classes: int = 2) -> tuple[np.ndarray, ...]:
    """delta, sizes, features, labels, psi at 316: amplitude and exponent follow the features; the sign is the class's."""
    rng = np.random.default_rng(seed)
    sizes = np.round(np.exp(rng.uniform(np.log(100), np.log(1000), draws)))
    X = rng.normal(size=(points, 4))
    y = rng.integers(0, classes, points)
    amplitude = np.where(y == 1, 1.0, -1.0) * np.exp(0.5 * X[:, 0])
    alpha = 1.0 + 0.3 * np.tanh(X[:, 1])
    x = np.log(sizes / 316)[:, None]
    delta = amplitude * np.exp(-alpha * x) + np.exp(-x) * rng.normal(size=(draws, points))
    return 1e-5 * delta, sizes, X, y, 1e-5 * amplitude, alpha


def test_laws_that_follow_the_features_are_found_seen_or_not() -> None:
    delta, sizes, X, y, amplitude, alpha = _lawful(900, 6, 0)
    shown = []
    model = fit_amortized(delta[:, :700], sizes, X[:700], y[:700], settings=QUICK, on_progress=shown.append)
    laws = model.predict_laws(X[700:], y[700:], points=np.arange(700, 900))
    assert laws.points[0] == 700
    own = fit_laws(delta[:, 700:], sizes, "likelihood")
    error, alone = (np.mean((one.psi(316) - amplitude[700:]) ** 2) for one in (laws, own))
    assert error < 0.5 * alone
    assert np.corrcoef(laws.alpha, alpha[700:])[0, 1] > 0.5
    assert np.mean(np.sign(laws.c) == np.sign(amplitude[700:])) > 0.95
    low, high = laws.psi_interval(316)
    assert np.mean((low < amplitude[700:]) & (amplitude[700:] < high)) > 0.7
    assert shown == sorted(shown)
    assert shown[-1] == 1.0


def test_regression_needs_no_classes() -> None:
    delta, sizes, X, _, amplitude, _ = _lawful(500, 8, 1)
    model = fit_amortized(np.abs(delta), sizes, X, targets=X[:, 0] * 3, settings=QUICK)
    laws = model.predict_laws(X)
    assert np.corrcoef(np.log(np.abs(laws.psi(316))), np.log(np.abs(amplitude)))[0, 1] > 0.7


def test_around_a_formula_unseen_points_need_it_too() -> None:
    delta, sizes, X, y, amplitude, alpha = _lawful(300, 12, 5)
    at = np.array([100.0, 300.0, 1000.0])
    expected = 1.1 * amplitude * np.exp(-alpha * np.log(at / 316)[:, None])
    guide = Guide(at, expected)
    model = fit_amortized(delta[:, :250], sizes, X[:250], y[:250], settings=QUICK, guide=guide.take(np.arange(250)))
    assert model.guided
    assert 0 <= model.share <= 1
    with pytest.raises(ArgumentError, match="guide must"):
        model.predict_laws(X[250:], y[250:])
    laws = model.predict_laws(X[250:], y[250:], guide=guide.take(np.arange(250, 300)))
    assert laws.guided
    assert np.corrcoef(laws.psi(316), amplitude[250:])[0, 1] > 0.95
    assert laws.misfit.shape == (2, 7)


def test_one_seed_gives_the_same_laws_and_leaves_the_global_generator() -> None:
    import torch

    delta, sizes, X, y, _, _ = _lawful(120, 5, 2)
    before = torch.random.get_rng_state()
    one, other, third = (
        fit_amortized(
            delta, sizes, X, y, settings=Settings(epochs=3, pretraining_epochs=1, least_steps=0, seed=seed)
        ).predict_laws(X, y)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.c, other.c)
    assert np.any(one.c != third.c)
    assert torch.equal(before, torch.random.get_rng_state())


def test_labels_may_be_texts_and_unknown_ones_are_refused() -> None:
    delta, sizes, X, y, _, _ = _lawful(60, 5, 3)
    names = np.array(["no", "yes"])[y]
    model = fit_amortized(delta, sizes, X, names, settings=TINY)
    assert np.all(np.isfinite(model.predict_laws(X[:5], names[:5]).c))
    with pytest.raises(ArgumentError, match="groups must"):
        model.predict_laws(X[:1], ["perhaps"])
    with pytest.raises(ArgumentError, match="groups must"):
        model.predict_laws(X[:1])
    with pytest.raises(ArgumentError, match="features must"):
        model.predict_laws(X[:1, :2], names[:1])


def test_what_is_missing_is_named() -> None:
    delta, sizes, X, y, _, _ = _lawful(10, 5, 4)
    with pytest.raises(ArgumentError, match=r"^features must"):
        fit_laws(delta, sizes, "amortized", groups=y)
    with pytest.raises(ArgumentError, match=r"^groups must"):
        fit_laws(delta, sizes, "amortized", features=X)
    with pytest.raises(ArgumentError, match=r"^targets must"):
        fit_laws(delta, sizes, "amortized", features=X, targets=np.full(10, np.nan))
    with pytest.raises(ArgumentError, match=r"^delta must"):
        fit_amortized(0 * delta, sizes, X, y)
