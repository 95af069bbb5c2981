"""What a trained network says becomes laws: by hand, with networks whose outputs are known."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from dscale_core.errors import ArgumentError
from dscale_core.laws.amortized.model import AmortizedModel
from dscale_core.laws.problem import Guide

OF_CLASS = np.array([[2.0, -0.7, 0.1, -1.2, 0.6], [-0.5, 0.2, -0.4, 0.3, 0.9]])  # sign, log|a|, log α, log s, log β
SEVEN = np.geomspace(100, 1000, 7)


class _Fixed(torch.nn.Module):
    """These outputs for every point, plus the first feature in the second one."""

    def __init__(self, outputs: np.ndarray) -> None:
        super().__init__()
        self.outputs = torch.nn.Parameter(torch.tensor(outputs.ravel(), dtype=torch.float32))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        out = self.outputs.expand(len(X), -1).clone()
        out[:, 1::5] += X[:, :1]
        return out


def _model(outputs: np.ndarray = OF_CLASS, **more: Any) -> AmortizedModel:
    values: dict[str, Any] = {
        "network": _Fixed(outputs), "shift": np.array([5.0, 1.0]), "spread": np.array([2.0, 3.0]),
        "labels": np.array(["no", "yes"]), "unit": 1e-3, "center": 300.0, "min_size": 100, "max_size": 1000,
        "amplitude_error": 0.04, "alpha_error": 0.01,
    }  # fmt: skip
    return AmortizedModel(**(values | more))


FEATURES = np.array([[5.0, 1.0], [7.0, 1.0], [5.0, 4.0]])


def test_laws_are_what_the_network_says_of_the_points_class() -> None:
    laws = _model().predict_laws(FEATURES, ["no", "yes", "yes"])
    own, first = OF_CLASS[[0, 1, 1]], np.array([0.0, 1.0, 0.0])  # features less their mean, over their spread
    sign = np.array([1, -1, -1])
    np.testing.assert_allclose(laws.alpha, np.exp(own[:, 2]), rtol=1e-5)
    np.testing.assert_allclose(laws.psi(300), 1e-3 * sign * np.exp(own[:, 1] + first), rtol=1e-5)
    np.testing.assert_allclose(laws.beta, np.exp(own[:, 4]), rtol=1e-5)
    s = 1e-3 * np.exp(own[:, 3])
    np.testing.assert_allclose(laws.sigma * 300 ** (-laws.beta / 2), s, rtol=1e-5)
    np.testing.assert_allclose(laws.covariance[:, 0, 0], 0.04 * s**2, rtol=1e-5)
    np.testing.assert_allclose(laws.covariance[:, 1, 1], 0.01)
    np.testing.assert_array_equal(laws.covariance[:, 0, 1], 0.0)
    half = norm.ppf(0.95) * 0.1
    np.testing.assert_allclose(laws.alpha_low, laws.alpha - half)
    np.testing.assert_allclose(laws.alpha_high, laws.alpha + half)
    assert laws.status.tolist() == ["ok"] * 3
    assert laws.points.tolist() == [0, 1, 2]
    assert laws.n_draws.tolist() == [0, 0, 0]
    assert (laws.min_size, laws.max_size, laws.center, laws.method) == (100, 1000, pytest.approx(300), "amortized")
    assert laws.misfit.shape == (2, 0)
    assert not laws.guided


def test_outputs_beyond_reason_are_held() -> None:
    wild = np.array([[0.0, 90.0, 9.0, -90.0, -9.0], [-1e-6, -90.0, -9.0, 90.0, 9.0]])
    model = _model(wild)
    fitted = model.fitted(FEATURES[:1].repeat(2, axis=0), np.array([0, 1]))
    np.testing.assert_allclose(fitted.amplitude, [1e-3 * np.exp(60), -1e-3 * np.exp(-60)])  # no opinion counts as positive
    np.testing.assert_allclose(fitted.alpha, [np.exp(2), np.exp(-5)])
    np.testing.assert_allclose(fitted.sigma, [1e-3 * np.exp(-60), 1e-3 * np.exp(60)])
    np.testing.assert_allclose(fitted.beta, [np.exp(-5), np.exp(2)])
    assert fitted.alpha_low[1] == 0.0
    assert not fitted.at_bound.any()


def test_features_are_standardised_and_wild_ones_held() -> None:
    got = _model().standardised(np.array([[9.0, -2.0], [1e9, -1e9]]))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [[2.0, -1.0], [30.0, -30.0]])


def test_points_misfit_and_regression() -> None:
    misfit = np.array([SEVEN, np.full(7, 0.02)])
    model = _model(OF_CLASS[:1], labels=None, misfit=misfit)
    laws = model.predict_laws(FEATURES, points=[7, 9, 11])
    assert laws.points.tolist() == [7, 9, 11]
    np.testing.assert_array_equal(laws.misfit, misfit)
    np.testing.assert_allclose(laws.alpha, np.exp(0.1), rtol=1e-5)
    np.testing.assert_allclose(laws.alpha_low, laws.alpha - norm.ppf(0.95) * 0.1)  # the misfit is ψ's alone


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_guided_model_adds_its_share_of_the_deviation_to_the_guide(share: float) -> None:
    alpha = float(np.exp(np.float32(0.1)))
    misfit = np.array([SEVEN, np.full(7, 0.02)])
    model = _model(OF_CLASS[:1], labels=None, guided=True, share=share, misfit=misfit)
    k = np.geomspace(100, 1000, 60)
    level = np.array([1.0, -2.0, 3.0]) * 1e-3
    laws = model.predict_laws(FEATURES, guide=Guide(k, level * (k[:, None] / 300) ** -alpha), points=[4, 5, 6])
    deviation = 1e-3 * np.exp(-0.7 + np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(laws.psi(300), level + share * deviation, rtol=2e-3)
    np.testing.assert_allclose(laws.alpha, alpha, atol=2e-3)
    assert laws.guided
    assert laws.curve.shape == (3, 9)
    assert laws.points.tolist() == [4, 5, 6]
    assert (laws.min_size, laws.max_size) == (100, 1000)
    np.testing.assert_array_equal(laws.misfit, misfit)
    own = np.sqrt(0.02) * laws.sigma * SEVEN[[1, 5]][:, None] ** (-laws.beta / 2)
    relative = own / np.abs([laws.psi(size) for size in SEVEN[[1, 5]]])
    lacking = norm.ppf(0.95) * np.sqrt((relative**2).sum(axis=0)) / np.log(SEVEN[5] / SEVEN[1])
    assert np.all(laws.alpha_high - laws.alpha >= lacking * 0.999)


def test_a_guide_is_used_only_where_training_had_one() -> None:
    k = np.array([100.0, 1000.0])
    guide = Guide(k, np.ones((2, 3)))
    with pytest.raises(ArgumentError, match=r"^guide must be given, as in training"):
        _model(guided=True).predict_laws(FEATURES, ["no"] * 3)
    plain = _model()
    np.testing.assert_array_equal(
        plain.predict_laws(FEATURES, ["no"] * 3, guide=guide).c, plain.predict_laws(FEATURES, ["no"] * 3).c
    )


@pytest.mark.parametrize(
    ("argument", "features", "groups"),
    [
        ("features", FEATURES[:, :1], ["no"] * 3),
        ("features", FEATURES[0], ["no"]),
        ("features", np.where(FEATURES == 4.0, np.nan, FEATURES), ["no"] * 3),
        ("groups", FEATURES, None),
        ("groups", FEATURES, ["no"]),
        ("groups", FEATURES, ["no", "yes", "perhaps"]),
    ],
)
def test_what_was_not_learned_is_refused(argument: str, features: np.ndarray, groups: list[str] | None) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument} must"):
        _model().predict_laws(features, groups)
