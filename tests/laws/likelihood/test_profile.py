"""The profile likelihood: value against the literal formula, derivatives against finite differences."""

from typing import Any

import numpy as np
import pytest
from reference import closed_forms, known_draws, log_likelihood

from dscale_core.laws.likelihood.profile import evaluate
from dscale_core.laws.problem import Block, blocks, make_problem, screen


def _block(kind: str, points: int = 6, draws: int = 25) -> tuple[Block, Any, Any]:
    known = known_draws(points, draws, 11)
    delta, sizes = known.delta.copy(), known.sizes
    if kind != "plain":
        delta[np.random.default_rng(0).random(delta.shape) < 0.2] = np.nan
    if kind == "own sizes":
        sizes = np.stack([np.random.default_rng(i).permutation(sizes) for i in range(points)], axis=1)
    problem = make_problem(delta, sizes)
    screened = screen(problem)
    return next(blocks(problem, screened, points)), problem, screened


KINDS = ["plain", "missing", "own sizes"]
ALPHA, BETA = np.array([0.3, 0.9, 1.0, 1.7, 2.5, 6.0]), np.array([0.2, 2.0, 1.0, 3.1, 7.0, 2.5])


@pytest.mark.parametrize("kind", KINDS)
def test_value_is_the_negative_log_likelihood_up_to_a_constant(kind: str) -> None:
    block, problem, screened = _block(kind)
    for i in range(6):
        column, sizes = problem.delta[:, i], problem.sizes if problem.sizes.ndim == 1 else problem.sizes[:, i]
        seen = np.isfinite(column)
        differences = []
        for alpha, beta in zip(ALPHA, BETA, strict=True):
            c, sigma = closed_forms(column[seen], sizes[seen], alpha, beta)
            at = evaluate(block, np.full(6, alpha), np.full(6, beta))
            differences.append(at.value[i] + log_likelihood(column, sizes, c, alpha, sigma, beta))
            assert at.amplitude[i] * screened.scale[i] == pytest.approx(c * problem.center**-alpha, rel=1e-9)
        np.testing.assert_allclose(differences, differences[0], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_and_hessian_match_finite_differences(kind: str) -> None:
    block, _, _ = _block(kind)
    at = evaluate(block, ALPHA, BETA)
    h = 1e-5
    for axis, (da, db) in enumerate(((h, 0.0), (0.0, h))):
        up, down = evaluate(block, ALPHA + da, BETA + db), evaluate(block, ALPHA - da, BETA - db)
        np.testing.assert_allclose(at.gradient[:, axis], (up.value - down.value) / (2 * h), rtol=1e-5, atol=1e-6)
        numeric = (up.gradient - down.gradient) / (2 * h)
        np.testing.assert_allclose(at.hessian[:, axis], numeric, rtol=1e-5, atol=1e-6)


def test_joint_hessian_matches_finite_differences_of_the_free_likelihood() -> None:
    """φ(a, α, β) with only the noise profiled out, evaluated literally."""
    block, _, _ = _block("plain")
    at = evaluate(block, ALPHA, BETA)

    def phi(i: int, a: float, alpha: float, beta: float) -> float:
        F = np.sum(np.exp(beta * block.x) * (block.y[i] - a * np.exp(-alpha * block.x)) ** 2)
        return 0.5 * block.n[i] * np.log(F) - 0.5 * beta * block.x.sum()

    for i in (1, 3):
        here = np.array([at.amplitude[i], ALPHA[i], BETA[i]])
        h = 1e-4 * np.diag([abs(here[0]), 1.0, 1.0])
        for r in range(3):
            for s in range(3):
                corners = [phi(i, *(here + p * h[r] + q * h[s])) * p * q for p in (1, -1) for q in (1, -1)]
                numeric = sum(corners) / (4 * h[r, r] * h[s, s])
                size = np.sqrt(abs(at.joint[i, r, r] * at.joint[i, s, s]))
                assert at.joint[i, r, s] == pytest.approx(numeric, rel=1e-4, abs=1e-4 * abs(size))


def test_expected_information_is_that_of_simulated_draws() -> None:
    """Mean Hessian of the profile over many rows drawn from one law, at that law."""
    rng = np.random.default_rng(5)
    sizes = np.geomspace(100, 1000, 30)
    x = np.log(sizes / np.exp(np.log(sizes).mean()))
    delta = 2 * np.exp(-0.9 * x[:, None]) + 0.1 * np.exp(-0.7 * x[:, None]) * rng.normal(size=(30, 4000))
    problem = make_problem(delta, sizes)
    block = next(blocks(problem, screen(problem), 4000))
    at = evaluate(block, np.full(4000, 0.9), np.full(4000, 1.4))
    mean = np.diagonal(at.hessian, axis1=1, axis2=2).mean(axis=0)
    np.testing.assert_allclose(at.fisher.mean(axis=0), mean, rtol=0.2)
    np.testing.assert_allclose(at.fisher[:, 1], 0.5 * 30 * np.var(x))


@pytest.mark.parametrize("kind", KINDS)
def test_amplitude_and_noise_are_weighted_least_squares(kind: str) -> None:
    block, _, _ = _block(kind)
    at = evaluate(block, ALPHA, BETA)
    for i in range(6):
        x = block.x if block.x.ndim == 1 else block.x[i]
        seen = np.ones(x.size, dtype=bool) if block.present is None else block.present[i] > 0
        f, w = np.exp(-ALPHA[i] * x[seen]), np.exp(BETA[i] * x[seen])
        a = np.sum(w * f * block.y[i, seen]) / np.sum(w * f * f)
        squares = np.sum(w * (block.y[i, seen] - a * f) ** 2)
        assert at.amplitude[i] == pytest.approx(a)
        assert at.variance[i] == pytest.approx(squares / seen.sum())
        of_alpha = seen.sum() / squares * a**2 * np.sum(w * f**2) * np.cov(x[seen], aweights=w * f**2, ddof=0)
        np.testing.assert_allclose(at.fisher[i], [of_alpha, 0.5 * seen.sum() * np.var(x[seen])])


def test_the_likelihood_of_an_exact_law_stops_rising() -> None:
    """Residuals of rounding alone: the noise is floored at 1e-26 of the signal, and everything stays a number."""
    sizes = np.geomspace(100, 1000, 12)
    problem = make_problem((sizes**-1.0)[:, None], sizes)
    block = next(blocks(problem, screen(problem), 1))
    exact, near = (evaluate(block, np.array([alpha]), np.array([2.0])) for alpha in (1.0, 1.0 + 1e-11))
    signal = exact.amplitude[0] ** 2 * 12
    assert exact.variance[0] * 12 == pytest.approx(1e-26 * signal, rel=1e-3)
    assert near.variance[0] * 12 > 10 * exact.variance[0] * 12
    for name in ("value", "gradient", "hessian", "fisher", "joint"):
        assert np.isfinite(getattr(exact, name)).all(), name
    silent = evaluate(block.take(np.array([0])), np.array([1.0]), np.array([2.0]))
    assert np.isfinite(silent.value).all()
