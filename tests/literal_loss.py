"""Every utility written out, from what a model predicts: the engines' tests measure their refits by it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, mean_squared_error


def literal_loss(utility: str, predicted: NDArray[Any], y: NDArray[Any]) -> float:
    """L of predictions on the valuation set: probabilities (v, c), or those of the second of two classes (v,), or values."""
    if utility == "mse":
        return mean_squared_error(y, predicted)
    p = np.column_stack([1 - predicted, predicted]) if predicted.ndim == 1 else predicted
    own, classes = p[np.arange(y.size), y], np.arange(p.shape[1])
    if utility == "log_loss":
        return log_loss(y, p, labels=classes)
    if utility == "brier":
        many = np.mean([sum((row - (classes == label)) ** 2) for row, label in zip(p, y, strict=True)]) / 2
        return brier_score_loss(y, p[:, 1]) if classes.size == 2 else float(many)
    if utility == "accuracy":
        return float(np.mean(p.argmax(axis=1) != y))
    return float(np.mean(np.log(np.exp(p).sum(axis=1)) - own))
