"""What every training of the perceptron is made from: the learner's parameters, and the network before its first step.

Imports run one way: `perceptron` trains in compiled code or asks `candidate_batches`, which knows this module alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

from dscale_core.learners.base import loss, loss_of_logs
from dscale_core.types import Dataset, FloatMatrix, FloatVector

__all__ = ["Recipe", "Start"]


class Recipe(Protocol):
    """The parameters that a training follows; the learner is one."""

    @property
    def hidden(self) -> int:
        """Hidden units."""

    @property
    def steps(self) -> int:
        """Full-batch steps of Adam."""

    @property
    def activation(self) -> str:
        """One of `mlp_kernels.ACTIVATION_CODES`."""

    @property
    def alpha(self) -> float:
        """Decay of the weights, divided by the number of rows."""

    @property
    def learning_rate(self) -> float:
        """Adam's rate."""

    @property
    def seed(self) -> int:
        """Of the weights before the first step."""


@dataclass(frozen=True)
class Start:
    """The network before its first step, as scikit-learn draws it, and what its outputs mean."""

    W1: FloatMatrix  # (d, hidden)
    b1: FloatVector  # (hidden,)
    W2: FloatMatrix  # (hidden, outputs)
    b2: FloatVector  # (outputs,)
    output: str  # one of mlp_kernels.OUTPUT_CODES

    @classmethod
    def draw(cls, recipe: Recipe, dataset: Dataset) -> Start:
        """Uniform weights and biases after Glorot and Bengio (2010), in scikit-learn's order."""
        classes = len(dataset.class_names)
        output = "identity" if dataset.task == "regression" else "logistic" if classes == 2 else "softmax"
        widths = (dataset.n_features, recipe.hidden, classes if output == "softmax" else 1)
        generator = np.random.RandomState(recipe.seed)
        drawn: list[NDArray[np.float64]] = []
        for fan_in, fan_out in pairwise(widths):
            bound = np.sqrt(6.0 / (fan_in + fan_out))
            drawn.append(generator.uniform(-bound, bound, (fan_in, fan_out)))
            drawn.append(generator.uniform(-bound, bound, fan_out))
        W1, b1, W2, b2 = drawn
        return cls(W1, b1, W2, b2, output)

    def targets(self, y: NDArray[Any]) -> FloatMatrix:
        """What the outputs should be, (rows, outputs)."""
        if self.output == "softmax":
            return np.asarray(np.eye(self.b2.size)[y])
        return y.astype(np.float64)[:, None]

    def loss(self, utility: str, outputs: NDArray[Any], y: NDArray[Any]) -> float:
        """L of outputs before their link, (rows, outputs); the logarithms of probabilities lose none that are near one."""
        wide = np.asarray(outputs, dtype=np.float64)
        if self.output == "identity":
            return loss(utility, wide[:, 0], y)
        if self.output == "logistic":
            return loss_of_logs(utility, -np.logaddexp(0.0, np.column_stack([wide, -wide])), y)
        return loss_of_logs(utility, log_softmax(wide, axis=1), y)

    def predictions(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities (rows, classes), or values (rows,), of outputs before their link."""
        wide = np.asarray(outputs, dtype=np.float64)
        if self.output == "identity":
            return wide[:, 0]
        if self.output == "logistic":
            return np.column_stack([expit(-wide), expit(wide)])
        return np.asarray(softmax(wide, axis=1), dtype=np.float64)
