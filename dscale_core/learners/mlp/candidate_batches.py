"""The trainings of `mlp` as batches of candidates in torch, for a graphics card; and gelu's reference training.

The members' rows are the same for all candidates of a batch: they enter every product as one matrix that is broadcast, and a
candidate's own row is one more row beside them. Steps, start and precision are those of the compiled kernel, so that both
agree to rounding. This module alone imports torch, and only learners asked for a card (or for gelu's reference) import it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dscale_core.learners.mlp.start import Recipe, Start
from dscale_core.types import Dataset, IntVector

__all__ = ["batch_outputs", "reference_outputs"]

# A batch takes a fourth of the card's free memory, for others may want some and torch keeps what it has freed; on the
# processor, where batches are for the tests, 128 MB. The size changes nothing:
# test_mlp.py::test_torch_batches_do_not_depend_on_their_size
_SHARE = 4
_CPU_BYTES = 1 << 27


def batch_outputs(
    recipe: Recipe,
    start: Start,
    dataset: Dataset,
    coalition: IntVector,
    points: IntVector | None,
    dtype: type[np.floating[Any]],
    device: str = "cuda",
) -> Iterator[NDArray[Any]]:
    """Outputs before their link on the valuation set, (v, outputs): with each point, or of the coalition alone."""
    batch = _Batch(recipe, start, dataset, coalition, dtype, device)
    if points is None:
        yield from batch.outputs(None)
        return
    # values, slopes and residuals of the hidden layer, some copies of them in flight, and the parameters four times
    rows = coalition.size + 1 + dataset.y_valuation.size
    one = np.dtype(dtype).itemsize * recipe.hidden * (8 * rows + 8 * (dataset.n_features + start.b2.size))
    free = torch.cuda.mem_get_info()[0] // _SHARE if device == "cuda" else _CPU_BYTES
    size = max(1, free // one)
    for first in range(0, points.size, size):
        yield from batch.outputs(points[first : first + size])


class _Batch:
    """One coalition's members on the device, and the training of a batch of its candidates."""

    def __init__(
        self,
        recipe: Recipe,
        start: Start,
        dataset: Dataset,
        coalition: IntVector,
        dtype: type[np.floating[Any]],
        device: str,
    ) -> None:
        self._recipe, self._start, self._dataset = recipe, start, dataset
        self._kind = torch.float64 if dtype is np.float64 else torch.float32
        self._device = device
        self._X = self._tensor(dataset.X_pool[coalition])
        self._y = self._tensor(start.targets(dataset.y_pool[coalition]))
        self._X_valuation = self._tensor(dataset.X_valuation)

    def _tensor(self, values: NDArray[Any]) -> torch.Tensor:
        return torch.as_tensor(values, dtype=self._kind, device=self._device)

    @torch.no_grad()
    def outputs(self, points: IntVector | None) -> Any:
        """Train on the members and each of ``points``, or once on the members alone; (p, v, outputs) before their link."""
        own, own_y, size = None, self._y[None], 1
        if points is not None:
            size = points.size
            own = self._tensor(self._dataset.X_pool[points])[:, None]
            targets = self._tensor(self._start.targets(self._dataset.y_pool[points]))[:, None]
            own_y = torch.cat([own_y.expand(size, -1, -1), targets], dim=1)
        start = (self._start.W1, self._start.b1[None], self._start.W2, self._start.b2[None])
        theta = [self._tensor(w).expand(size, -1, -1).clone() for w in start]
        means, squares = [torch.zeros_like(w) for w in theta], [torch.zeros_like(w) for w in theta]
        n, rate = own_y.shape[1], self._recipe.learning_rate
        for step in range(1, self._recipe.steps + 1):
            gradients = self._gradients(theta, own, own_y)
            # Adam's constants are those of `mlp_kernels`: test_mlp.py::test_torch_batches_equal_the_compiled_training
            length = rate * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
            for i, (w, g, mean, square) in enumerate(zip(theta, gradients, means, squares, strict=True)):
                g = (g + self._recipe.alpha * w if i in (0, 2) else g) / n
                mean.mul_(0.9).add_(g, alpha=0.1)
                square.mul_(0.999).addcmul_(g, g, value=0.001)
                w.sub_(length * mean / (square.sqrt() + 1e-8))
        values, _ = _activate(_product(self._X_valuation, theta[0]) + theta[1], self._recipe.activation)
        return (torch.bmm(values, theta[2]) + theta[3]).cpu().numpy()

    def _gradients(
        self, theta: list[torch.Tensor], own: torch.Tensor | None, y: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gradients summed over the rows, before the decay."""
        W1, b1, W2, b2 = theta
        before = _product(self._X, W1)
        if own is not None:
            before = torch.cat([before, torch.bmm(own, W1)], dim=1)
        values, slopes = _activate(before + b1, self._recipe.activation)
        residuals = _linked(torch.bmm(values, W2) + b2, self._start.output) - y
        back = torch.bmm(residuals, W2.transpose(1, 2)) * slopes
        k = self._X.shape[0]
        first = _product(self._X.T, back[:, :k])
        if own is not None:
            first = torch.baddbmm(first, own.transpose(1, 2), back[:, k:])
        second = torch.bmm(values.transpose(1, 2), residuals)
        return first, back.sum(dim=1, keepdim=True), second, residuals.sum(dim=1, keepdim=True)


def _product(shared: torch.Tensor, each: torch.Tensor) -> torch.Tensor:
    return torch.bmm(shared.expand(each.shape[0], -1, -1), each)


def _activate(x: torch.Tensor, activation: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The activation and its derivative."""
    if activation == "relu":
        return torch.relu(x), (x > 0).to(x.dtype)
    if activation == "tanh":
        a = torch.tanh(x)
        return a, 1 - a * a
    # gelu's, as in `mlp_kernels`
    scale, square = (2 / torch.pi) ** 0.5, 0.044715 * x * x
    a = torch.tanh(scale * x * (1 + square))
    return x * (1 + a) / 2, (1 + a) / 2 + x * (1 - a * a) * scale * (1 + 3 * square) / 2


def _linked(x: torch.Tensor, output: str) -> torch.Tensor:
    if output == "identity":
        return x
    return torch.sigmoid(x) if output == "logistic" else torch.softmax(x, dim=2)


def reference_outputs(recipe: Recipe, start: Start, dataset: Dataset, coalition: IntVector) -> NDArray[Any]:
    """Outputs of a gelu network on the valuation set, (v, outputs), by torch's own gradients and optimiser in float64."""
    X, target = torch.as_tensor(dataset.X_pool[coalition]), torch.as_tensor(start.targets(dataset.y_pool[coalition]))
    weights = [torch.tensor(w, requires_grad=True) for w in (start.W1, start.b1, start.W2, start.b2)]

    def network(rows: torch.Tensor) -> torch.Tensor:
        hidden = torch.nn.functional.gelu(rows @ weights[0] + weights[1], approximate="tanh")
        return hidden @ weights[2] + weights[3]

    # torch adds eps to the square root after its correction, scikit-learn before: one eps, rescaled every step
    optimiser = torch.optim.Adam(weights, lr=recipe.learning_rate)
    for step in range(1, recipe.steps + 1):
        optimiser.param_groups[0]["eps"] = 1e-8 / (1 - 0.999**step) ** 0.5
        optimiser.zero_grad()
        found = network(X)
        if start.output == "identity":
            cost = ((found - target) ** 2).sum() / 2
        elif start.output == "logistic":
            cost = torch.nn.functional.binary_cross_entropy_with_logits(found, target, reduction="sum")
        else:
            cost = torch.nn.functional.cross_entropy(found, target, reduction="sum")
        penalty = recipe.alpha / 2 * (weights[0].square().sum() + weights[2].square().sum())
        ((cost + penalty) / coalition.size).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        return np.asarray(network(torch.as_tensor(dataset.X_valuation)).numpy())
