"""What points are worth over all sizes of a range: gathers what a value needs and hands over to `dscale_core.values`."""

from __future__ import annotations

from collections.abc import Callable

from dscale_core.errors import ArgumentError
from dscale_core.learners import UTILITIES
from dscale_core.types import Dataset, Draws, Laws, Learner, Values, default_utility
from dscale_core.values import ValueInputs, compute_value, describe_value

__all__ = ["inputs_of_value", "value"]


def value(
    name: str,
    dataset: Dataset,
    learner: Learner,
    draws: Draws | None = None,
    laws: Laws | None = None,
    utility: str | None = None,
    min_size: int | None = None,
    max_size: int | None = None,
    seed: int = 0,
    on_progress: Callable[[float], object] | None = None,
) -> Values:
    """One value a point, (p,), with its standard error, in the unit of the utility; positive helps.

    `Study.value` calls this, and keeps what it returns.

    name : one of `list_values`
    draws, laws : as `sample` and `fit` return them, for the values that need them
    utility : None takes that of the draws, else that of the task
    min_size, max_size : the sizes that the value is about; None takes those of the laws or draws that it needs, else all

    Raises NotFoundError for an unknown name, ArgumentError where something is missing that the value needs.
    """
    given = inputs_of_value(name, dataset, learner, draws, laws, utility, min_size, max_size, seed, on_progress)
    return compute_value(name, given)


def inputs_of_value(
    name: str,
    dataset: Dataset,
    learner: Learner,
    draws: Draws | None,
    laws: Laws | None,
    utility: str | None,
    min_size: int | None,
    max_size: int | None,
    seed: int,
    on_progress: Callable[[float], object] | None,
) -> ValueInputs:
    """What the value of that name is given; arguments as in `value`."""
    needs = describe_value(name).needs
    known = utility or (draws.utility if draws is not None else None) or default_utility(dataset.task)
    if known not in UTILITIES:
        raise ArgumentError("utility", f"be one of {', '.join(UTILITIES)}", repr(known), "Leave it out.")
    low, high = 2, dataset.n_points - 1  # of coalitions that leave a point outside
    if "laws" in needs and laws is not None:
        low, high = laws.min_size, laws.max_size
    elif "draws" in needs and draws is not None:
        low, high = int(draws.sizes.min()), int(draws.sizes.max())
    return ValueInputs(
        dataset=dataset,
        learner=learner,
        utility=known,
        unit=UTILITIES[known].unit,
        min_size=low if min_size is None else int(min_size),
        max_size=high if max_size is None else int(max_size),
        draws=draws,
        laws=laws,
        seed=seed,
        on_progress=on_progress,
    )
