"""Sampling: which coalitions are drawn, how they are spread over workers, what it costs, whether the engine is right."""

from __future__ import annotations

from dscale_core.sampling.audit import AuditReport, audit
from dscale_core.sampling.coalitions import Coalitions
from dscale_core.sampling.cost import CostEstimate, Saving, estimate_cost
from dscale_core.sampling.plan import check_plan, validation_plan
from dscale_core.sampling.sampler import SampledSpan, sample, sample_spans
from dscale_core.sampling.spans import Span, missing_ranges
from dscale_core.sampling.surrogate import surrogate_draws

__all__ = [
    "AuditReport",
    "Coalitions",
    "CostEstimate",
    "SampledSpan",
    "Saving",
    "Span",
    "audit",
    "check_plan",
    "estimate_cost",
    "missing_ranges",
    "sample",
    "sample_spans",
    "surrogate_draws",
    "validation_plan",
]
