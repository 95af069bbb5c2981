"""Picking points at one dataset size: which to add, to drop or to check.

Every goal ranks by ψ_k, the loss that a point is expected to save in a training set of k others:

- ``add``: highest first, the points that help most;
- ``drop``: lowest first, the points that harm most;
- ``check``: lowest first as well, but as suspects to look at: a point that harms is often mislabelled or broken, and a look
  may mend it where dropping would lose it.

Points to add are wanted of every class, so ``add`` splits n equally unless it is told otherwise. Harm is not: wrong labels
lie where they lie, mostly in one class where classes are unequal, and an equal share of the other is sound points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dscale_core.curation.ranking import rank_points
from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, IntVector, Laws, LawStatus

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BALANCES", "BALANCE_OF_GOAL", "GOALS", "pick"]

GOALS = ("add", "drop", "check")
BALANCES = ("equal", "free")
# test_picking.py::test_wrong_labels_are_found_where_they_are
BALANCE_OF_GOAL: dict[str, Literal["equal", "free"]] = {"add": "equal", "drop": "free", "check": "free"}

_SOUND = (LawStatus.OK.value,)
# shapes that no fading power law has, but the curve that psi_k follows
_SOUND_WITH_A_CURVE = (*_SOUND, LawStatus.AT_BOUND.value, LawStatus.SIGN_CHANGE.value, LawStatus.GROWS.value)


def pick(
    laws: Laws,
    dataset: Dataset,
    k: float = 1000,
    n: int = 100,
    balance: Literal["equal", "free"] | None = None,
    goal: Literal["add", "drop", "check"] = "add",
    candidates: Sequence[int] | IntVector | None = None,
    include_flagged: bool = False,
) -> pd.DataFrame:
    """The n best points for a goal at size k, ranked: see `ranking.rank_points` for the columns.

    A view of single points, not a list to train on: single values ignore redundancy, so the best hundred all push the model
    the same way and overshoot together (measured: worse than a hundred random points, and mostly worse than none), and at
    larger sizes a value mostly reflects which valuation rows were drawn. For points to add, drop or exchange use `choose`.

    Parameters
    ----------
    balance : ``equal`` splits n equally over the classes, and gives what does not divide, or what a class is short of, to
        the best of the rest; ``free`` ranks by value alone. None is ``equal`` for ``add`` and ``free`` for ``drop`` and
        ``check`` (`BALANCE_OF_GOAL`). Regression has no classes: both are the same.
    candidates : pool indices to choose from; all fitted points by default
    include_flagged : also choose among points whose law is flagged (``at_bound``, ``sign_change``, ``grows``), where psi_k
        is that law; one that follows a curve is as good there as elsewhere. Points without a law can never be ranked

    What was left out is on record: ``attrs["left_out"]`` counts the candidates left out by status, and
    ``attrs["class_shortfall"]`` how many each class was short of its equal share. Raises ArgumentError for an unknown goal
    or balance, for candidates that were not fitted, and where fewer than n points can be chosen.

    >>> import dscale_core as ds
    >>> dataset, learner = ds.load_dataset("breast_cancer"), ds.make_learner("logistic")
    >>> draws = ds.sample(dataset, learner, ds.SamplingPlan(points=range(60), min_size=20, max_size=80, draws=12))
    >>> table = pick(ds.fit_laws(draws.delta, draws.sizes), dataset, k=80, n=4)
    >>> table["rank"].tolist(), sorted(table["label"])
    ([1, 2, 3, 4], ['benign', 'benign', 'malignant', 'malignant'])
    """
    _check_choice("goal", goal, GOALS)
    balance = BALANCE_OF_GOAL[goal] if balance is None else balance
    _check_choice("balance", balance, BALANCES)
    if n != int(n) or n < 1:
        raise ArgumentError("n", "be a whole number of at least 1", n, "Ask for 100 points.")
    pool = _positions(laws, candidates)
    eligible = np.isfinite(laws.psi(k)[pool])
    if not include_flagged:
        eligible &= np.isin(laws.status[pool], _SOUND_WITH_A_CURVE if laws.curve.size else _SOUND)
    if eligible.sum() < n:
        got = f"{n} with {int(eligible.sum())} of {pool.size} candidates"
        remedy = "Ask for fewer points, give more candidates, or include flagged points."
        raise ArgumentError("n", "be at most the number of points that can be chosen", got, remedy)
    ranked = rank_points(laws, dataset, k, pool[eligible], highest_first=goal == "add")
    classes = dataset.y_pool[ranked["point"].to_numpy()] if dataset.task == "classification" else None
    shortfall: dict[str, int] = {}
    if balance == "equal" and classes is not None:
        rows, shortfall = _equal_shares(classes, int(n), dataset.class_names)
    else:
        rows = np.arange(int(n))
    table = ranked.iloc[rows].reset_index(drop=True)
    table["rank"] = np.arange(1, len(table) + 1)
    table.attrs["left_out"] = dict(Counter(str(s) for s in laws.status[pool[~eligible]]))
    table.attrs["class_shortfall"] = shortfall
    return table


def _check_choice(argument: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ArgumentError(argument, f"be one of {', '.join(allowed)}", repr(value), f'Use "{allowed[0]}".')


def _positions(laws: Laws, candidates: Sequence[int] | IntVector | None) -> IntVector:
    """Positions of the candidates in the laws' arrays, each once, in the order of the laws."""
    if candidates is None:
        return np.arange(laws.points.size)
    wanted = np.unique(np.asarray(candidates))
    if wanted.size and wanted.dtype.kind not in "iu":
        got = f"an array of {wanted.dtype}"
        raise ArgumentError("candidates", "be whole numbers, pool indices", got, "Give indices such as [0, 5], not a mask.")
    missing = np.setdiff1d(wanted, laws.points)
    if missing.size:
        got = f"{missing.size} others, such as {int(missing[0])}"
        raise ArgumentError("candidates", "be pool indices that were fitted", got, "Choose among the laws' points.")
    return np.flatnonzero(np.isin(laws.points, wanted))


def _equal_shares(classes: NDArray[np.int64], n: int, names: tuple[str, ...]) -> tuple[IntVector, dict[str, int]]:
    """Rows of a ranking that split n equally over all classes, and what each class was short of."""
    share = n // len(names)
    taken = np.zeros(classes.size, dtype=bool)
    shortfall = {}
    for code, name in enumerate(names):
        own = np.flatnonzero(classes == code)[:share]
        taken[own] = True
        if own.size < share:
            shortfall[name] = share - int(own.size)
    rest = np.flatnonzero(~taken)[: n - int(taken.sum())]
    taken[rest] = True
    return np.flatnonzero(taken), shortfall
