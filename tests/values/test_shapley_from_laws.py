import numpy as np
import pytest
from reference import known_draws, mean_psi

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws
from dscale_core.types import Laws
from dscale_core.values import shapley, shapley_from_laws


def _laws(points: int = 7) -> Laws:
    known = known_draws(points, 50, 1, 1.0)
    delta = known.delta.copy()
    delta[:, 2] = 0.0
    return fit_laws(delta, known.sizes, "likelihood")


@pytest.mark.parametrize(("low", "high"), [(100, 1000), (1, 50), (300, 300)])
def test_matches_the_loop_over_every_size(low: int, high: int) -> None:
    laws = _laws()
    got = shapley_from_laws(laws, low, high)
    for i in range(7):
        expected = mean_psi(laws.c[i], laws.alpha[i], low, high)
        np.testing.assert_allclose(got[i], expected, rtol=1e-10)
    assert np.isnan(got[2])


def test_the_two_term_law_is_averaged_as_it_is() -> None:
    known = known_draws(7, 50, 1, 1.0)
    laws = fit_laws(known.delta, known.sizes, "two_term")
    expected = np.mean([laws.psi(k) for k in range(100, 301)], axis=0)
    np.testing.assert_allclose(shapley_from_laws(laws, 100, 300), expected, rtol=1e-10)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    laws = _laws()
    whole = shapley_from_laws(laws, 100, 900)
    monkeypatch.setattr(shapley, "_BLOCK_ELEMENTS", 37)
    np.testing.assert_allclose(shapley_from_laws(laws, 100, 900), whole, rtol=1e-12)


@pytest.mark.parametrize(("low", "high", "argument"), [(0, 10, "min_size"), (5, 4, "max_size"), (2, 10.5, "max_size")])
def test_bad_ranges_are_answered(low: int, high: int, argument: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument} must"):
        shapley_from_laws(_laws(), low, high)


def test_unknown_names_are_not_values() -> None:
    import dscale_core.values as values

    with pytest.raises(AttributeError, match="nothing"):
        _ = values.nothing
