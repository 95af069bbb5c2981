"""How far laws are from the means of their draws: plain loops, right laws of any signal, wrong laws, no draws to tell."""

from __future__ import annotations

import numpy as np
import pytest
from reference import known_draws, laws_of

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws, lack_of_fit, size_groups


def _literal(delta: np.ndarray, sizes: np.ndarray, psi: np.ndarray, n_groups: int) -> float:
    groups = size_groups(sizes, n_groups)
    between = within = plain = freedom = seen = 0.0
    for g in range(groups.size.size):
        rows = (groups.index == g) & np.isfinite(delta)
        e, y = sizes[rows] * (delta[rows] - psi[rows]), sizes[rows] * delta[rows]
        if e.size:
            between, seen = between + e.size * e.mean() ** 2, seen + 1
            within, plain = within + ((e - e.mean()) ** 2).sum(), plain + ((y - y.mean()) ** 2).sum()
            freedom += e.size - 1
    return float(np.sqrt(between / seen / (min(within, plain) / freedom)))


@pytest.mark.parametrize(("draws", "n_groups"), [(16, 4), (60, 10)])
def test_it_is_the_literal_one_whatever_draws_are_missing(draws: int, n_groups: int) -> None:
    known = known_draws(6, draws, 3, 1.0)
    delta = known.delta.copy()
    delta[3:7, 2] = np.nan
    laws = laws_of(1.3 * known.c, known.alpha)
    found = lack_of_fit(laws, delta, known.sizes)
    for i in range(6):
        psi = np.array([laws.psi(k)[i] for k in known.sizes])
        assert found[i] == pytest.approx(_literal(delta[:, i], known.sizes, psi, n_groups), rel=1e-9)
    own = lack_of_fit(laws, delta, np.repeat(known.sizes[:, None], 6, axis=1))
    np.testing.assert_allclose(own, found, rtol=1e-9)
    scaled = lack_of_fit(laws_of(1.3e-200 * known.c, known.alpha), 1e-200 * delta, known.sizes)
    np.testing.assert_allclose(scaled, found, rtol=1e-6)


@pytest.mark.parametrize("signal", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("draws", [20, 100])
def test_right_laws_are_near_one_whether_the_signal_is_strong_or_weak(signal: float, draws: int) -> None:
    known = known_draws(600, draws, 1, signal)
    found = lack_of_fit(laws_of(known.c, known.alpha), known.delta, known.sizes)
    assert np.mean(found**2) == pytest.approx(1.0, abs=0.25)
    assert 0.85 < np.median(found) < 1.05
    assert np.mean(found > 2.5) < 0.01
    for method in ("likelihood", "shrinkage"):
        fitted = fit_laws(known.delta[:, :100], known.sizes, method).lack_of_fit
        assert 0.6 < np.nanmedian(fitted) < 1.1


@pytest.mark.parametrize("wrong", ["scale", "exponent", "sign"])
def test_wrong_laws_are_far_where_the_draws_can_tell(wrong: str) -> None:
    middle = np.sqrt(100 * 1000.0)
    medians = []
    for signal in (10.0, 1.0):
        known = known_draws(400, 100, 2, signal)
        c, alpha = {
            "scale": (2 * known.c, known.alpha),
            "exponent": (known.c * middle**-known.alpha, 0 * known.alpha),
            "sign": (-known.c, known.alpha),
        }[wrong]
        medians.append(float(np.median(lack_of_fit(laws_of(c, alpha), known.delta, known.sizes))))
    assert medians[0] > 8.0
    assert medians[0] > 4 * medians[1] > 6.0


def test_draws_without_noise_tell_a_right_law_from_a_wrong_one() -> None:
    sizes = np.geomspace(100, 1000, 24)
    delta = (3.0 * sizes[:, None] ** -1.2).astype(np.float32)
    assert lack_of_fit(laws_of(3.0, 1.2), delta, sizes)[0] < 2.0
    assert lack_of_fit(laws_of(3.0, 1.5), delta, sizes)[0] > 2.5
    assert np.isfinite(lack_of_fit(laws_of(3.0, -400.0), delta, sizes)[0])  # a law that overflows


def test_nothing_is_said_without_a_law_or_with_too_few_draws() -> None:
    known = known_draws(4, 12, 5)
    delta = known.delta.copy()
    delta[4:, 1] = np.nan  # four draws in two or three groups of sizes
    c = known.c.copy()
    c[2] = np.nan
    assert np.isnan(lack_of_fit(laws_of(c, known.alpha), delta, known.sizes)).tolist() == [False, True, True, False]
    with pytest.raises(ArgumentError, match=r"^delta must"):
        lack_of_fit(laws_of(c, known.alpha), delta[:, :3], known.sizes)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    known = known_draws(7, 30, 6)
    laws = laws_of(known.c, known.alpha)
    whole = lack_of_fit(laws, known.delta, known.sizes)
    monkeypatch.setitem(lack_of_fit.__globals__, "_BLOCK", 60)
    np.testing.assert_array_equal(lack_of_fit(laws, known.delta, known.sizes), whole)
