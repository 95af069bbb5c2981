"""A fixed study and a fixed call of every learner: what a change of structure must leave as it was.

``python -m unchanged.cases`` (from ``tests/``) writes the reference anew. That is done only by a change that means to change
numbers, and its message says why.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from toy import toy_dataset

import dscale_core as ds
from dscale_core.types import Laws

VALUES = Path(__file__).with_name("values.npz")
DIGESTS = Path(__file__).with_name("digests.json")
METHODS = ("shrinkage", "likelihood", "two_term", "amortized", "log_linear")
CLASSIFIERS = ("logistic", "kernel_logistic", "svm", "mlp", "tree", "random_forest", "knn")
REGRESSORS = ("ridge", "linear", "mlp", "knn", "gradient_boosting")
_SLOW = {"mlp": {"steps": 40, "hidden": 8}, "random_forest": {"n_estimators": 5}, "gradient_boosting": {"n_estimators": 5}}
_SIZES = (120.0, 300.0)


def platform_key() -> str:
    """What decides the last bits: the linear algebra's kernels, the compiler's target and the libraries' versions."""
    from importlib.metadata import version

    from llvmlite.binding import get_host_cpu_name
    from threadpoolctl import threadpool_info

    blas = sorted({str(pool.get("architecture")) for pool in threadpool_info() if pool["user_api"] == "blas"})
    versions = [f"{name} {version(name)}" for name in ("numpy", "scipy", "numba", "scikit-learn", "torch")]
    return " ".join([get_host_cpu_name(), *blas, *versions])


def compute() -> dict[str, np.ndarray]:
    """All numbers, by name."""
    found: dict[str, np.ndarray] = {}
    with TemporaryDirectory() as folder:
        dataset = ds.load_dataset("breast_cancer")
        plan = ds.SamplingPlan(points=tuple(range(0, 300, 5)), min_size=30, max_size=200, draws=40, seed=3)
        study = ds.Study.create(dataset, ds.make_learner("logistic"), plan, cache=folder)
        draws = study.sample()
        found |= {"draws": draws.delta, "draws_sizes": draws.sizes, "draws_base_loss": draws.base_loss}
        for method in METHODS:
            found |= {f"fit_{method}_{name}": values for name, values in _of_laws(study.fit(method)).items()}
    for name in CLASSIFIERS:
        found[f"learner_{name}"] = _contributions(name, toy_dataset(n=160, d=6))
    found["learner_softmax"] = _contributions("logistic", toy_dataset(n=160, d=5, classes=4))
    found["learner_logistic_dual"] = _contributions("logistic", toy_dataset(n=160, d=60))
    for name in REGRESSORS:
        found[f"learner_{name}_regression"] = _contributions(name, toy_dataset(n=160, d=6, task="regression"))
    return found


def _of_laws(laws: Laws) -> dict[str, np.ndarray]:
    names = ("c", "alpha", "sigma", "beta", "alpha_low", "alpha_high", "covariance", "misfit", "curve")
    found = {name: np.asarray(getattr(laws, name)) for name in names}
    for k in _SIZES:
        low, high = laws.psi_interval(k, other_rows=False)
        found |= {f"psi_{k:g}": laws.psi(k), f"low_{k:g}": low, f"high_{k:g}": high}
    return found


def _contributions(name: str, dataset: ds.Dataset) -> np.ndarray:
    learner = ds.make_learner(name, **_SLOW.get(name, {}))
    utility = "log_loss" if dataset.task == "classification" else "mse"
    members = np.arange(0, 100, 2)
    found = learner.contributions(dataset, members, np.arange(80, 120), utility)
    return np.append(found.delta, found.base_loss)


def digest(values: np.ndarray) -> str:
    """sha256 of an array's bytes and type; NaN counts as one value."""
    plain = np.where(np.isnan(values), np.nan, values).astype(values.dtype)
    return hashlib.sha256(str(plain.dtype).encode() + np.ascontiguousarray(plain).tobytes()).hexdigest()


def write() -> None:
    """Make the reference anew."""
    found = compute()
    np.savez_compressed(VALUES, **found)  # type: ignore[arg-type]
    digests = {name: digest(values) for name, values in found.items()}
    DIGESTS.write_text(json.dumps({"platform": platform_key(), "digests": digests}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
