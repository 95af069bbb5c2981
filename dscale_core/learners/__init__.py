"""Learners: one file each, a registry of all, and the utilities they are measured by.

A new learner is a file that defines a `LearnerBase` and one line in the registry.
"""

from __future__ import annotations

from dscale_core.learners.boundary import boundary_distance
from dscale_core.learners.refit import EstimatorSpec
from dscale_core.learners.registry import LearnerInfo, describe_learner, list_learners, make_learner, register_estimator
from dscale_core.learners.utility import UTILITIES, UtilityInfo, default_utility

__all__ = [
    "UTILITIES",
    "EstimatorSpec",
    "LearnerInfo",
    "UtilityInfo",
    "boundary_distance",
    "default_utility",
    "describe_learner",
    "list_learners",
    "make_learner",
    "register_estimator",
]
