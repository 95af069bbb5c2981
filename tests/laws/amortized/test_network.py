"""The network of the amortised estimator: its loss and gradient by hand, what it is shown, and when training stops."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dscale_core.laws.amortized.network import OUTPUTS, Examples, Settings, _Trainer, predict, train

CPU = torch.device("cpu")


def _examples(p: int = 40, m: int = 6, classes: int = 2, own_sizes: bool = False, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    x = np.linspace(-1, 1, m).astype(np.float32)
    if own_sizes:
        x = np.stack([rng.permutation(x) for _ in range(p)])
    present = rng.random((p, m)) < 0.85
    present[:, 0] = True
    present[0, 1:] = False  # a single draw is one
    return Examples(
        X=rng.normal(size=(p, 3)).astype(np.float32),
        code=rng.integers(0, classes, p).astype(np.int64) if classes > 1 else np.zeros(p, np.int64),
        target=rng.normal(size=p).astype(np.float32),
        n_classes=classes,
        y=np.where(present, rng.normal(size=(p, m)), 0.0).astype(np.float32),
        present=present,
        x=x,
    )


def _trainer(examples: Examples, **settings: Any) -> _Trainer:
    return _Trainer(examples, Settings(**({"device": "cpu"} | settings)), CPU)


class _Fixed(nn.Module):
    """The same outputs for every point, as a parameter."""

    def __init__(self, outputs: np.ndarray) -> None:
        super().__init__()
        self.outputs = nn.Parameter(torch.tensor(outputs, dtype=torch.float32))

    def forward(self, X: Tensor) -> Tensor:
        return self.outputs.expand(len(X), -1)


def _terms(own: np.ndarray, held: np.ndarray, y: np.ndarray, x: np.ndarray) -> float:
    """Loss of one point at outputs ``own``; what the loss takes as given comes from ``held``."""
    sign, alpha = own[0], np.exp(np.clip(own[2], -5, 2))

    def curve(outputs: np.ndarray, direction: float) -> np.ndarray:
        return np.asarray(direction * np.exp(outputs[1] - np.exp(np.clip(outputs[2], -5, 2)) * x))

    def variance(outputs: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(2 * outputs[3] - np.exp(np.clip(outputs[4], -5, 2)) * x))

    misfit = {s: np.mean((y - curve(own, s)) ** 2 / (2 * variance(held))) for s in (1.0, -1.0)}
    likelier = {s: np.mean((y - curve(held, s)) ** 2 / (2 * variance(held))) for s in (1.0, -1.0)}
    direction = 1.0 if likelier[1.0] <= likelier[-1.0] else -1.0
    residual = y - curve(held, direction)
    noise = np.mean(np.log(variance(own)) / 2 + residual**2 / (2 * variance(own)))
    crossed = np.log1p(np.exp(-direction * sign))
    return float(misfit[direction] + noise + crossed + 1e-5 * (alpha - 1) ** 2)


OUTPUTS_OF = [
    np.array([[0.3, -0.5, 0.1, -0.2, 0.6], [-0.7, 0.2, -0.4, 0.3, 0.9]]),
    np.array([[1.3, 0.5, 2.6, -0.2, -5.6], [-0.7, 0.2, -5.4, 0.3, 2.9]]),  # exponents beyond what is allowed
]


@pytest.mark.parametrize("outputs", OUTPUTS_OF)
@pytest.mark.parametrize("own_sizes", [False, True])
def test_the_loss_and_its_gradient_are_those_written_down(outputs: np.ndarray, own_sizes: bool) -> None:
    """The gradient takes the noise as given for the mean and the mean as given for the noise."""
    examples = _examples(own_sizes=own_sizes)
    trainer, network = _trainer(examples), _Fixed(outputs.ravel())
    rows = torch.arange(12)
    network.eval()
    loss = trainer._law_loss(network, rows)
    loss.backward()

    def literal(own: np.ndarray, held: np.ndarray) -> float:
        total = 0.0
        for i in range(12):
            seen = examples.present[i]
            x = examples.x[i] if own_sizes else examples.x
            code = examples.code[i]
            total += _terms(own[code], held[code], examples.y[i, seen].astype(float), x[seen].astype(float))
        return total / 12

    assert float(loss.detach()) == pytest.approx(literal(outputs, outputs), rel=1e-6)
    assert network.outputs.grad is not None
    gradient = network.outputs.grad.numpy().reshape(2, 5)
    for c in range(2):
        for k in range(5):
            h = np.zeros((2, 5))
            h[c, k] = 1e-5
            slope = (literal(outputs + h, outputs) - literal(outputs - h, outputs)) / 2e-5
            assert gradient[c, k] == pytest.approx(slope, rel=2e-3, abs=1e-4)


def test_without_draws_an_exponent_is_drawn_to_one() -> None:
    examples = _examples(classes=1)
    nothing = replace(examples, present=np.zeros_like(examples.present))
    loss = _trainer(nothing)._law_loss(_Fixed(np.array([20.0, 0, -1, 0, 0])), torch.arange(5))
    assert float(loss.detach()) == pytest.approx(1e-5 * (np.exp(-1) - 1) ** 2, rel=1e-3)


def test_labels_are_learned_by_cross_entropy_and_targets_by_squares() -> None:
    examples = _examples()
    rows = torch.arange(10)
    got = _trainer(examples)._label_loss(_Fixed(np.array([0.4, -0.3])), rows)
    share = np.exp([0.4, -0.3]) / np.exp([0.4, -0.3]).sum()
    assert float(got.detach()) == pytest.approx(-np.log(share[examples.code[:10]]).mean(), rel=1e-5)
    regression = _examples(classes=1)
    got = _trainer(regression)._label_loss(_Fixed(np.array([0.4])), rows)
    assert float(got.detach()) == pytest.approx(np.mean((0.4 - regression.target[:10]) ** 2), rel=1e-5)


def test_each_point_is_answered_by_its_own_class_in_batches_too() -> None:
    outputs = np.arange(15.0)
    code = np.arange(9000) % 3
    X = np.zeros((9000, 2), np.float32)
    X[:, 0] = np.arange(9000)
    got = predict(_Fixed(outputs), X, code)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, outputs.reshape(3, OUTPUTS)[code])


def test_predicting_switches_training_off() -> None:
    network = nn.Sequential(nn.Dropout(0.5), _Fixed(np.arange(5.0)))
    network.train()
    predict(network, np.ones((3, 2), np.float32), np.zeros(3, np.int64))
    assert not network.training


@pytest.mark.parametrize(("p", "held"), [(40, 4), (44, 4), (46, 5), (3, 1), (2, 1), (1, 0)])
def test_a_tenth_of_the_points_is_held_out(p: int, held: int) -> None:
    trainer = _trainer(_examples(p))
    assert len(trainer.held) == held
    assert sorted([*trainer.held.tolist(), *trainer.rows.tolist()]) == list(range(p))
    other = _trainer(_examples(p), seed=1)
    if p == 40:
        assert trainer.held.tolist() != other.held.tolist()
        assert len(_trainer(_examples(p), held_out=0.25).held) == 10


@pytest.mark.parametrize(("p", "batch"), [(40, 16), (720, 16), (1000, 22), (30_000, 512)])
def test_batches_grow_with_the_points(p: int, batch: int) -> None:
    assert _trainer(_examples(p, m=1)).batch == batch


def test_before_training_it_has_no_opinion_but_the_draws_spread() -> None:
    examples = _examples()
    start = _trainer(examples)._start().numpy()
    seen = np.sort(np.abs(examples.y[examples.present]))
    spread = seen[(seen.size - 1) // 2] / 0.6745  # the quartile of a standard normal
    np.testing.assert_allclose(start, [0, np.log(spread / 3), 0, np.log(spread), np.log(2)], rtol=1e-4, atol=1e-7)
    nothing = replace(examples, present=np.zeros_like(examples.present))
    np.testing.assert_allclose(_trainer(nothing)._start().numpy()[3], 0.0, atol=1e-6)
    silent = replace(examples, y=np.zeros_like(examples.y))
    assert _trainer(silent)._start().numpy()[3] == pytest.approx(np.log(1e-6), rel=1e-5)


def test_an_epoch_shows_every_point_once_in_batches() -> None:
    trainer = _trainer(_examples(100))
    shown: list[list[int]] = []
    network = _Fixed(np.zeros(1))

    def loss_of(net: nn.Module, rows: Tensor) -> Tensor:
        shown.append(rows.tolist())
        return net.outputs.sum()  # type: ignore[union-attr, operator, return-value]

    optimiser = torch.optim.SGD(network.parameters(), lr=0.5)
    trainer._epoch(network, optimiser, loss_of)
    assert [len(rows) for rows in shown] == [16] * 5 + [10]
    assert sorted(row for rows in shown for row in rows) == sorted(trainer.rows.tolist())
    assert float(network.outputs.detach()) == pytest.approx(-3.0)  # six steps, each with a gradient of its own
    first = [row for rows in shown for row in rows]
    shown.clear()
    trainer._epoch(network, optimiser, loss_of)
    assert [row for rows in shown for row in rows] != first  # in another order


@pytest.mark.parametrize(("training", "seen"), [(True, 4), (False, 6)])
def test_training_steps_see_a_few_draws_and_judging_all(training: bool, seen: int) -> None:
    for own_sizes in (False, True):
        examples = _examples(own_sizes=own_sizes)
        trainer, network = _trainer(examples, draws_per_step=4), _Fixed(np.zeros(10))
        network.train(training)
        y, x, present = trainer._draws(network, torch.arange(5))
        assert y.shape == present.shape == (5, seen)
        assert x.shape == ((5, seen) if own_sizes else (seen,))
        at = x.numpy() if own_sizes else np.repeat(x.numpy()[None], 5, axis=0)
        whole = examples.x if own_sizes else np.repeat(examples.x[None], 40, axis=0)
        for i in range(5):  # draws, sizes and what is present stay together
            place = [int(np.flatnonzero(whole[i] == value)[0]) for value in at[i]]
            assert len(set(place)) == seen
            np.testing.assert_array_equal(y[i].numpy(), examples.y[i, place])
            np.testing.assert_array_equal(present[i].numpy(), examples.present[i, place].astype(np.float32))
    trainer = _trainer(_examples(), draws_per_step=6)
    assert trainer._draws(_Fixed(np.zeros(10)), torch.arange(5))[0].shape == (5, 6)


def _optimised(values: list[float], patience: int, **settings: Any) -> tuple[float, int, _Trainer]:
    """Train one number by a loss whose held-out value follows a list; what is left of it, epochs run, and the trainer."""
    trainer = _trainer(_examples(40), patience=patience, learning_rate=0.1, **settings)
    network = _Fixed(np.zeros(1))
    epochs = 0

    def report() -> None:
        nonlocal epochs
        epochs += 1

    def loss_of(net: nn.Module, rows: Tensor) -> Tensor:
        if not net.training:
            assert len(rows) == 4
            return torch.tensor(values[epochs])
        return net.outputs.sum()  # type: ignore[union-attr, operator, return-value]

    trainer._optimise(network, len(values), loss_of, report)
    return float(network.outputs.detach()), epochs, trainer


def test_the_best_epoch_is_kept_and_training_stops_when_it_gains_no_more() -> None:
    steps = {"least_steps": 0, "epochs": 100}
    last, epochs, _ = _optimised([5.0, 4.0, 3.0, 3.0, 3.5, 6.0, 1.0], 3, **steps)
    assert epochs == 6  # three epochs without a gain after the third
    at_third, _, _ = _optimised([5.0, 4.0, 3.0], 3, **steps)
    assert last != at_third  # the schedules differ
    more, epochs, _ = _optimised([5.0, 4.0, 3.0, 3.0, 3.5, 1.0, 6.0], 4, **steps)
    assert epochs == 7
    assert more < last < 0  # each epoch lowers the number: a later epoch was kept
    _, epochs, _ = _optimised([1.0] + [2.0] * 9, 25, **steps)
    assert epochs == 10


def test_steps_fade_to_nothing_like_a_cosine() -> None:
    """AdamW under a constant gradient moves by its rate (and decays by a hundredth of it): the sum of a cosine's."""
    left, _, trainer = _optimised([5.0, 4.0, 3.0, 2.0], 9, least_steps=0, epochs=100)
    rates = [0.1 * 0.5 * (1 + np.cos(np.pi * e / 4)) for e in range(4)]
    value = 0.0
    for rate in rates:
        for _ in range(3):  # batches an epoch
            value = value * (1 - 0.01 * rate) - rate
    assert len(trainer.rows) == 36
    assert left == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(("least", "epochs", "rounds"), [(0, 100, 1), (300, 10, 15), (310, 10, 16), (20, 10, 1), (5, 0, 3)])
def test_few_points_are_shown_more_often(least: int, epochs: int, rounds: int) -> None:
    """36 points are two whole batches and a rest; all epochs together are to have so many whole steps at least."""
    trainer, network = _trainer(_examples(40), least_steps=least, epochs=epochs), _Fixed(np.zeros(1))
    shown: list[int] = []

    def loss_of(net: nn.Module, rows: Tensor) -> Tensor:
        shown.append(len(rows) if net.training else 0)
        return net.outputs.sum()  # type: ignore[union-attr, operator, return-value]

    trainer._optimise(network, 1, loss_of, lambda: None)
    assert shown == [16, 16, 4] * rounds + [0]


def test_a_handful_of_points_is_shown_as_often_as_it_takes() -> None:
    """Nine points are no whole batch, which counts as one."""
    trainer, network = _trainer(_examples(10), least_steps=30, epochs=10), _Fixed(np.zeros(1))
    steps: list[int] = []

    def loss_of(net: nn.Module, rows: Tensor) -> Tensor:
        if net.training:
            steps.append(len(rows))
        return net.outputs.sum()  # type: ignore[union-attr, operator, return-value]

    trainer._optimise(network, 1, loss_of, lambda: None)
    assert steps == [9] * 3


def test_the_settings_are_the_documented_ones() -> None:
    assert Settings() == Settings(100, 20, 25, 2e-3, 0.1, 64, 1500, 0, None)


def _growing(net: nn.Module, _rows: Tensor) -> Tensor:
    return net.outputs.sum()  # type: ignore[union-attr, operator, return-value]


def test_without_held_out_points_every_epoch_counts_alike() -> None:
    trainer = _trainer(_examples(1), patience=2, least_steps=0)
    told: list[int] = []
    trainer._optimise(_Fixed(np.zeros(1)), 5, _growing, lambda: told.append(1))
    assert len(told) == 3  # the first is the best there is; two more do not gain


def test_progress_counts_the_epochs_of_both_trainings() -> None:
    told: list[float] = []
    settings = Settings(epochs=4, pretraining_epochs=2, least_steps=0, device="cpu")
    network, held = train(_examples(), settings, told.append)
    np.testing.assert_allclose(told, [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1])
    assert held.tolist() == _trainer(_examples()).held.tolist()
    train(_examples(), settings)  # nobody need be told
    assert sum(p.numel() for p in network.parameters()) == 3 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10


def test_a_seed_gives_the_same_network_and_leaves_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    examples = _examples()
    said = {}
    for seed in (0, 0, 1):
        settings = Settings(epochs=2, pretraining_epochs=1, least_steps=0, seed=seed, device="cpu")
        network, _ = train(examples, settings)
        outputs = predict(network, examples.X, examples.code)
        if seed in said:
            np.testing.assert_array_equal(outputs, said[seed])
        said[seed] = outputs
    assert np.abs(said[0] - said[1]).max() > 1e-4
    assert torch.equal(before, torch.random.get_rng_state())


def test_before_its_second_training_the_head_says_the_start() -> None:
    """Small weights and the start as its bias: without a step of training outputs stay near it."""
    examples = _examples()
    settings = Settings(epochs=1, pretraining_epochs=1, least_steps=0, learning_rate=0.0, device="cpu")
    network, _ = train(examples, settings)
    got = predict(network, examples.X, examples.code)
    start = _trainer(examples)._start().numpy()
    assert np.abs(got - start).max() < 0.1
    assert np.abs(got - start).max() > 0.0
