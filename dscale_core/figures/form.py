"""Power law or two-term law: held-out evidence, point by point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dscale_core.figures.histograms import histogram
from dscale_core.figures.quantities import Quantity
from dscale_core.figures.style import GUIDE, INK
from dscale_core.types import FloatVector, IntVector

__all__ = ["FormCounts", "evidence_histogram", "form_counts", "form_evidence", "points_with_form"]

_CLEAR = 2.0  # standard errors beyond which a point's draws tell the forms apart


class Choice(Protocol):
    """Held-out evidence for the two-term law, (p,) each."""

    @property
    def points(self) -> IntVector: ...
    @property
    def form(self) -> NDArray[np.str_]: ...
    @property
    def difference(self) -> FloatVector: ...
    @property
    def standard_error(self) -> FloatVector: ...


@dataclass(frozen=True)
class FormCounts:
    """How many points speak clearly for either law, how many for neither, and how many could not be judged."""

    two_term: int
    undecided: int
    power: int
    unjudged: int

    @property
    def judged(self) -> int:
        """Points for which both laws were fitted."""
        return self.two_term + self.undecided + self.power

    def share(self, count: int) -> float:
        """``count`` as a share of the points that were judged; 0 where none was."""
        return count / self.judged if self.judged else 0.0


def form_counts(choice: Choice) -> FormCounts:
    """Points by what their held-out draws say."""
    judged = np.isfinite(choice.difference)
    two_term = judged & (choice.form == "two_term")
    power = judged & ~two_term & (choice.difference < -_CLEAR * choice.standard_error)
    n_two_term, n_power, n_judged = (int(mask.sum()) for mask in (two_term, power, judged))
    return FormCounts(n_two_term, n_judged - n_two_term - n_power, n_power, choice.points.size - n_judged)


def form_evidence(choice: Choice) -> Quantity:
    """Evidence in standard errors: beyond +2 the two-term law predicts held-out draws clearly better."""
    error = np.where(choice.standard_error > 0, choice.standard_error, np.nan)
    title = "held-out evidence for the two-term law (standard errors; positive favours it)"
    return Quantity("evidence", title, "evidence", choice.difference / error, choice.points)


def evidence_histogram(choice: Choice, selected: Sequence[int] | None = None, height: int = 360) -> go.Figure:
    """Histogram of the evidence with the two lines beyond which a point's draws are clear."""
    evidence = form_evidence(choice)
    figure = histogram(evidence, selected, zero=True, height=height)
    finite = evidence.values[np.isfinite(evidence.values)]
    for at, law in ((-_CLEAR, "power law"), (_CLEAR, "two-term law")):
        if finite.size and finite.min() < at < finite.max():
            figure.add_vline(x=at, line={"color": GUIDE, "dash": "dot", "width": 1.5})
            figure.add_annotation(
                x=at, y=1, yref="paper", yanchor="bottom", xanchor="right" if at < 0 else "left", showarrow=False,
                text=f"{law} clearly better", font={"color": INK, "size": 11},
            )  # fmt: skip
    figure.update_layout(margin={"t": 36})
    return figure


def points_with_form(choice: Choice, form: str) -> tuple[int, ...]:
    """Ids of the points for which held-out draws recommend ``power`` or ``two_term``."""
    return tuple(int(point) for point in choice.points[choice.form == form])
