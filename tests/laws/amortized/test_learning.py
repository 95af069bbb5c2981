"""Around the network: what it is shown, how its error is measured, and how halves and guides are used; by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from reference import known_draws

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws
from dscale_core.laws.amortized import learning
from dscale_core.laws.amortized.learning import _calibrated, _examples, _excess, _train, _write, fit_amortized
from dscale_core.laws.amortized.model import AmortizedModel
from dscale_core.laws.amortized.network import Examples, Settings
from dscale_core.laws.problem import Fitted, Guide, Problem, make_problem, screen

TINY = Settings(epochs=2, pretraining_epochs=1, least_steps=0, device="cpu")


class _Fixed(torch.nn.Module):
    """The same outputs for every point."""

    def __init__(self, outputs: list[float]) -> None:
        super().__init__()
        self.outputs = torch.nn.Parameter(torch.tensor(outputs, dtype=torch.float32))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.outputs.expand(len(X), -1)


def _blank(**more: Any) -> AmortizedModel:
    values: dict[str, Any] = {
        "network": None, "shift": np.zeros(2), "spread": np.ones(2), "labels": None, "unit": 1.0, "center": 300.0,
        "min_size": 100, "max_size": 1000, "amplitude_error": 0.0, "alpha_error": 0.0,
    }  # fmt: skip
    return AmortizedModel(**(values | more))


def _problem(points: int = 30, draws: int = 10, **more: Any) -> Problem:
    known = known_draws(points, draws, 5, 1.0)
    X = np.random.default_rng(0).normal(3.0, 2.0, (points, 2))
    values: dict[str, Any] = {"features": X, "groups": np.arange(points) % 3}
    return make_problem(known.delta, known.sizes, **(values | more))


# ---- how far the network is off


def _trimmed(values: np.ndarray) -> float:
    kept = max(int(0.95 * values.size), 1)
    return float(np.mean(sorted(values)[:kept]))


@pytest.mark.parametrize("points", [1, 7, 60])
def test_the_excess_is_what_means_have_beyond_alternating_means(points: int) -> None:
    rng = np.random.default_rng(points)
    z = rng.normal(0.5, 1.0, (points, 9))
    z[rng.random(z.shape) < 0.2] = np.nan
    if points > 1:
        z[0, 1:] = np.nan  # one draw alone has no noise to compare with
        z[1, 2:], z[1, :2] = np.nan, [0.4, 1.1]  # two have
    means, alternating = [], []
    for row in z:
        seen = np.isfinite(row)
        if seen.sum() > 1:
            means.append(row[seen].mean() ** 2)
            alternating.append((np.where(np.arange(9) % 2 == 0, row, -row)[seen].sum() / seen.sum()) ** 2)
    # a square normal's mean below its 95 % point is 0.76
    assert _excess(z) == pytest.approx((_trimmed(np.array(means)) - _trimmed(np.array(alternating))) / 0.76)


def test_the_excess_of_many_points_is_the_variance_of_their_means() -> None:
    rng = np.random.default_rng(0)
    z = 0.7 * rng.normal(size=(4000, 1)) + rng.normal(size=(4000, 12))
    assert _excess(z) == pytest.approx(0.49, rel=0.06)
    z[5] = 1e6  # one wild point counts for nothing
    assert _excess(z) == pytest.approx(0.49, rel=0.06)
    assert abs(_excess(rng.normal(size=(4000, 12)))) < 0.01
    assert _excess(np.full((3, 4), np.nan)) == 0.0
    assert _excess(np.where(np.arange(4) < 1, z[:3, :4], np.nan)) == 0.0


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("own_sizes", [False, True])
def test_the_models_error_is_its_excess_at_the_centre_and_at_the_ends(own_sizes: bool, sign: float) -> None:
    rng = np.random.default_rng(1)
    log_a, log_alpha, log_s, log_beta = 0.4, 0.2, -0.3, 0.5
    x = np.linspace(-1.2, 1.3, 12).astype(np.float32)
    if own_sizes:
        x = np.stack([rng.permutation(x) for _ in range(50)])
    at = np.broadcast_to(x, (50, 12)).astype(float)
    psi = sign * np.exp(log_a - np.exp(log_alpha) * at)
    noise = np.exp(log_s - np.exp(log_beta) / 2 * at)
    y = psi * np.exp(0.5 * rng.normal(size=(50, 1)) * at) + noise * (
        0.6 * rng.normal(size=(50, 1)) + rng.normal(size=(50, 12))
    )
    present = rng.random((50, 12)) < 0.9
    examples = Examples(
        np.zeros((50, 2), np.float32), np.zeros(50, np.int64), np.zeros(50, np.float32), 1,
        np.where(present, y, 0).astype(np.float32), present, x,
    )  # fmt: skip
    rows = np.arange(5, 45)
    network = _Fixed([sign, log_a, log_alpha, log_s, log_beta])
    got = _calibrated(_blank(), network, examples, rows)
    z = np.where(present, (y - psi) / noise, np.nan)[rows]
    low, high = np.quantile(x, [1 / 3, 2 / 3])
    outer = ((at <= low) | (at >= high))[rows]
    whole, ends = _excess(z), _excess(np.where(outer, z, np.nan))
    lever = np.mean(((psi / noise * at)[rows] ** 2)[outer])
    assert got.amplitude_error == pytest.approx(whole, rel=1e-4)
    expected = (ends - whole) / lever
    assert (1e-4 < expected < 1) == (not own_sizes)  # sizes of their own are too few here to tell
    assert got.alpha_error == pytest.approx(np.clip(expected, 1e-4, 1), rel=1e-3)
    assert got.network is network


def test_errors_are_held_between_a_trifle_and_one() -> None:
    rng = np.random.default_rng(2)
    x = np.linspace(-1, 1, 10).astype(np.float32)
    present = np.ones((40, 10), dtype=bool)

    def calibrated(y: np.ndarray, outputs: list[float]) -> AmortizedModel:
        examples = Examples(np.zeros((40, 2), np.float32), np.zeros(40, np.int64), np.zeros(40, np.float32), 1,
                            y.astype(np.float32), present, x)  # fmt: skip
        return _calibrated(_blank(), _Fixed(outputs), examples, np.arange(40))

    alternating = np.tile([1.0, -1.0], 5) * np.ones((40, 1))
    right = calibrated(alternating, [1.0, -90.0, 0.0, 0.0, -9.0])
    assert right.amplitude_error == right.alpha_error == 1e-4
    tilted = 3 * rng.normal(size=(40, 1)) * np.where(x > 0, 1.0, 0.2) * np.abs(x)
    assert calibrated(tilted, [1.0, -4.0, 0.0, 0.0, -9.0]).alpha_error == 1.0


# ---- what it is shown


def test_examples_are_scaled_clipped_and_standardised() -> None:
    problem = _problem(4, 5, groups=None, targets=[1.0, 5.0, 9.0, 1.0])
    delta = problem.delta.copy()
    delta[1, 2], delta[3, 3] = np.nan, 1e9
    problem = replace(problem, delta=delta)
    usable = np.array([0, 2, 3])
    model = _blank(shift=np.array([1.0, 2.0]), spread=np.array([2.0, 4.0]), unit=0.01)
    y = delta[:, usable].T
    seen = np.isfinite(y)
    got = _examples(problem, usable, model, y, seen)
    assert problem.features is not None
    np.testing.assert_allclose(got.X, (problem.features[usable] - [1, 2]) / [2, 4], rtol=1e-6)
    np.testing.assert_allclose(got.y, np.clip(np.where(seen, y, 0) / 0.01, -1e4, 1e4), rtol=1e-6)
    assert got.y.max() == 1e4
    np.testing.assert_array_equal(got.present, seen)
    np.testing.assert_allclose(got.x, problem.x, rtol=1e-6, atol=1e-7)
    target = np.array([1.0, 9.0, 1.0])
    np.testing.assert_allclose(got.target, (target - target.mean()) / target.std(), rtol=1e-6)
    assert got.n_classes == 1
    assert got.code.tolist() == [0, 0, 0]
    for name, kind in (("X", np.float32), ("y", np.float32), ("x", np.float32), ("target", np.float32), ("code", np.int64)):
        assert getattr(got, name).dtype == kind


def test_examples_of_classes_and_of_sizes_of_their_own() -> None:
    problem = _problem(4, 5, groups=[2, 0, 1, 1])
    own = make_problem(problem.delta, np.stack([problem.sizes] * 4, axis=1) * [1, 2, 3, 4], features=problem.features,
                       groups=problem.groups)  # fmt: skip
    usable = np.array([0, 1, 3])
    got = _examples(own, usable, _blank(), own.delta[:, usable].T, np.ones((3, 5), dtype=bool))
    assert got.n_classes == 3
    assert got.code.tolist() == [2, 0, 1]
    np.testing.assert_allclose(got.x, own.x[:, usable].T, rtol=1e-6)
    np.testing.assert_array_equal(got.target, 0.0)  # none given: nothing to divide by


@pytest.mark.parametrize(("points", "judged"), [(30, 30), (190, 190), (200, 20)])
def test_the_model_knows_its_units_and_is_judged_by_points_it_did_not_see(
    points: int, judged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty held-out points or more; where there are fewer, all points judge."""
    problem = _problem(points, 8)
    delta = problem.delta.copy()
    delta[:3, 4] = np.nan
    assert problem.features is not None
    features = np.column_stack([problem.features[:, 0], np.full(points, 7.0)])
    problem = replace(problem, delta=delta, features=features, sizes=problem.sizes + 0.5)
    rows: list[int] = []

    def judged_by(model: AmortizedModel, _network: object, _examples: Examples, at: np.ndarray) -> AmortizedModel:
        rows.append(len(at))
        return model

    monkeypatch.setattr(learning, "_calibrated", judged_by)
    usable = np.arange(points)
    model = _train(problem, usable, TINY, None)
    each = [np.sqrt(np.nanmean(delta[:, i] ** 2)) for i in usable]
    assert model.unit == pytest.approx(np.median(each))
    np.testing.assert_allclose(model.shift, [features[:, 0].mean(), 7.0])
    np.testing.assert_allclose(model.spread, [features[:, 0].std(), 1.0])
    assert (model.center, model.min_size, model.max_size) == (problem.center, 100, 1001)
    assert model.labels is not None
    assert model.labels.tolist() == [0, 1, 2]
    assert rows == [judged]
    assert _train(replace(problem, groups=None, targets=np.zeros(points)), usable, TINY, None).labels is None


def test_predictions_are_written_in_the_units_of_each_points_draws() -> None:
    problem = _problem(5, 8, groups=[1, 0, 1, 0, 1])
    delta = problem.delta.copy()
    delta[:, 2] = 0.0
    problem = replace(problem, delta=delta)
    screened = screen(problem)
    network = _Fixed([1.0, -0.7, 0.1, -1.2, 0.6, -1.0, 0.2, -0.4, 0.3, 0.9])
    model = _blank(network=network, unit=2.0, amplitude_error=0.04, alpha_error=0.01)
    fitted = Fitted.empty(5)
    _write(model, problem, screened, fitted)
    own = np.array([[-1, 0.2, -0.4, 0.3, 0.9], [1, -0.7, 0.1, -1.2, 0.6]])[[0, 1, 1, 0]]
    kept = [0, 1, 3, 4]
    scale = screened.scale[kept]
    np.testing.assert_allclose(fitted.amplitude[kept], 2 * own[:, 0] * np.exp(own[:, 1]) / scale, rtol=1e-5)
    np.testing.assert_allclose(fitted.alpha[kept], np.exp(own[:, 2]), rtol=1e-5)
    np.testing.assert_allclose(fitted.sigma[kept], 2 * np.exp(own[:, 3]) / scale, rtol=1e-5)
    np.testing.assert_allclose(fitted.beta[kept], np.exp(own[:, 4]), rtol=1e-5)
    np.testing.assert_allclose(fitted.covariance[kept, 0, 0], 0.04 * (2 * np.exp(own[:, 3]) / scale) ** 2, rtol=1e-5)
    np.testing.assert_allclose(fitted.covariance[kept, 1, 1], 0.01)
    assert np.isfinite(fitted.alpha_low[kept]).all()
    assert np.isfinite(fitted.alpha_high[kept]).all()
    for name in ("amplitude", "alpha", "sigma", "beta", "alpha_low", "alpha_high"):
        assert np.isnan(getattr(fitted, name)[2])
    single = Fitted.empty(5)
    one = _blank(network=_Fixed([1.0, -0.7, 0.1, -1.2, 0.6]))
    _write(one, replace(problem, groups=None), screened, single)
    np.testing.assert_allclose(single.alpha[kept], np.exp(0.1), rtol=1e-5)


# ---- the whole


def test_halves_measure_the_misfit_and_progress_counts_three_trainings() -> None:
    problem = _problem(40, 16)
    told: list[float] = []
    model = fit_amortized(
        problem.delta, problem.sizes, problem.features, problem.groups, settings=TINY, on_progress=told.append
    )
    assert model.misfit.shape == (2, 7)
    assert not model.guided
    assert model.share == 1.0
    assert told == sorted(told)
    np.testing.assert_allclose(told, [1 / 9, 2 / 9, 1 / 3, 1 / 3, 4 / 9, 5 / 9, 2 / 3, 2 / 3, 7 / 9, 8 / 9, 1, 1, 1])


def test_a_fit_and_its_model_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = _problem(40, 16)
    delta = problem.delta.copy()
    delta[:, 3] = 0.0
    monkeypatch.setattr("dscale_core.laws.amortized.network.Settings", lambda: TINY)
    laws = fit_laws(delta, problem.sizes, "amortized", features=problem.features, groups=problem.groups)
    model = fit_amortized(delta, problem.sizes, problem.features, problem.groups, settings=TINY)
    said = model.predict_laws(problem.features, problem.groups)
    kept = np.arange(40) != 3
    np.testing.assert_allclose(laws.c[kept], said.c[kept], rtol=1e-5)
    np.testing.assert_allclose(laws.covariance[kept], said.covariance[kept], rtol=1e-5)
    np.testing.assert_allclose(laws.misfit, said.misfit)
    assert laws.status[3] == "no_signal"


def test_around_a_guide_halves_come_first_and_a_control_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The noise that is learned is to be a draw's: deviations are from the guide's mean."""
    problem = _problem(40, 16)
    known = known_draws(40, 16, 5, 1.0)
    ends = np.array([100.0, 1000.0])
    guide = Guide(ends, np.stack([known.psi(k) for k in ends]), control=0.9 * problem.delta)
    trained: list[np.ndarray] = []
    train = learning._train

    def spied(part: Problem, *rest: Any) -> AmortizedModel:
        trained.append(part.delta)
        return train(part, *rest)

    monkeypatch.setattr(learning, "_train", spied)
    model = fit_amortized(problem.delta, problem.sizes, problem.features, problem.groups, settings=TINY, guide=guide)
    assert model.guided
    assert [delta.shape[0] for delta in trained] == [8, 8, 16]
    np.testing.assert_allclose(trained[2], problem.delta - guide.at(problem.sizes))
    assert 0 <= model.share <= 1
    assert model.misfit.shape == (2, 7)
    assert model.labels is not None
    assert model.labels.tolist() == [0, 1, 2]
    monkeypatch.setattr("dscale_core.laws.amortized.network.Settings", lambda: TINY)
    laws = fit_laws(
        problem.delta, problem.sizes, "amortized", features=problem.features, groups=problem.groups,
        guide=Guide(ends, -9 * guide.expected),
    )  # fmt: skip
    assert not laws.guided  # a formula that is wrong is left out


def test_what_is_missing_is_named() -> None:
    problem = _problem(10, 5)
    with pytest.raises(ArgumentError, match=r"^groups must be given"):
        fit_amortized(problem.delta, problem.sizes, problem.features)
    with pytest.raises(ArgumentError, match=r"^delta must hold a point"):
        fit_amortized(0 * problem.delta, problem.sizes, problem.features, problem.groups)
    silent = fit_laws(0 * problem.delta, problem.sizes, "amortized", features=problem.features, groups=problem.groups)
    assert set(silent.status) == {"no_signal"}
