"""The network of the amortised estimator; the only module of this package that imports torch.

Two hidden layers of 128 with ReLU read a point's features. They are first trained to predict the point's label (a
classifier; for regression a regressor), then the last layer is replaced by five outputs a class, of which a point uses its
own class's: the logit of the sign of a, log|a|, log α, log s, log β, with a and s the amplitude and the noise at the centre.

Loss of one point, over its draws y at x = log(k / k0): both signs of a are tried, the likelier one counts,

    mean (y − a e^(−αx))² / (2 v̄) + mean [log v / 2 + r̄² / (2 v)] + cross-entropy(sign) + 1e-5 (α − 1)²,

v = s² e^(−βx), bars detached: a noisy point may not buy likelihood for its mean by inflating its noise.
AdamW with a cosine schedule; a tenth of the points is held out, training stops when they no longer gain, and the best epoch
is kept. Source: Covert et al., ICML 2024, section on amortised estimation.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["OUTPUTS", "Examples", "Settings", "predict", "train"]

OUTPUTS = 5  # sign, log|a|, log α, log s, log β
_HIDDEN = 128  # as published: test_network.py::test_progress_counts_the_epochs_of_both_trainings


@dataclass(frozen=True)
class Settings:
    """How the network is trained; the defaults are the published ones where it names them."""

    epochs: int = 100
    pretraining_epochs: int = 20
    patience: int = 25  # a quarter of the epochs, so that the pauses of a noisy loss are not taken for the end
    learning_rate: float = 2e-3
    held_out: float = 0.1
    draws_per_step: int = 64  # of each point: as good a gradient as all of them, for less
    least_steps: int = 1500  # of all epochs together: few points are shown more often
    seed: int = 0
    device: str | None = None  # None: "cuda" where there is one, else "cpu"


@dataclass(frozen=True, eq=False)
class Examples:
    """X (p, d) standardised; code (p,) class, 0 for regression; target (p,) label for the pre-training; n_classes (1 for
    regression); y (p, m) scaled draws, 0 where missing; present (p, m); x (m,) or (p, m)."""

    X: NDArray[np.float32]
    code: NDArray[np.int64]
    target: NDArray[np.float32]
    n_classes: int
    y: NDArray[np.float32]
    present: NDArray[np.bool_]
    x: NDArray[np.float32]


def train(
    examples: Examples, settings: Settings, on_progress: Callable[[float], object] | None = None
) -> tuple[nn.Module, NDArray[np.int64]]:
    """Train on all points but the held-out tenth, whose rows are returned beside the network; deterministic by seed.

    ``on_progress`` receives the share done, in [0, 1], after every epoch.
    """
    device = torch.device(settings.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    # the global generator is left as it was found: the weights' start is drawn under a seed of our own
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return _Trainer(examples, settings, device).run(on_progress)


def predict(network: nn.Module, X: NDArray[np.float32], code: NDArray[np.int64]) -> NDArray[np.float64]:
    """The five outputs of each point for its class: (p, 5)."""
    device = next(network.parameters()).device
    network.eval()
    with torch.no_grad():
        parts = [_own(network(part.to(device)), c.to(device)).cpu() for part, c in _batches(X, code)]
    return np.asarray(torch.cat(parts).double().numpy())


def _batches(X: NDArray[np.float32], code: NDArray[np.int64]) -> list[tuple[Tensor, Tensor]]:
    return [(torch.from_numpy(X[i : i + 8192]), torch.from_numpy(code[i : i + 8192])) for i in range(0, len(X), 8192)]


def _own(outputs: Tensor, code: Tensor) -> Tensor:
    return outputs.reshape(len(outputs), -1, OUTPUTS)[torch.arange(len(code), device=code.device), code]


class _Trainer:
    def __init__(self, examples: Examples, settings: Settings, device: torch.device) -> None:
        self.settings, self.device, self.n_classes = settings, device, examples.n_classes
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.X, self.y, self.x = (torch.from_numpy(v).to(device) for v in (examples.X, examples.y, examples.x))
        self.code, self.target = (torch.from_numpy(v).to(device) for v in (examples.code, examples.target))
        self.present = torch.from_numpy(examples.present).to(device)
        p = len(examples.X)
        order = torch.randperm(p, generator=self.generator)
        held = max(round(settings.held_out * p), 1) if p > 1 else 0
        self.held, self.rows = order[:held], order[held:]
        # some forty steps an epoch, of no fewer points than steady a gradient and no more than fit a small memory
        self.batch = int(np.clip(len(self.rows) // 40, 16, 512))

    def run(self, on_progress: Callable[[float], object] | None) -> tuple[nn.Module, NDArray[np.int64]]:
        settings = self.settings
        total = settings.pretraining_epochs + settings.epochs
        done = 0

        def report() -> None:
            nonlocal done
            done += 1
            if on_progress:
                on_progress(done / total)

        body = nn.Sequential(nn.Linear(self.X.shape[1], _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU())
        first = nn.Sequential(body, nn.Linear(_HIDDEN, self.n_classes)).to(self.device)
        self._optimise(first, settings.pretraining_epochs, self._label_loss, report)
        head = nn.Linear(_HIDDEN, OUTPUTS * self.n_classes)
        with torch.no_grad():
            # near its bias at first: test_network.py::test_before_its_second_training_the_head_says_the_start
            head.weight.mul_(0.1)
            head.bias.copy_(self._start().repeat(self.n_classes))
        network = nn.Sequential(body, head).to(self.device)
        self._optimise(network, settings.epochs, self._law_loss, report)
        if on_progress:
            on_progress(1.0)
        return network, np.asarray(self.held.numpy())

    def _start(self) -> Tensor:
        """Outputs before training: no opinion on the sign, a third of the noise, α = 1, the draws' spread, β = 2."""
        seen = self.y[self.present]
        spread = float(seen.abs().median()) / 0.6745 if len(seen) else 1.0
        log_s = float(np.log(max(spread, 1e-6)))
        return torch.tensor([0.0, log_s - float(np.log(3.0)), 0.0, log_s, float(np.log(2.0))])

    def _optimise(
        self,
        network: nn.Module,
        epochs: int,
        loss_of: Callable[[nn.Module, Tensor], Tensor],
        report: Callable[[], None],
    ) -> None:
        """AdamW until the epochs are over or the held-out points have not gained for a while; leaves the best epoch."""
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.settings.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(epochs, 1))
        rounds = max(
            1, int(np.ceil(self.settings.least_steps / max(self.settings.epochs, 1) / max(1, len(self.rows) // self.batch)))
        )
        best, since = float("inf"), 0
        kept = copy.deepcopy(network.state_dict())
        for _ in range(epochs):
            network.train()
            for _ in range(rounds):
                self._epoch(network, optimiser, loss_of)
            schedule.step()
            network.eval()
            with torch.no_grad():
                value = float(loss_of(network, self.held)) if len(self.held) else 0.0
            report()
            since += 1
            if value < best:
                best, since, kept = value, 0, copy.deepcopy(network.state_dict())
            if since >= self.settings.patience:
                break
        network.load_state_dict(kept)

    def _epoch(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, loss_of: Callable[[nn.Module, Tensor], Tensor]
    ) -> None:
        order = self.rows[torch.randperm(len(self.rows), generator=self.generator)]
        for start in range(0, len(order), self.batch):
            optimiser.zero_grad()
            torch.autograd.backward(loss_of(network, order[start : start + self.batch]))
            optimiser.step()

    def _label_loss(self, network: nn.Module, rows: Tensor) -> Tensor:
        out = network(self.X[rows])
        if self.n_classes == 1:
            return nn.functional.mse_loss(out[:, 0], self.target[rows])
        return nn.functional.cross_entropy(out, self.code[rows])

    def _law_loss(self, network: nn.Module, rows: Tensor) -> Tensor:
        own = _own(network(self.X[rows]), self.code[rows])
        sign, log_a, log_alpha, log_s, log_beta = own.unbind(1)
        alpha, beta = log_alpha.clamp(-5, 2).exp(), log_beta.clamp(-5, 2).exp()
        y, x, present = self._draws(network, rows)
        count = present.sum(1).clamp_min(1.0)
        mean = torch.exp(log_a[:, None] - alpha[:, None] * x)
        log_sd = log_s[:, None] - 0.5 * beta[:, None] * x
        precision = torch.exp(-2 * log_sd)
        still = 0.5 * precision.detach() * present
        plus, minus = ((still * (y - s * mean) ** 2).sum(1) / count for s in (1.0, -1.0))
        positive = (plus <= minus).to(y.dtype)
        residual = (y - (2 * positive - 1)[:, None] * mean).detach()
        noise = ((log_sd + 0.5 * precision * residual**2) * present).sum(1) / count
        crossed = nn.functional.binary_cross_entropy_with_logits(sign, positive, reduction="none")
        return (torch.minimum(plus, minus) + noise + crossed + 1e-5 * (alpha - 1) ** 2).mean()

    def _draws(self, network: nn.Module, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draws of some points: all when judging, at most ``draws_per_step`` random ones when training."""
        m = self.y.shape[1]
        y, present = self.y[rows], self.present[rows].to(self.y.dtype)
        x = self.x if self.x.ndim == 1 else self.x[rows]
        if network.training and m > self.settings.draws_per_step:
            some = torch.randperm(m, generator=self.generator)[: self.settings.draws_per_step].to(self.device)
            return y[:, some], x[..., some], present[:, some]
        return y, x, present
