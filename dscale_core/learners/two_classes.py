"""What the engines of two-class models share: a candidate's fixed point in logits, and the loss of logits.

Adding z changes the logits of the members by u and its own by t. With rho(u) = sigma(f + u) - sigma(f) - w u, what the
quadratic at the coalition's optimum leaves out, and s = sigma(f_z + t) - y_z, the candidate's residual at the new optimum,
the displacement is D's curvature through rho(u) and -C s along the candidate's own direction. s is the root of one scalar
equation a candidate and is found exactly in every step, so without curvature of D the first step is already the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dscale_core.learners.base import loss_of_logs
from dscale_core.learners.compiled import logit_kernels
from dscale_core.learners.fixed_point import settle, slack
from dscale_core.types import FloatVector, IntVector

__all__ = ["AddOne", "Candidates", "Curved", "LogitValuation", "loss_of_logits"]

# Steps beyond these are not for the kernel: where the chance of a miss leaves the normal numbers (e^-87 in float32, e^-708
# in float64) a step of this length could still raise it to e^-47, or in float64 e^-58, and no shorter one to more.
# test_logistic_extremes.py::test_points_far_outside_may_cross_over_and_cost_no_more_than_the_floor
_FARTHEST_SINGLE, _FARTHEST_DOUBLE = 40.0, 650.0
_LOG_FLOOR = float(np.log(np.finfo(np.float64).eps))


@dataclass(frozen=True)
class Curved:
    """What D's curvature makes of some states."""

    part: NDArray[Any]  # (rows, n) its part of the next state
    own_logit: FloatVector  # (rows,) what that part adds to each candidate's own logit
    largest: FloatVector  # (rows,) max |u| over the members


class Members(Protocol):
    """A fitted coalition, as the iteration sees it."""

    @property
    def C(self) -> float:  # noqa: N802
        """Weight of each loss."""

    def curve(self, state: NDArray[Any], own: NDArray[Any]) -> Curved:
        """What D's curvature makes of a state (rows, n) each, for candidates with the own directions ``own`` (rows, n)."""


@dataclass(frozen=True)
class Candidates:
    """Some candidates, one row each."""

    own: NDArray[Any]  # (rows, n) the direction that a candidate's own residual pulls along
    eta: FloatVector  # logits at the base model
    y: FloatVector
    curvature: FloatVector  # C S_zz: how far a unit of its residual moves a candidate's own logit

    def keep(self, rows: NDArray[np.bool_]) -> Candidates:
        """The chosen rows alone."""
        return Candidates(*(getattr(self, field.name)[rows] for field in fields(self)))

    def residual(self, own_logit: FloatVector | float) -> FloatVector:
        """s of every candidate, given what the rest of the step adds to its logit."""
        out: FloatVector = logit_kernels.own_residual(self.eta + own_logit, self.y, self.curvature)
        return out

    def along(self, s: FloatVector, C: float) -> NDArray[Any]:
        """-C s times the own direction."""
        step: NDArray[Any] = (-C * s[:, None]).astype(self.own.dtype) * self.own
        return step


class AddOne:
    """The add-one problems of some candidates, as rows of a fixed point.

    take : is given the rows that have settled: their places among the candidates, their states, and s
    """

    def __init__(
        self, members: Members, candidates: Candidates, take: Callable[[IntVector, NDArray[Any], FloatVector], None]
    ) -> None:
        self._members, self._candidates, self._take = members, candidates, take
        self._s = candidates.residual(0.0)

    def solve(self, most_steps: int) -> NDArray[np.bool_]:
        """Which candidates have settled; `take` has been given them."""
        return settle(self, self._candidates.along(self._s, self._members.C), most_steps)

    def residual(self, state: NDArray[Any], out: NDArray[Any]) -> FloatVector:
        """See `fixed_point.Rows`."""
        curved = self._members.curve(state, self._candidates.own)
        self._s = self._candidates.residual(curved.own_logit)
        np.add(curved.part, self._candidates.along(self._s, self._members.C), out=out)
        out -= state
        # a logistic weight is a quarter at most
        return slack(curved.largest, self._candidates.curvature / 4)

    def collect(self, places: IntVector, settled: NDArray[np.bool_], state: NDArray[Any]) -> None:
        """See `fixed_point.Rows`."""
        self._take(places, state, self._s[settled])

    def keep(self, left: NDArray[np.bool_]) -> None:
        """See `fixed_point.Rows`."""
        self._candidates = self._candidates.keep(left)


class LogitValuation:
    """Loss on the valuation set at the base model and its change by steps of the logits."""

    def __init__(self, eta: FloatVector, y: NDArray[Any], utility: str, dtype: type[np.floating[Any]]) -> None:
        p, q = expit(eta), expit(-eta)
        self.base_loss = loss_of_logits(utility, eta, y)
        self._utility, self._eta, self._y = utility, eta, y
        self._code = logit_kernels.UTILITY_CODES[utility]
        self._state = tuple(each.astype(dtype) for each in (p, q, y, eta))
        farthest = _FARTHEST_SINGLE if dtype == np.float32 else _FARTHEST_DOUBLE
        # the log-loss of a point that is wrong beyond all measure stays at the floor of `loss`; no shorter step reaches it
        room = float(np.where(y == 1, eta, -eta).min()) - _LOG_FLOOR
        self._farthest = min(room, farthest) if utility == "log_loss" else farthest

    def change(self, steps: NDArray[Any]) -> FloatVector:
        """Mean loss change, (rows,), by logit steps (rows, v)."""
        mean: FloatVector = logit_kernels.loss_change(self._code, steps, *self._state) / steps.shape[1]
        if max(steps.max(initial=0.0), -steps.min(initial=0.0)) > self._farthest:
            for row in np.flatnonzero(np.abs(steps).max(axis=1) > self._farthest):
                mean[row] = loss_of_logits(self._utility, self._eta + steps[row], self._y) - self.base_loss
        return mean


def loss_of_logits(utility: str, eta: FloatVector, y: NDArray[Any]) -> float:
    """L of logits of class 1 on labelled points, (v,) both."""
    if utility == "accuracy":
        return float(np.mean((eta > 0) != y))
    return loss_of_logs(utility, -np.logaddexp(0.0, np.column_stack([eta, -eta])), y)
