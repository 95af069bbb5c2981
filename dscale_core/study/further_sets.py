"""What a sample set beside those that a study has must be: more draws of one, or a set of its own that the fit never saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dscale_core.errors import ArgumentError
from dscale_core.store import check_id
from dscale_core.types import SamplingPlan

__all__ = ["check_further", "with_own_rows"]


def with_own_rows(known: Mapping[str, SamplingPlan], role: str, plan: SamplingPlan) -> SamplingPlan:
    """The plan with "auto" resolved: rows to value on as the role's own plan has them, else that of the role ``fit``."""
    if plan.valuation != "auto":
        return plan
    own = known.get(role, known["fit"])
    return replace(plan, valuation=own.valuation, valuation_rows=own.valuation_rows)


def check_further(known: Mapping[str, SamplingPlan], role: str, plan: SamplingPlan) -> None:
    """Raise ArgumentError where ``plan`` neither extends the role's own plan nor is a new one of the study's points."""
    if role in known:
        own = known[role]
        if replace(plan, draws=own.draws) != own or plan.draws < own.draws:
            required = f"be the present plan of this role with draws of {own.draws} or more"
            raise ArgumentError("plan", required, plan, "Change draws alone, or create a new study.")
        return
    check_id(role, "role")
    if plan.points != known["fit"].points:
        raise ArgumentError("plan", "value the study's own points", "other points", "Use the points of study.plan.")
    if plan.seed in {other.seed for other in known.values()}:
        remedy = "Choose another seed, so that these draws are new."
        raise ArgumentError("plan", "have a seed of its own", f"seed={plan.seed} again", remedy)
