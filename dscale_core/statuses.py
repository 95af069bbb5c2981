"""How the fit of a point's law can end, and what each end means."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["LawStatus"]


class LawStatus(StrEnum):
    """How a point's fit ended. `explanation` says cause and remedy."""

    OK = "ok"
    TOO_FEW_DRAWS = "too_few_draws"
    ONE_SIZE = "one_size"
    NO_SIGNAL = "no_signal"
    NOT_FINITE = "not_finite"
    AT_BOUND = "at_bound"
    SIGN_CHANGE = "sign_change"
    GROWS = "grows"

    @property
    def explanation(self) -> str:
        """One sentence of cause and remedy."""
        return _EXPLANATIONS[self]


_EXPLANATIONS: dict[LawStatus, str] = {
    LawStatus.OK: "The law was fitted.",
    LawStatus.TOO_FEW_DRAWS: "Fewer draws than the law has parameters: draw more coalitions.",
    LawStatus.ONE_SIZE: "All draws have the same size, so no exponent can be seen: sample a range of sizes.",
    LawStatus.NO_SIGNAL: "Every contribution is zero: this point never changed the model's loss at these sizes.",
    LawStatus.NOT_FINITE: "A draw is infinite or overflows: look at the point's features and the utility.",
    LawStatus.AT_BOUND: "The best exponent lies at the edge of those allowed: draw more coalitions or see the two-term law.",
    LawStatus.SIGN_CHANGE: "The mean contribution changes sign over the sizes, which no power law does: see its curve, or "
    "the two-term law.",
    LawStatus.GROWS: "The mean contribution grows with the size, where laws fade: see its curve, or the two-term law.",
}
