"""A trained network of the amortised estimator, and the laws it says for any points."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.intervals import Z90
from dscale_core.laws.deviations import projected, shrunk, with_misfit
from dscale_core.laws.problem import Fitted, Guide, Screen, finish, make_problem
from dscale_core.types import FloatMatrix, FloatVector, IntVector, Laws, LawStatus

__all__ = ["LARGEST_LOG_EXPONENT", "METHOD", "AmortizedModel"]

METHOD = "amortized"
LARGEST_LOG_EXPONENT = 2.0  # as published


@dataclass(frozen=True, eq=False)
class AmortizedModel:
    """A trained network with what it takes to read features and to write laws."""

    network: Any
    shift: FloatVector  # (d,) of the features
    spread: FloatVector  # (d,)
    labels: NDArray[Any] | None  # class labels in the order of the outputs; None for regression
    unit: float  # of the draws
    center: float
    min_size: int
    max_size: int
    amplitude_error: float  # variance of ψ at the centre, in units of a draw's variance there
    alpha_error: float  # variance of α
    guided: bool = False
    share: float = 1.0  # of the deviations from the guide that is kept
    misfit: FloatMatrix = field(default_factory=lambda: np.empty((2, 0)))  # as in `Laws`

    def predict_laws(
        self,
        features: ArrayLike,
        groups: ArrayLike | None = None,
        points: ArrayLike | None = None,
        guide: Guide | None = None,
    ) -> Laws:
        """Laws of any points, sampled or not: features (p, d), groups (p,) class labels (classification), points (p,).

        A model that is ``guided`` needs what the formula expects of these points. Raises ArgumentError without it, where
        shapes differ from training, or a class was never seen.
        """
        if self.guided and guide is None:
            raise ArgumentError("guide", "be given, as in training", "None", "Ask the formula for these points.")
        X = _matrix(features, self.shift.size)
        fitted = self.fitted(X, self._codes(groups, X.shape[0]))
        p = X.shape[0]
        problem = replace(make_problem(np.zeros((1, p)), np.array([self.center])), guide=guide if self.guided else None)
        screened = Screen(np.full(p, LawStatus.OK.value, dtype="<U13"), np.zeros(p, dtype=np.int64), np.ones(p))
        laws = replace(finish(METHOD, problem, screened, fitted), min_size=self.min_size, max_size=self.max_size)
        if self.guided:
            found = projected(shrunk(laws, self.share), problem, screened.scale)
            laws = found.on(finish(METHOD, problem, screened, found.fitted))
        at = np.arange(p) if points is None else np.asarray(points, dtype=np.int64)
        laws = replace(laws, min_size=self.min_size, max_size=self.max_size, points=at)
        return with_misfit(laws, self.misfit, guide) if self.guided else replace(laws, misfit=self.misfit)

    def _codes(self, groups: ArrayLike | None, p: int) -> IntVector:
        if self.labels is None:
            return np.zeros(p, dtype=np.int64)
        if groups is None:
            raise ArgumentError("groups", "be given", "None", "Pass the class of each point.")
        array = np.asarray(groups)
        if array.shape != (p,) or not np.isin(array, self.labels).all():
            got = f"shape {array.shape}, values {np.unique(array)[:5]}"
            raise ArgumentError("groups", f"be {p} of the classes {self.labels}", got, "Pass classes seen in training.")
        return np.searchsorted(self.labels, array).astype(np.int64)

    def standardised(self, X: FloatMatrix) -> NDArray[np.float32]:
        """Features as the network reads them; thirty standard deviations are as wild as any more."""
        return np.clip((X - self.shift) / self.spread, -30, 30).astype(np.float32)

    def fitted(self, X: FloatMatrix, codes: IntVector) -> Fitted:
        """Laws of points with these features (p, d) and class codes (p,), in the unit of the draws."""
        from dscale_core.laws.amortized.network import predict

        sign, log_a, log_alpha, log_s, log_beta = predict(self.network, self.standardised(X), codes).T
        # e^(-5) is as good as no slope; e^60 times the draws' unit, or its inverse, is far from all and has a square:
        # test_model.py::test_outputs_beyond_reason_are_held
        alpha, beta = (np.exp(np.clip(v, -5.0, LARGEST_LOG_EXPONENT)) for v in (log_alpha, log_beta))
        amplitude = self.unit * np.where(sign >= 0, 1.0, -1.0) * np.exp(np.clip(log_a, -60, 60))
        sigma = self.unit * np.exp(np.clip(log_s, -60, 60))
        covariance = np.zeros((alpha.size, 2, 2))
        covariance[:, 0, 0], covariance[:, 1, 1] = self.amplitude_error * sigma**2, self.alpha_error
        half = Z90 * np.sqrt(self.alpha_error)
        at_bound = np.zeros(alpha.size, dtype=bool)
        return Fitted(amplitude, alpha, sigma, beta, np.maximum(alpha - half, 0.0), alpha + half, covariance, at_bound)


def _matrix(features: ArrayLike, d: int) -> FloatMatrix:
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != d or not np.all(np.isfinite(array)):
        raise ArgumentError("features", f"be finite, of shape (p, {d})", array.shape, "Pass the features used in training.")
    return array
