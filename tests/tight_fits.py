"""Fits to the last digits in float64, by textbook methods, and losses from log-probabilities, for extremes.

Each gives log-probabilities (v, classes) on the valuation set. Newton's method halves a step until the objective falls, and
each fit checks that its gradient has vanished.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit, log_softmax
from sklearn.metrics.pairwise import rbf_kernel

from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector

LEAST = float(np.log(np.finfo(np.float64).eps))  # what log loss costs at most, as in scikit-learn


def loss_of(utility: str, logs: FloatMatrix, y: IntVector) -> float:
    """Every utility but accuracy, by log-probabilities."""
    own, p = logs[np.arange(y.size), y], np.exp(logs)
    if utility == "log_loss":
        return float(-np.maximum(own, LEAST).mean())
    if utility == "brier":
        squares = p**2
        squares[np.arange(y.size), y] = np.expm1(own) ** 2
        return float(squares.sum(axis=1).mean() / 2)
    return float(np.mean(np.log(np.exp(p).sum(axis=1)) - np.exp(own)))


def _minimised(
    theta: FloatVector,
    value: Callable[[FloatVector], float],
    slopes: Callable[[FloatVector], tuple[FloatVector, FloatMatrix]],
) -> FloatVector:
    """Newton's method with halving, from theta; slopes gives gradient and Hessian."""
    for _ in range(300):
        gradient, hessian = slopes(theta)
        step, size, before = -np.linalg.solve(hessian, gradient), 1.0, value(theta)
        while value(theta + size * step) > before + 1e-13 * abs(before) and size > 1e-9:
            size /= 2
        theta = theta + size * step
        if -gradient @ step <= 1e-25 * (1 + theta @ theta):
            break
    assert np.abs(slopes(theta)[0]).max() <= 1e-7 * (1 + np.abs(theta).max())
    return theta


def _penalised(A: FloatMatrix, y: IntVector, C: float) -> FloatVector:
    """The binary fit to rows A (k, r), the last column ones and not penalised."""
    sign, penalty = 2.0 * y - 1, np.ones(A.shape[1])
    penalty[-1] = 0.0

    def value(theta: FloatVector) -> float:
        return float(C * np.logaddexp(0, -sign * (A @ theta)).sum() + (penalty * theta**2).sum() / 2)

    def slopes(theta: FloatVector) -> tuple[FloatVector, FloatMatrix]:
        eta = A @ theta
        weights = C * expit(eta) * expit(-eta)
        residual = -C * sign * expit(-sign * eta)
        return residual @ A + penalty * theta, (A.T * weights) @ A + np.diag(penalty + 1e-13 * (1 - penalty))

    start = np.zeros(A.shape[1])
    start[-1] = np.log(y.mean() / (1 - y.mean()))
    return _minimised(start, value, slopes)


def _both(eta: FloatVector) -> FloatMatrix:
    return -np.logaddexp(0, np.column_stack([eta, -eta]))


def _ones(X: FloatMatrix) -> FloatMatrix:
    return np.column_stack([X, np.ones(X.shape[0])])


def logistic(dataset: Dataset, members: IntVector, C: float) -> FloatMatrix:
    theta = _penalised(_ones(dataset.X_pool[members]), dataset.y_pool[members], C)
    return _both(_ones(dataset.X_valuation) @ theta)


def softmax(dataset: Dataset, members: IntVector, C: float) -> FloatMatrix:
    """A weight vector for every class, all of them present; the intercepts' common part is held at zero."""
    A, classes = _ones(dataset.X_pool[members]), len(dataset.class_names)
    hot, r = np.eye(classes)[dataset.y_pool[members]], A.shape[1]
    free = np.tile(np.arange(r) == r - 1, classes).astype(np.float64)
    tied = np.outer(free, free) + 1e-13 * np.diag(free)

    def logs(theta: FloatVector, X: FloatMatrix) -> FloatMatrix:
        return np.asarray(log_softmax(X @ theta.reshape(classes, r).T, axis=1))

    def value(theta: FloatVector) -> float:
        return float(-C * (hot * logs(theta, A)).sum() + ((1 - free) * theta**2).sum() / 2 + (free @ theta) ** 2 / 2)

    def slopes(theta: FloatVector) -> tuple[FloatVector, FloatMatrix]:
        p = np.exp(logs(theta, A))
        weights = C * (p[:, :, None] * np.eye(classes) - p[:, :, None] * p[:, None, :])
        hessian = np.einsum("kab,ki,kj->aibj", weights, A, A, optimize=True).reshape(classes * r, classes * r)
        gradient = (C * (p - hot).T @ A).ravel() + (1 - free) * theta + free * (free @ theta)
        return gradient, hessian + np.diag(1 - free) + tied

    return logs(_minimised(np.zeros(classes * r), value, slopes), _ones(dataset.X_valuation))


def kernel_logistic(dataset: Dataset, members: IntVector, C: float) -> FloatMatrix:
    """On the eigenvectors of the kernel, and the coefficients from what is left of each label."""
    X, y, gamma = dataset.X_pool[members], dataset.y_pool[members], 1 / (dataset.n_features * dataset.X_pool.var())
    sizes, vectors = np.linalg.eigh(rbf_kernel(X, gamma=gamma))
    kept = sizes > 1e-14 * sizes[-1]
    A = _ones(vectors[:, kept] * np.sqrt(sizes[kept]))
    theta = _penalised(A, y, C)
    eta = A @ theta
    beta = C * np.where(y == 1, expit(-eta), -expit(eta))
    return _both(rbf_kernel(dataset.X_valuation, X, gamma=gamma) @ beta + theta[-1])


FITS: dict[str, Callable[[Dataset, IntVector, float], FloatMatrix]] = {
    "logistic": logistic,
    "softmax": softmax,
    "kernel_logistic": kernel_logistic,
}
