"""One hidden layer trained by full-batch Adam from one fixed start: every candidate's model is trained, none approximated.

The learner is scikit-learn's ``MLPClassifier(batch_size=n, shuffle=False, solver="adam", tol=0)`` (``MLPRegressor`` for
regression) with a fixed number of steps: its start for the seed, one logistic output for two classes, a softmax for more,
the decay alpha / n on weights only. So that a candidate of a new class does not change the network, outputs are those of the
dataset's classes, also where a coalition lacks one (``partial_fit`` in scikit-learn's words).

Nothing is shared between candidates but the start: Adam's path is far from linear in one more point, and the adjoint of the
path only correlates with delta. What is gained is in the training itself (`mlp_kernels`), or in training a batch of
candidates at once where there is a graphics card (`candidate_batches`).

tanh and gelu are smooth, and float32 reproduces float64's delta to 1e-4 of its spread as long as the gradient does not
vanish into rounding, which Adam would then follow with steps of full length. It does where the base model's outputs under
both precisions differ by more than rounding, and where two rows alike bear different labels, so that each undoes the other:
such a coalition, or such a candidate, is trained in float64. relu is not smooth: a unit that switches by a rounding error
sends Adam elsewhere, and float32 would miss delta by as much as its spread. It is therefore trained in float64, and even
there its delta is partly rounding noise; prefer tanh.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.extras import is_installed, require
from dscale_core.learners.base import LearnerBase, require_two_classes
from dscale_core.learners.compiled import mlp_kernels, mlp_tiles
from dscale_core.learners.mlp.start import Start
from dscale_core.types import BlockContributions, Contributions, Dataset, FloatMatrix, FloatVector, IntVector, ValuationRows

__all__ = ["Mlp", "MlpEngine"]

# Largest difference of the base model's outputs in both precisions, relative to the largest of them: rounding makes up to
# 5e-6, and from 1.5e-5 on errors of contributions are beyond a thousandth of their spread.
# test_mlp.py::test_where_the_gradient_vanishes_the_training_is_in_double_precision
_STRAYED = 1e-5

_DEVICES = ("cpu", "cuda", "auto")


@dataclass(frozen=True)
class Mlp(LearnerBase):
    """A perceptron with one hidden layer; parameters as in scikit-learn, ``steps`` full-batch steps of Adam.

    activation : ``"tanh"``, ``"gelu"`` (its tanh form) or ``"relu"`` (float64; its delta is partly rounding noise)
    device : ``"cpu"``; ``"cuda"`` for batches of candidates on a graphics card; ``"auto"`` for that where there is one
    """

    name: ClassVar[str] = "mlp"
    task: ClassVar[Literal["any"]] = "any"
    exact: ClassVar[bool] = True

    hidden: int = 32
    steps: int = 200
    activation: str = "tanh"
    alpha: float = 0.01
    learning_rate: float = 0.01
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for argument, lowest in (("hidden", 1), ("steps", 1), ("seed", 0)):
            value = getattr(self, argument)
            if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
                raise ArgumentError(argument, f"be a whole number from {lowest} on", repr(value), "Use the default.")
        if not (np.isfinite(self.alpha) and self.alpha >= 0):
            raise ArgumentError("alpha", "be zero or positive", self.alpha, "Use alpha=0.01; larger regularises more.")
        if not (np.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ArgumentError("learning_rate", "be positive", self.learning_rate, "Use learning_rate=0.01.")
        known: tuple[tuple[str, tuple[str, ...]], ...] = (
            ("activation", tuple(mlp_kernels.ACTIVATION_CODES)),
            ("device", _DEVICES),
        )
        for argument, values in known:
            if getattr(self, argument) not in values:
                required = f"be one of {', '.join(values)}"
                raise ArgumentError(argument, required, repr(getattr(self, argument)), f"Use {values[0]!r}.")

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by scikit-learn's own training in float64; by torch's for gelu, which scikit-learn lacks."""
        if self.activation == "gelu":
            require("torch", 'The reference training of the learner "mlp" with the activation "gelu"')
            from dscale_core.learners.mlp.candidate_batches import reference_outputs

            start = Start.draw(self, dataset)
            return start.loss(utility, reference_outputs(self, start, dataset, coalition), dataset.y_valuation)
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        kind = MLPRegressor if dataset.task == "regression" else MLPClassifier
        model = kind(
            hidden_layer_sizes=(self.hidden,),
            activation=self.activation,
            alpha=self.alpha,
            batch_size=coalition.size,
            shuffle=False,
            learning_rate_init=self.learning_rate,
            random_state=self.seed,
        )
        X, y = dataset.X_pool[coalition], dataset.y_pool[coalition]
        if dataset.task == "regression":
            for _ in range(self.steps):
                model.partial_fit(X, y)
        else:
            for _ in range(self.steps):
                model.partial_fit(X, y, classes=np.arange(len(dataset.class_names)))
        activate = np.tanh if self.activation == "tanh" else lambda x: np.maximum(x, 0.0)
        values = activate(dataset.X_valuation @ model.coefs_[0] + model.intercepts_[0])
        outputs = values @ model.coefs_[1] + model.intercepts_[1]
        return Start.draw(self, dataset).loss(utility, outputs, dataset.y_valuation)

    def _build(self, dataset: Dataset, utility: str) -> MlpEngine:
        if dataset.task == "classification" and len(dataset.class_names) < 2:
            raise ArgumentError("learner", "have two classes or more", "one class", "Choose data with two classes.")
        return MlpEngine(self, dataset, utility, np.float64 if self.activation == "relu" else np.float32)


class MlpEngine:
    """All trainings for one dataset and utility, in float64 or, where that is enough, in float32."""

    def __init__(self, learner: Mlp, dataset: Dataset, utility: str, dtype: type[np.floating[Any]]) -> None:
        # engines are kept as long as their dataset lives: one that held the dataset itself would keep it for ever
        self._learner, self._dataset, self._utility, self._dtype = learner, replace(dataset), utility, dtype
        self._start = Start.draw(learner, dataset)
        self._cuda = learner.device != "cpu" and _on_cuda(learner.device)
        self._trainers: dict[type[np.floating[Any]], _Trainer] = {}
        self._alike = _alike(dataset.X_pool)

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``; see `types.Contributions`. Raises ArgumentError for a coalition of one class."""
        found = self._on_blocks(coalition, points, [slice(None)])
        return Contributions(found.delta[:, 0], float(found.base_loss[0]))

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """The same on any rows, block by block."""
        data = replace(self._dataset, X_valuation=rows.X, y_valuation=rows.y)
        return MlpEngine(self._learner, data, self._utility, self._dtype)._on_blocks(coalition, points, rows.slices)

    def _on_blocks(self, coalition: IntVector, points: IntVector, parts: list[slice]) -> BlockContributions:
        if self._dataset.task == "classification":
            require_two_classes(self._dataset.y_pool[coalition])
        candidates = np.flatnonzero(~np.isin(points, coalition))
        delta = np.full((points.size, len(parts)), np.nan)
        single, double = self._bases(coalition)
        careful = self._contradicting(coalition, points[candidates])
        for outputs, dtype, some in (
            (single, np.float32, candidates[~careful]),
            (double, np.float64, candidates if single is None else candidates[careful]),
        ):
            if outputs is not None:
                base = self._losses(outputs, parts)
                for row, grown in zip(some, self._trained(coalition, points[some], dtype), strict=True):
                    delta[row] = base - self._losses(grown, parts)
        return BlockContributions(delta, self._losses(double if single is None else single, parts))

    def _bases(self, coalition: IntVector) -> tuple[NDArray[Any] | None, NDArray[Any]]:
        """Outputs of the coalition's model by float32, None where that does not do, and by float64."""
        double = self._base(coalition, np.float64)
        if self._dtype is np.float64 or self._contradicting(coalition, coalition).any():
            return None, double
        single = self._base(coalition, np.float32)
        strayed = np.abs(single - double).max() > _STRAYED * np.abs(double).max()
        return None if strayed else single, double

    def _contradicting(self, coalition: IntVector, points: IntVector) -> NDArray[np.bool_]:
        """Which points have a member's features and another label."""
        y = self._dataset.y_pool
        lowest, highest = np.full(y.size, np.inf), np.full(y.size, -np.inf)
        np.minimum.at(lowest, self._alike[coalition], y[coalition])
        np.maximum.at(highest, self._alike[coalition], y[coalition])
        group = self._alike[points]
        return np.asarray((lowest[group] < y[points]) | (highest[group] > y[points]))

    def predict(self, coalition: IntVector, X: FloatMatrix) -> NDArray[np.float64]:
        """Probabilities or values; see `types.PredictingEngine`."""
        if self._dataset.task == "classification":
            require_two_classes(self._dataset.y_pool[coalition])
        data = replace(self._dataset, X_valuation=X, y_valuation=np.zeros(X.shape[0], self._dataset.y_valuation.dtype))
        single, double = MlpEngine(self._learner, data, self._utility, self._dtype)._bases(coalition)
        return self._start.predictions(double if single is None else single)

    def _base(self, coalition: IntVector, dtype: type[np.floating[Any]]) -> NDArray[Any]:
        """Outputs of the coalition's model on the valuation set."""
        return next(iter(self._trained(coalition, None, dtype)))

    def _trained(
        self, coalition: IntVector, points: IntVector | None, dtype: type[np.floating[Any]]
    ) -> Iterator[NDArray[Any]]:
        """Outputs on the valuation set of the models with each point, or of the coalition's alone."""
        if self._cuda:
            from dscale_core.learners.mlp.candidate_batches import batch_outputs

            return batch_outputs(self._learner, self._start, self._dataset, coalition, points, dtype)
        if dtype not in self._trainers:
            self._trainers[dtype] = _Trainer(self._learner, self._start, self._dataset, dtype)
        return self._trainers[dtype].outputs(coalition, points)

    def _losses(self, outputs: NDArray[Any], parts: list[slice]) -> FloatVector:
        y = self._dataset.y_valuation
        return np.array([self._start.loss(self._utility, outputs[part], y[part]) for part in parts])


class _Trainer:
    """Trainings one after the other in compiled code."""

    def __init__(self, learner: Mlp, start: Start, dataset: Dataset, dtype: type[np.floating[Any]]) -> None:
        self._learner, self._dtype = learner, dtype
        self._n_out = start.b2.size
        self._n_in = _padded(start.W1.shape[0] + 1, mlp_tiles.FEATURE_TILE)
        self._hidden = _padded(learner.hidden, mlp_tiles.PANEL_BYTES // np.dtype(dtype).itemsize)
        self._theta = self._pack(start)
        W1, W2 = np.full_like(start.W1, learner.alpha), np.full_like(start.W2, learner.alpha)
        self._decay = self._pack(Start(W1, np.zeros_like(start.b1), W2, np.zeros_like(start.b2), start.output))
        self._codes = mlp_kernels.ACTIVATION_CODES[learner.activation], mlp_kernels.OUTPUT_CODES[start.output]
        self._X = self._rows(dataset.X_pool)
        self._y = start.targets(dataset.y_pool).astype(dtype)
        self._v = dataset.y_valuation.size
        self._X_valuation = self._rows(dataset.X_valuation, mlp_tiles.ROW_TILE).ravel()

    def outputs(self, coalition: IntVector, points: IntVector | None) -> Iterator[NDArray[Any]]:
        """Outputs before their link on the valuation set, (v, outputs): with each point, or of the coalition alone."""
        k = coalition.size
        X = np.zeros((_padded(k + 1, mlp_tiles.ROW_TILE), self._n_in), self._dtype)
        y = np.zeros((k + 1, self._n_out), self._dtype)
        X[:k], y[:k] = self._X[coalition], self._y[coalition]
        if points is None:
            yield self._outputs(X, y, k)
            return
        for z in points:
            X[k], y[k] = self._X[z], self._y[z]
            yield self._outputs(X, y, k + 1)

    def _outputs(self, X: NDArray[Any], y: NDArray[Any], n: int) -> NDArray[Any]:
        theta, shape = self._theta.copy(), (self._n_in, self._hidden, self._n_out)
        learner, (activation, output) = self._learner, self._codes
        mlp_kernels.train(
            X.ravel(), y.ravel(), n, theta, self._decay, *shape, learner.steps, learner.learning_rate, activation, output
        )
        found: NDArray[Any] = mlp_kernels.outputs(self._X_valuation, theta, *shape, activation)[: self._v]
        return found

    def _pack(self, weights: Start) -> NDArray[Any]:
        """Weights as the kernels lay them out: one flat vector, the hidden bias as the weights of a constant feature."""
        d, hidden = weights.W1.shape
        W1 = np.zeros((self._n_in, self._hidden))
        W1[:d, :hidden], W1[d, :hidden] = weights.W1, weights.b1
        W2 = np.zeros((self._n_out, self._hidden))
        W2[:, :hidden] = weights.W2.T
        return np.concatenate([W1.ravel(), W2.ravel(), weights.b2]).astype(self._dtype)

    def _rows(self, X: FloatMatrix, multiple: int = 1) -> NDArray[Any]:
        rows = np.zeros((_padded(X.shape[0], multiple), self._n_in), self._dtype)
        rows[: X.shape[0], : X.shape[1]] = X
        rows[: X.shape[0], X.shape[1]] = 1.0
        return rows


def _alike(X: FloatMatrix) -> IntVector:
    """A number for each row, (n,), the same for rows that are the same."""
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), i) for i, row in enumerate(np.ascontiguousarray(X) + 0.0)])


def _padded(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def _on_cuda(device: str) -> bool:
    """Whether to train on a graphics card.

    Raises ArgumentError where one is demanded and none is there, MissingPackageError where PyTorch is not.
    """
    if device == "cuda":
        require("torch", 'The learner "mlp" on a graphics card')
    elif not is_installed("torch"):
        return False
    import torch

    if torch.cuda.is_available():
        return True
    if device == "cuda":
        raise ArgumentError("device", "be there", "'cuda' on a machine without a usable card", 'Use device="auto".')
    return False
