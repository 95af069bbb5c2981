"""The first look at α: approximate at once, exact as soon as there are draws, and always marked as what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dscale_core.figures import fitted_count, formula_scatter, marked_exponents
from dscale_core.learners import UTILITIES
from dscale_core.sampling import Preview, with_formula
from dscale_core.study import PlanSketch, sketch_draws, sketch_plan
from dscale_core.types import LawStatus
from pages._ui.selecting import plain_chart
from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.study import Study
    from dscale_core.types import Dataset, Laws, Learner, SamplingPlan

__all__ = ["show_exponents", "show_preview"]

_PATIENCE = 1.5  # seconds that the page waits before it says that it waits
_FEWEST = 8  # coalitions from which exact draws are worth a fit
_EVERY = 5.0  # seconds between looks at a study that is being sampled


@dataclass(frozen=True, eq=False)
class _Exact:
    laws: Laws
    done: int
    points: int  # of the study


def show_preview(dataset: Dataset, learner: Learner, utility: str, plan: SamplingPlan) -> None:
    """The approximate picture of a plan, drawn when it is ready; computed once for each combination."""
    recipe = (dataset.fingerprint, learner.name, repr(sorted(learner.params.items())), utility, plan)
    picture = background.ask("picture", ("picture", *recipe), lambda: sketch_plan(dataset, learner, plan, utility))

    def show(made: PlanSketch | None) -> None:
        if made is None:
            st.markdown("**First look at the exponents α**")
            st.caption(f"No preview for {learner.name} with these data and this utility. Exact draws show here instead.")
            return
        _show_picture(made, dataset, plan)

    background.show_when_done(picture, show, "Drawing approximate contributions", "There is no preview.", _PATIENCE)
    made = picture.result() if picture.done() and background.reason(picture) is None else None
    if made is not None:
        formula = background.ask(
            "formula", ("formula", *recipe), lambda: with_formula(made.preview, dataset, learner, utility)
        )
        unit = UTILITIES[utility].unit
        background.show_when_done(
            formula,
            lambda found: _show_formula(found, made.laws, unit),
            "Computing the formula that needs no draws",
            "The formula that needs no draws is not shown.",
        )


def show_exponents(study: Study, busy: bool) -> None:
    """The picture of a study: from its exact draws so far; before there are enough, the preview of its plan."""
    if study.progress().done < _FEWEST:
        show_preview(study.dataset, study.learner, study.utility, study.plan)
        if busy:
            st.caption("Exact draws take its place as they arrive.")
            _watch(study)
        return
    _follow(study)
    first = st.session_state.get(f"exact_{study.id}") is None
    settled = _settled(study)

    @st.fragment(run_every=(1.0 if first else _EVERY) if busy else None if settled else 0.5)
    def panel() -> None:
        _follow(study)
        shown = st.session_state.get(f"exact_{study.id}")
        if (first and shown is not None) or (not busy and not settled and _settled(study)):
            st.rerun()
        st.markdown("**The exponents α so far** :green-badge[exact]")
        if shown is None:
            st.caption(":material/hourglass_top: Fitting the draws there are")
        elif (sentence := background.reason(shown)) is not None:
            st.caption(f":material/info: There is no picture of the draws so far. {sentence}")
        else:
            _show_exact(shown.result(), study.plan.n_coalitions)

    panel()


def _follow(study: Study) -> None:
    """Take what was asked for if it is there, and only then ask for a picture of the newest draws."""
    state = st.session_state
    asked, shown, done = f"exact_asked_{study.id}", f"exact_{study.id}", study.progress().done
    running = state.get(asked)
    if running is not None and running[1].done():
        if not running[1].cancelled():
            state[shown] = running[1]
        if running[0] != done or running[1].cancelled():
            running = None
    if running is None:
        running = (done, background.ask("exact", ("exact", str(study.cache), study.id, done), lambda: _exact(study)))
    state[asked] = running


def _settled(study: Study) -> bool:
    """Whether the picture is of all draws there are."""
    running = st.session_state.get(f"exact_asked_{study.id}")
    return running is not None and running[0] == study.progress().done and running[1].done()


def _watch(study: Study) -> None:
    @st.fragment(run_every=1.0)
    def look() -> None:
        if study.progress().done >= _FEWEST:
            st.rerun()

    look()


def _exact(study: Study) -> _Exact:
    draws = study.draws("fit")
    return _Exact(sketch_draws(study.dataset, draws), draws.sizes.size, draws.points.size)


def _show_picture(made: PlanSketch, dataset: Dataset, plan: SamplingPlan) -> None:
    found = made.preview
    st.markdown("**First look at the exponents α** :orange-badge[preview]")
    drawn, points = found.draws.sizes.size, found.draws.points.size
    valued = dataset.n_points if isinstance(plan.points, str) else len(plan.points)
    _histogram(made.laws, "preview: approximate draws, corrected", "preview_alpha")
    st.caption(
        f"Second-order approximation of the contributions to {drawn:,} of {plan.n_coalitions:,} coalitions, of "
        f"{points:,} of {valued:,} points, fitted by shrinkage. At {len(found.checked_sizes):,} sizes exact contributions "
        "were drawn too: the slope there corrects all draws, and the bias share is the error that is left."
    )
    rows = zip(found.checked_sizes, found.slope, found.bias_share, strict=True)
    ordered = sorted((int(k), f"{slope:.3f}", _share(share)) for k, slope, share in rows)
    _small_table(
        ("size k", "slope, exact on approximate", "bias share of the variance"), [(f"{k:,}", *r) for k, *r in ordered]
    )


def _show_formula(found: Preview, laws: Laws, unit: str) -> None:
    if not found.zero_draw_tried.size:
        return
    st.markdown("**Formula that needs no draws** :orange-badge[preview]")
    kept = set(found.zero_draw_sizes.tolist())
    rows = [
        (f"{k:,}", "too noisy to tell" if np.isnan(r2) else f"{r2:.2f}", "shown" if k in kept else "withheld")
        for k, r2 in zip(found.zero_draw_tried.tolist(), found.zero_draw_agreement, strict=True)
    ]
    if kept:
        k = max(kept)
        plain_chart(formula_scatter(laws, found.zero_draw[-1], k, unit), "preview_formula")
        st.caption("Expected contributions from the pool alone. It agrees with the corrected draws where R² is 0.8 or more:")
    else:
        st.caption("Withheld: at no size does it agree with the corrected draws (R² of 0.8 or more).")
    _small_table(("size k", "R² over points", "formula"), rows)


def _show_exact(made: _Exact, total: int) -> None:
    _histogram(made.laws, f"exact, {made.done:,} of {total:,} coalitions", "exact_alpha")
    part = "all" if made.laws.points.size == made.points else f"{made.laws.points.size:,} of"
    st.caption(
        f"Exact contributions of {part} {made.points:,} points to {made.done:,} of {total:,} coalitions, fitted "
        "by shrinkage."
    )


def _histogram(laws: Laws, mark: str, key: str) -> None:
    if fitted_count(laws):
        plain_chart(marked_exponents(laws, mark), key)
        return
    names, counts = np.unique(laws.status, return_counts=True)
    cause = LawStatus(str(names[np.argmax(counts)])).explanation
    st.caption(f"No exponent can be fitted yet. {cause}")


def _small_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [" | ".join(head), " | ".join("--:" for _ in head), *(" | ".join(row) for row in rows)]
    st.markdown("\n".join(f"| {line} |" for line in lines))


def _share(share: float) -> str:
    return "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"
