"""How much of a learner's contributions is its own chance: measured on a few points under a few seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import streamlit as st

from dscale_core.learners import LearnerBase, SeedNoise, seed_noise
from dscale_core.sampling import Coalitions
from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.types import Dataset, Learner, SamplingPlan

__all__ = ["has_seed", "show_noise"]

_POINTS = 12
_SEEDS = range(4)


@dataclass(frozen=True)
class _Measured:
    noise: SeedNoise
    size: int
    points: int


def has_seed(learner: Learner) -> bool:
    """Whether the learner's contributions depend on a seed."""
    return "seed" in learner.params


def show_noise(dataset: Dataset, learner: Learner, utility: str, plan: SamplingPlan) -> None:
    """A panel with a button: the noise over seeds against the differences between points."""
    st.markdown("**How noisy are these contributions?**")
    recipe = (dataset.fingerprint, learner.name, repr(sorted(learner.params.items())), utility, plan)
    token = ("noise", *recipe)
    if st.button("Measure over seeds", icon=":material/shuffle:", key="measure_noise"):
        st.session_state["noise_asked"] = token
    if st.session_state.get("noise_asked") != token:
        st.caption(
            f"{learner.name} draws random numbers: another seed gives other contributions. "
            f"{_POINTS} points under {len(_SEEDS)} seeds tell by how much."
        )
        return
    future = background.ask("noise", token, lambda: _measure(dataset, cast(LearnerBase, learner), utility, plan))
    background.show_when_done(future, _show, "Refitting under several seeds", "The noise cannot be measured.")


def _measure(dataset: Dataset, learner: LearnerBase, utility: str, plan: SamplingPlan) -> _Measured:
    coalitions = Coalitions(dataset, plan)
    j = int(np.argsort(coalitions.sizes, kind="stable")[len(coalitions) // 2])
    members = coalitions.members(j)
    points = np.arange(dataset.n_points) if isinstance(plan.points, str) else np.asarray(plan.points, dtype=np.int64)
    outside = points[~np.isin(points, members)]
    some = np.sort(np.random.default_rng(plan.seed).permutation(outside)[:_POINTS])
    return _Measured(seed_noise(learner, dataset, members, some, utility, _SEEDS), members.size, some.size)


def _show(found: _Measured) -> None:
    noise = found.noise
    st.markdown(_verdict(noise))
    st.caption(
        f"Standard deviation within a point, over {len(_SEEDS)} seeds: {noise.within:.2g}. Between points: "
        f"{noise.between:.2g}. One coalition of {found.size:,}, {found.points} points; what a seed does to all points alike "
        "is taken off."
    )


def _verdict(noise: SeedNoise) -> str:
    if noise.within == 0:
        return "The seed makes no difference here."
    if noise.between == 0:
        return ":orange[Nothing but noise:] the points cannot be told apart in one draw. Draw many more coalitions."
    if noise.ratio <= 0.5:
        return f"Little noise: the seed moves a contribution by {noise.ratio:.2g} of the differences between points."
    needed = max(2, int(np.ceil(noise.ratio**2)))
    return (
        f":orange[Noisy:] the seed moves a contribution by {noise.ratio:.2g} of the differences between points. "
        f"A mean needs about {needed:,} draws before it carries as much signal as noise."
    )
