"""The controls of a new study: learner with its parameters, utility, sizes and draws, as one frozen recipe."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import streamlit as st

from dscale_core.errors import ArgumentError, DscaleError
from dscale_core.learners import UTILITIES, describe_learner, list_learners, make_learner
from dscale_core.sampling import Coalitions, check_plan
from dscale_core.types import SamplingPlan, default_utility
from pages._ui.sample.valuation_choice import choose_valuation

if TYPE_CHECKING:
    from dscale_core.learners import Param
    from dscale_core.types import Dataset, Learner

_PARAMS_A_ROW = 3  # with four, a name such as learning_rate is cut

__all__ = ["Recipe", "check_recipe", "choose_recipe", "choose_workers", "listed_sizes"]


@dataclass(frozen=True)
class Recipe:
    """Everything but the data that a new study is made of."""

    learner: Learner
    utility: str
    plan: SamplingPlan
    n_jobs: int
    name: str | None

    def token(self, fingerprint: str) -> tuple[Any, ...]:
        """What a cost estimate is valid for."""
        return (fingerprint, self.learner.name, tuple(self.learner.params.items()), self.utility, self.plan, self.n_jobs)


def choose_recipe(choose_dataset: Callable[[], Dataset]) -> tuple[Dataset, Recipe]:
    """All controls of a new study, with defaults that suit the data set that `choose_dataset` draws a control for.

    Raises ArgumentError, after all controls are drawn, where what was chosen does not go together.
    """
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.markdown("**What is learned**")
        dataset = choose_dataset()
        name, make = _choose_learner(dataset)
        utility = _choose_utility(dataset)
    with right, st.container(border=True, height="stretch"):
        st.markdown("**What is drawn**")
        plan = _choose_plan(dataset)
        cells = st.columns(2)
        with cells[0]:
            n_jobs = choose_workers("new_jobs")
        given = cells[1].text_input(
            "Name of the study", placeholder=f"{dataset.name}, {name}", key="study_name", max_chars=80
        )
    return dataset, Recipe(make(), utility, plan(), n_jobs, given.strip() or None)


def check_recipe(dataset: Dataset, recipe: Recipe, thorough: bool = False) -> None:
    """Refuse what could not run; `thorough` also fits the smallest coalition, which a learner may find too small.

    Raises ArgumentError or DataError with one sentence that says what to change.
    """
    check_plan(dataset, recipe.learner, recipe.plan, recipe.utility)
    if thorough:
        coalitions = Coalitions(dataset, recipe.plan)
        smallest = coalitions.members(int(np.argmin(coalitions.sizes)))
        try:
            recipe.learner.contributions(dataset, smallest, np.empty(0, dtype=np.int64), recipe.utility)
        except DscaleError as error:
            got = f"{smallest.size}: {error}"
            raise ArgumentError("Smallest size k", "be one that the learner can fit", got, "Raise it.") from error


def choose_workers(key: str) -> int:
    """How many worker processes to use."""
    cores = os.cpu_count() or 1
    return int(st.number_input("Worker processes", 1, cores, cores, key=key, help="results do not depend on it"))


def listed_sizes(text: str) -> tuple[int, ...]:
    """Sizes from text such as ``100, 300, 1000``. Raises ArgumentError for anything else."""
    try:
        return tuple(int(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError as error:
        raise ArgumentError("sizes", "be whole numbers", repr(text), "Write them as 100, 300, 1000.") from error


def _choose_learner(dataset: Dataset) -> tuple[str, Callable[[], Learner]]:
    names = [name for name in list_learners() if describe_learner(name).task in ("any", dataset.task)]
    name = st.selectbox("Learner", names, key=f"learner_{dataset.task}", persist_state="session")
    info = describe_learner(name)
    kind = "shared exact engine, fast" if info.exact else "one refit a contribution, slow"
    st.caption(f"{info.summary[:1].upper()}{info.summary[1:]} ({kind}).")
    params: dict[str, Callable[[], Any]] = {}
    listed = list(info.params.items())
    for row in range(0, len(listed), _PARAMS_A_ROW):
        for cell, (param, declared) in zip(st.columns(min(len(listed), _PARAMS_A_ROW)), listed[row:], strict=False):
            with cell:
                params[param] = _choose_param(f"{name}_{param}", param, declared)
    return name, lambda: make_learner(name, **{param: value() for param, value in params.items()})


def _choose_utility(dataset: Dataset) -> str:
    names = [name for name, info in UTILITIES.items() if info.task == dataset.task]
    default = names.index(default_utility(dataset.task))
    utility = st.selectbox("Utility", names, index=default, key=f"utility_{dataset.task}", persist_state="session")
    info = UTILITIES[utility]
    st.caption(
        f"{info.summary[:1].upper()}{info.summary[1:]}, in {info.unit}; contributions are the loss that a point saves."
    )
    return utility


def _choose_param(key: str, label: str, param: Param) -> Callable[[], Any]:
    """Draws the control now; the value is read, and may be refused, when all controls are there."""
    default, about = param.default, param.summary or None
    if isinstance(default, bool):
        ticked = st.checkbox(label, default, key=key, help=about)
        return lambda: ticked
    if param.choices and not param.takes_numbers:
        chosen = st.selectbox(label, param.choices, param.choices.index(default), format_func=str, key=key, help=about)
        return lambda: chosen
    if isinstance(default, (int, float)) and not param.choices:
        return _choose_number(key, label, param)
    words = [] if param.kind == "any" else [f"must be {param.requirement}"]
    about = "; ".join(filter(None, [param.summary, *words])) or None
    shown = "" if default is None else str(default)
    text = st.text_input(label, shown, key=key, placeholder="none", help=about).strip()
    return lambda: _read(text, param)


def _choose_number(key: str, label: str, param: Param) -> Callable[[], Any]:
    kind = type(param.default)  # whole steps where the default is whole
    ends = [end for end in (param.low, param.above) if end is not None]
    least = max(ends) + (kind is int and param.above == max(ends)) if ends else None
    number = st.number_input(
        label,
        None if least is None else kind(least),
        None if param.high is None else kind(param.high),
        param.default,
        1 if kind is int else None,
        "%d" if kind is int else "%g",
        key=key,
        help=param.summary or None,
    )
    return lambda: kind(number)


def _read(text: str, param: Param) -> Any:
    """What was written: nothing, one of the words, or a number; the learner refuses anything else."""
    if not text and param.default is None:
        return None
    try:
        return int(text) if param.default is None else float(text)
    except ValueError:
        return text


def _choose_plan(dataset: Dataset) -> Callable[[], SamplingPlan]:
    largest = max(2, dataset.n_points - 1)
    top = min(1000, max(2, dataset.n_points * 2 // 3))
    spread = st.segmented_control(
        "Sizes",
        ["log_uniform", "uniform", "listed"],
        default="log_uniform",
        required=True,
        format_func=lambda name: name.replace("_", "-"),
        key="size_spread",
        help="log-uniform spreads the draws evenly over factors of size",
    )
    cells = [*st.columns(2, vertical_alignment="bottom"), *st.columns(2, vertical_alignment="bottom")]
    text, low, high = "", 2, 2
    if spread == "listed":
        text = cells[0].text_input("Sizes k", f"{max(2, top // 10)}, {top}", key=f"sizes_{dataset.name}")
        draws = cells[2].number_input("Coalitions a size", 1, 1_000_000, 50, key="draws_per_size")
    else:
        low = cells[0].number_input("Smallest size k", 2, largest, max(2, top // 10), key=f"min_size_{dataset.name}")
        high = cells[1].number_input("Largest size k", 2, largest, top, key=f"max_size_{dataset.name}")
        draws = cells[2].number_input("Coalitions", 1, 1_000_000, 200, key="draws")
    seed = cells[3].number_input("Seed", 0, 2**31 - 1, 0, key="seed")
    stratify = dataset.task == "classification" and st.checkbox(
        "Keep the class proportions in every coalition", True, key="stratify"
    )
    valuation, n_rows = choose_valuation()
    return lambda: SamplingPlan(
        sizes=listed_sizes(text) if spread == "listed" else cast("Literal['log_uniform', 'uniform']", spread),
        min_size=int(low),
        max_size=int(high),
        draws=int(draws),
        stratify=bool(stratify),
        seed=int(seed),
        valuation=valuation,
        valuation_rows=n_rows,
    )
