"""An estimator of laws: the power law through the mean of the smaller and the mean of the larger sizes."""

import numpy as np

import dscale_core as ds
from dscale_core.laws import Fitted, finish, screen


def fit(problem):
    screened, fitted = screen(problem), Fitted.empty(problem.n_points)
    small = problem.x < np.median(problem.x)
    (low, low_error), (high, high_error) = (half_of(problem.delta[rows]) for rows in (small, ~small))
    x_low, x_high = problem.x[small].mean(), problem.x[~small].mean()
    usable = low * high > 0
    alpha = np.log(np.where(usable, low / np.where(usable, high, 1.0), 1.0)) / (x_high - x_low)
    relative = np.hypot(low_error / np.where(usable, low, 1.0), high_error / np.where(usable, high, 1.0))
    fitted.alpha[:] = np.where(usable, alpha, np.nan)
    fitted.amplitude[:] = low * np.exp(alpha * x_low) / screened.scale
    spread = relative / (x_high - x_low)
    fitted.alpha_low[:], fitted.alpha_high[:] = alpha - 1.645 * spread, alpha + 1.645 * spread
    fitted.covariance[:] = 0.0
    fitted.covariance[:, 0, 0], fitted.covariance[:, 1, 1] = (low_error / screened.scale) ** 2, spread**2
    return finish("two_means", problem, screened, fitted)


def half_of(delta):
    """Mean and its standard error of every point's draws."""
    known = np.isfinite(delta)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, delta, 0.0).sum(axis=0, dtype=np.float64) / count
    return mean, np.sqrt((np.where(known, delta - mean, 0.0) ** 2).sum(axis=0)) / count


ds.register_method("two_means", fit, summary="The power law through two means; no noise law.")
