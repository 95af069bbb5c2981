"""A guide from a surrogate: its mean, its error, and what it does for laws of few draws."""

from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws
from dscale_core.laws.deviations import control_variate
from dscale_core.laws.deviations.control_variate import (
    _noise_exponent,
    guide_from_surrogate,
)
from dscale_core.laws.problem import Guide
from dscale_core.types import Draws, SurrogateDraws

SIZES = np.array([100.0, 215.0, 464.0, 1000.0])
P = 200


def _curves(sizes: np.ndarray) -> np.ndarray:
    """E[S] of every point, (sizes, P): a/k + b/k² + c/k³ with coefficients of their own."""
    r = 316 / np.asarray(sizes, dtype=np.float64)[:, None]
    a, b, c = np.random.default_rng(0).normal(size=(3, P)) * np.array([[0.6], [0.2], [0.02]])
    return a * r + b * r**2 + c * r**3


def _noise(sizes: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(sizes.size, P)) * (316 / sizes[:, None]) ** 1.4


def _drawn(m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.round(np.geomspace(100, 1000, m))[np.random.default_rng(seed).permutation(m)]
    return sizes, _curves(sizes) + _noise(sizes, seed)


def _many(m: int = 400, seed: int = 1) -> Draws:
    sizes, delta = _drawn(m, seed)
    return Draws(delta.astype(np.float32), sizes.astype(np.int64), np.arange(m), np.arange(P), np.zeros(m))


def _bias(sizes: np.ndarray) -> np.ndarray:
    """What exact contributions have beyond the surrogate: a third of a draw's noise, fading like 1/k²."""
    return 0.3 * np.random.default_rng(5).normal(size=P) * (316 / np.asarray(sizes)[:, None]) ** 2


def test_the_mean_is_found_and_its_modes_say_how_far_it_is_off() -> None:
    guide = guide_from_surrogate(SurrogateDraws(np.empty((0, P), np.float32), _many()), SIZES)
    truth = _curves(SIZES)
    off = guide.at(SIZES) - truth
    deviation = np.sqrt((guide.modes_at(SIZES) ** 2).sum(axis=0))
    plain = np.abs(_many().delta[np.argsort(np.abs(_many().sizes - 464))[:40]].mean(axis=0) - truth[2])
    assert np.mean(off[2] ** 2) < 0.3 * np.mean(plain**2)  # than the mean of the 40 draws near by
    held = np.mean(np.abs(off) < 1.645 * deviation, axis=1)
    assert np.all(held > 0.84)
    assert np.mean(held) == pytest.approx(0.9, abs=0.05)


def test_a_formula_is_taken_off_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_variate, "followed", lambda formula, _many: formula)
    sizes = np.geomspace(100, 1000, 8)
    many = _many()
    level = np.linspace(1, 50, P) / SIZES[:, None]
    shifted = replace(many, delta=(many.delta + np.linspace(1, 50, P) / many.sizes[:, None]).astype(np.float32))
    nothing = np.empty((0, P), np.float32)
    formula = Guide(sizes, np.linspace(1, 50, P) / sizes[:, None])
    one = guide_from_surrogate(SurrogateDraws(nothing, many), SIZES)
    other = guide_from_surrogate(SurrogateDraws(nothing, shifted), SIZES, formula)
    np.testing.assert_allclose(other.at(SIZES) - level, one.at(SIZES), atol=2e-4)


def test_coalitions_drawn_exactly_have_their_part_in_the_mean() -> None:
    """As if they had been among the others; so with many of them little hangs on these."""
    sizes, own = _drawn(300, 15)
    some = _many(100)
    own_sizes = sizes.astype(np.int64)
    got = guide_from_surrogate(SurrogateDraws(own.astype(np.float32), some), SIZES, None, own_sizes)
    whole = Draws(
        np.concatenate([some.delta, own.astype(np.float32)]),
        np.concatenate([some.sizes, own_sizes]),
        np.arange(400),
        np.arange(P),
        np.zeros(400),
    )
    nothing = np.empty((0, P), np.float32)
    np.testing.assert_array_equal(got.expected, guide_from_surrogate(SurrogateDraws(nothing, whole), SIZES).expected)
    errors = [
        np.mean((guide.expected - _curves(SIZES)) ** 2)
        for guide in (got, guide_from_surrogate(SurrogateDraws(nothing, some), SIZES))
    ]
    assert errors[0] < 0.6 * errors[1]


def test_with_exact_weights_the_error_is_that_of_the_posterior() -> None:
    """Strong signals leave the priors wide, and so weighted least squares: the literal formula for one point."""
    sizes, _ = _drawn(300, 2)
    fourth = np.random.default_rng(9).normal(size=P) * (316 / sizes[:, None]) ** 4
    delta = 100 * _curves(sizes) + 5 * fourth + _noise(sizes, 4)
    many = Draws(delta.astype(np.float32), sizes.astype(np.int64), np.arange(300), np.arange(P), np.zeros(300))
    guide = guide_from_surrogate(SurrogateDraws(np.empty((0, P), np.float32), many), SIZES)
    center = np.exp(np.log(sizes).mean())
    X = (center / sizes)[:, None] ** np.arange(1, 5)
    got = np.sqrt((guide.modes_at(SIZES)[:, :, 0] ** 2).sum(axis=0))
    w = (sizes / center) ** 2.8
    b = np.linalg.lstsq(X * np.sqrt(w)[:, None], delta[:, 0] * np.sqrt(w), rcond=None)[0]
    inverse = np.linalg.inv((X * w[:, None]).T @ X)
    meat = (X * (w * (delta[:, 0] - X @ b))[:, None]).T @ (X * (w * (delta[:, 0] - X @ b))[:, None])
    at = (center / SIZES)[:, None] ** np.arange(1, 5)
    np.testing.assert_allclose(got, np.sqrt(np.diag(at @ inverse @ meat @ inverse @ at.T)), rtol=0.15)
    np.testing.assert_allclose(guide.at(SIZES)[:, 0], at @ b, rtol=0.02)


@pytest.mark.parametrize("m", [5, 20])
def test_a_few_exact_draws_correct_a_biased_surrogate(m: int) -> None:
    sizes, _ = _drawn(m, 6)
    sizes[:2] = 100, 1000
    own = _curves(sizes) + _noise(sizes, 7)
    exact = own + _bias(sizes) + 0.03 * _noise(sizes, 8)
    truth = _curves(SIZES) + _bias(SIZES)
    guide = guide_from_surrogate(SurrogateDraws(own.astype(np.float32), _many()), SIZES)
    laws = fit_laws(exact, sizes, guide=guide)
    alone = fit_laws(exact, sizes)
    assert laws.guided
    for k, psi in zip(SIZES, truth, strict=True):
        assert np.mean((laws.psi(k) - psi) ** 2) < 0.15 * np.mean((alone.psi(k) - psi) ** 2)
        low, high = laws.psi_interval(k)
        assert np.mean((low < psi) & (psi < high)) > 0.8
        assert np.median(high - low) < np.median(np.diff(alone.psi_interval(k), axis=0))


def test_the_noise_reported_is_that_of_a_draw() -> None:
    sizes, exact = _drawn(200, 9)
    guide = guide_from_surrogate(SurrogateDraws((exact + 0.01).astype(np.float32), _many()), SIZES)
    laws = fit_laws(exact, sizes, guide=guide)
    assert np.median(laws.beta) == pytest.approx(2.8, abs=0.2)
    assert np.median(laws.sigma * 316 ** (-laws.beta / 2)) == pytest.approx(1.0, abs=0.1)


def test_a_control_that_says_nothing_of_the_draws_is_left_out() -> None:
    sizes, exact = _drawn(40, 10)
    strange = 5 * _noise(sizes, 11)
    guide = guide_from_surrogate(SurrogateDraws(strange.astype(np.float32), _many()), SIZES)
    laws = fit_laws(exact, sizes, guide=guide)
    assert not laws.guided
    alone = fit_laws(exact, sizes)
    for name in ("c", "alpha", "alpha_low", "alpha_high", "sigma", "misfit"):
        np.testing.assert_array_equal(getattr(laws, name), getattr(alone, name), name)


def test_a_point_whose_draws_are_the_surrogates_has_the_law_of_the_guide() -> None:
    sizes, exact = _drawn(30, 12)
    own = exact + 0.05 * _noise(sizes, 13)
    own[:, 3] = exact[:, 3]
    guide = guide_from_surrogate(SurrogateDraws(own, _many()), SIZES)
    laws = fit_laws(exact, sizes, guide=guide)
    assert np.isfinite(laws.c[3])
    assert laws.psi(316)[3] == pytest.approx(guide.at([316])[0, 3], abs=0.1)


def test_batches_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SurrogateDraws(np.empty((0, P), np.float32), _many())
    whole = guide_from_surrogate(found, SIZES)
    monkeypatch.setattr("dscale_core.laws.deviations.control_variate._BLOCK", 400 * 7)
    parts = guide_from_surrogate(found, SIZES)
    np.testing.assert_allclose(parts.expected, whole.expected, rtol=1e-9)
    np.testing.assert_allclose(parts.modes_at(SIZES) ** 2, whole.modes_at(SIZES) ** 2, rtol=1e-5, atol=1e-12)


def test_missing_draws_of_one_size_and_points_without_any_are_survived() -> None:
    many = _many(30)
    delta = many.delta.copy()
    delta[:10, 1], delta[:, 2], delta[:, 4] = np.nan, np.nan, 0.0
    guide = guide_from_surrogate(SurrogateDraws(np.empty((0, P), np.float32), replace(many, delta=delta)), SIZES)
    assert np.isfinite(guide.expected).all()
    np.testing.assert_array_equal(guide.expected[:, [2, 4]], 0.0)
    same = replace(many, sizes=np.full(30, 300))
    one = guide_from_surrogate(SurrogateDraws(np.empty((0, P), np.float32), same), np.array([300.0]))
    assert np.abs(one.at([300])[0] - many.delta.mean(axis=0)).max() < np.abs(many.delta.mean(axis=0)).max()


def test_missing_draws_do_not_pass_for_quiet_ones() -> None:
    """A point is missing the more often the larger the coalition: β must not be steeper for it."""
    many = _many(600)
    gone = np.random.default_rng(14).random(many.delta.shape) < (many.sizes / 1100)[:, None]
    X = (316 / many.sizes)[:, None] ** np.arange(1, 5)
    holes = replace(many, delta=np.where(gone, np.nan, many.delta).astype(np.float32))
    assert _noise_exponent(many, None, X) == pytest.approx(2.8, abs=0.1)
    assert _noise_exponent(holes, None, X) == pytest.approx(2.8, abs=0.2)


def test_bad_calls_are_refused() -> None:
    few = SurrogateDraws(np.empty((0, P), np.float32), _many(15))
    with pytest.raises(ArgumentError, match=r"^many must hold at least 16"):
        guide_from_surrogate(few, SIZES)
    infinite = _many()
    infinite.delta[3, 3] = np.inf
    with pytest.raises(ArgumentError, match=r"^many must be finite"):
        guide_from_surrogate(SurrogateDraws(few.own, infinite), SIZES)
    known = known_draws(4, 20, 52)
    for wrong in ({"modes": np.zeros((2, 3, 4))}, {"control": np.zeros((20, 3))}):
        with pytest.raises(ArgumentError, match=f"^{next(iter(wrong))} must"):
            Guide(SIZES, np.zeros((4, 4)), **wrong)
    with pytest.raises(ArgumentError, match=r"^guide must have a control of 20"):
        fit_laws(known.delta, known.sizes, guide=Guide(SIZES, np.zeros((4, 4)), control=np.zeros((19, 4))))


def test_sixteen_surrogate_draws_are_enough() -> None:
    guide = guide_from_surrogate(SurrogateDraws(np.empty((0, P), np.float32), _many(16)), SIZES)
    assert np.isfinite(guide.expected).all()
