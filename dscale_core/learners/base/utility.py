"""Utilities L: what a model is measured by on the valuation set. Lower is better, so delta = L(f_D) - L(f_{D+z}) > 0 helps.

``paper_log_loss`` reproduces the published implementation, which applies the cross-entropy to *probabilities*, so that a
softmax is taken twice and the binary loss lies in [0.313, 1.313]; it serves comparison with published figures only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.types import FloatMatrix, FloatVector, Task

__all__ = ["UTILITIES", "UtilityInfo", "loss", "loss_of_logs", "require_utility"]

# The least probability that log loss reckons with, that of scikit-learn: a forest may give a class none at all, and a model
# may have no class of that name. All engines and references keep to it, whether they hold probabilities or their logarithms.
# test_utility_and_boundary.py::test_probability_zero_costs_much_and_stays_finite
_LEAST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class UtilityInfo:
    """A utility as a person reads it."""

    name: str
    task: Task
    unit: str
    summary: str


def _log_loss(predicted: FloatMatrix, y: NDArray[Any]) -> float:
    own = predicted[np.arange(y.size), y]
    return float(-np.mean(np.log(np.maximum(own, _LEAST))))


def _brier(predicted: FloatMatrix, y: NDArray[Any]) -> float:
    return float(np.mean(np.sum((predicted - np.eye(predicted.shape[1])[y]) ** 2, axis=1)) / 2)


def _accuracy(predicted: FloatMatrix, y: NDArray[Any]) -> float:
    return float(np.mean(predicted.argmax(axis=1) != y))


def _paper_log_loss(predicted: FloatMatrix, y: NDArray[Any]) -> float:
    return float(np.mean(np.log(np.exp(predicted).sum(axis=1)) - predicted[np.arange(y.size), y]))


def _mse(predicted: FloatVector, y: NDArray[Any]) -> float:
    return float(np.mean((predicted - y) ** 2))


UTILITIES: dict[str, UtilityInfo] = {
    info.name: info
    for info in (
        UtilityInfo("log_loss", "classification", "nats", "mean cross-entropy of the true class"),
        UtilityInfo("brier", "classification", "squared probability", "mean squared error of the probabilities, halved"),
        UtilityInfo("accuracy", "classification", "share of errors", "one minus accuracy"),
        UtilityInfo("paper_log_loss", "classification", "nats", "the published loss: a softmax taken twice"),
        UtilityInfo("mse", "regression", "squared target", "mean squared error"),
    )
}
_LOSSES: dict[str, Callable[[Any, NDArray[Any]], float]] = {
    "log_loss": _log_loss,
    "brier": _brier,
    "accuracy": _accuracy,
    "paper_log_loss": _paper_log_loss,
    "mse": _mse,
}


def require_utility(utility: str, task: Task) -> None:
    """Raise ArgumentError unless ``utility`` exists and measures ``task``."""
    fitting = [name for name, info in UTILITIES.items() if info.task == task]
    if utility not in fitting:
        raise ArgumentError("utility", f"measure {task}", repr(utility), f"Use one of {', '.join(fitting)}.")


def loss(utility: str, predicted: NDArray[np.float64], y: NDArray[Any]) -> float:
    """L of predictions on labelled points.

    predicted : (v, classes) probabilities, or (v,) values for regression
    y : (v,) class codes or targets
    """
    return _LOSSES[utility](predicted, y)


def loss_of_logs(utility: str, logs: FloatMatrix, y: NDArray[Any]) -> float:
    """L of log-probabilities (v, classes): the same loss, to the last digit also of points that are all but certain.

    A probability of 1 - 1e-12 keeps four digits of what it lacks to one, and 1 - p of a small p none below 1e-16; an audit
    that took its losses from either would find fault with an engine where none is.
    """
    if utility not in ("log_loss", "brier"):
        return loss(utility, np.exp(logs), y)
    own = logs[np.arange(y.size), y]
    if utility == "log_loss":
        return float(-np.mean(np.maximum(own, np.log(_LEAST))))
    others = np.exp(logs)
    others[np.arange(y.size), y] = np.expm1(own)
    return float(np.mean(np.sum(others**2, axis=1)) / 2)
