"""Validation plans: a few sizes, a seed of their own, everything else as the study has it."""

from dataclasses import replace

from dscale_core.sampling import validation_plan
from dscale_core.types import SamplingPlan

PLAN = SamplingPlan(points=(3, 5), min_size=100, max_size=1000, draws=40, stratify=False, seed=7)


def test_sizes_are_spread_over_the_plans_own_by_default() -> None:
    plan = validation_plan(PLAN)
    assert plan == replace(PLAN, sizes=(100, 215, 464, 1000), draws=60, seed=8)
    assert plan.n_coalitions == 240
    assert validation_plan(replace(PLAN, min_size=3, max_size=4)).sizes == (3, 4)


def test_named_sizes_are_sorted_and_may_go_beyond() -> None:
    plan = validation_plan(PLAN, (5000, 100, 5000), draws=9)
    assert (plan.sizes, plan.draws, plan.max_size) == ((100, 5000), 9, 5000)
