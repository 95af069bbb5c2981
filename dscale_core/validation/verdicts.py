"""What validation found, in one sentence each; the numbers are those of the records."""

from __future__ import annotations

import numpy as np

from dscale_core.laws import AggregateLaw
from dscale_core.types import LawStatus
from dscale_core.validation.accuracy import AccuracyBySize
from dscale_core.validation.interval_coverage import TOLERANCE, Coverage
from dscale_core.validation.measured_again import RELIABLE, Reliability
from dscale_core.validation.refitting import Convergence, Extrapolation

__all__ = [
    "aggregate_verdict",
    "agreement_verdict",
    "convergence_verdict",
    "coverage_verdict",
    "extrapolation_verdict",
    "law_verdict",
    "reliability_verdict",
]

_FULL, _CLOSE, _ROUGH = 0.95, 0.8, 0.5  # shares of the R² that the noise of the means allows
# Of the lack of fit: of right laws .11 are beyond the first with 20 draws, .05 with 50 and .02 with 100, hardly any beyond
# the second. test_verdicts.py::test_a_right_law_is_seldom_called_wrong
_NEAR, _OFF = 1.5, 2.5
_FAR = 50.0  # times the material there is: more than anybody will draw


def agreement_verdict(found: AccuracyBySize, k: float) -> str:
    """How well the laws predict at the size nearest to k."""
    i = int(np.abs(np.log(found.size) - np.log(k)).argmin())
    r2, ceiling = float(found.r2[i]), float(found.noise_ceiling[i])
    at = f"at k ≈ {found.size[i]:,.0f}"
    if not np.isfinite(r2):
        return f"The laws cannot be judged {at}: fewer than two points have both a law and a mean there."
    if not np.isfinite(ceiling) or ceiling <= 0:
        return f"R² is {r2:.2f} {at}, but the means are mostly noise there: draw more coalitions of that size."
    share = r2 / ceiling
    words = ((_FULL, "as well as these draws can tell"), (_CLOSE, "closely"), (_ROUGH, "roughly"))
    word = next((word for least, word in words if share >= least), None)
    lead = f"The laws hold {word} {at}" if word else f"The laws do not hold {at}"
    return f"{lead}: R² {r2:.2f} of at most {ceiling:.2f}."


def law_verdict(lack_of_fit: float) -> str:
    """Whether one point's law is where its draws are, from `Laws.lack_of_fit`."""
    if not np.isfinite(lack_of_fit):
        return "Too few draws tell how near the law is to their means."
    words = "as near to the means of its draws as their noise allows"
    if lack_of_fit > _NEAR:
        words = (
            "farther from the means of its draws than noise makes likely"
            if lack_of_fit <= _OFF
            else "not what its draws say"
        )
    return f"The law is {words}: lack of fit {lack_of_fit:.1f} standard errors, about 1 where a law is right."


def coverage_verdict(found: Coverage) -> str:
    """Whether intervals hold what they claim, or how many draws would tell."""
    if not np.isfinite(found.mean):
        return "There is nothing to judge intervals by: no point has both a law and a mean with an error."
    claim, off = f"{found.level:.0%} intervals", found.mean - found.level
    if abs(off) <= found.margin and found.needed > found.n_draws:
        return (
            f"These {found.n_draws:,} draws cannot judge the {claim}: {found.mean:.0%} of the means lie within them, but of "
            f"intervals half as wide as they should be it would be {found.mean_if_half:.0%}. {_would_tell(found)}"
        )
    word = "as often as they say" if abs(off) <= TOLERANCE else "which chance does not tell from what they say"
    if abs(off) > found.margin:
        word = "more often than they say: they are wider than needed"
        word = "less often than they say: they are too narrow" if off < 0 else word
    worst = int(np.nanargmin(found.coverage))
    return (
        f"The {claim} hold {found.mean:.0%} of the means, give or take {100 * found.margin:.0f} points, {word}; "
        f"least at k ≈ {found.size[worst]:,.0f}, {found.coverage[worst]:.0%}."
    )


def _would_tell(found: Coverage) -> str:
    if np.isfinite(found.needed):
        return f"About {float(f'{found.needed:.2g}'):,.0f} draws of these sizes would tell."
    n = int(found.n_points.max())
    return f"No number of draws would tell: the errors of these {n:,} points go together too much. Value more points."


def convergence_verdict(found: Convergence) -> str:
    """Which estimator is ahead, and how many draws it saves."""
    last = found.mean_r2[:, -1]
    if not np.isfinite(last).any():
        return "No estimator could be judged with these draws."
    best = int(np.nanargmax(last))
    ceiling = float(np.nanmean(found.noise_ceiling)) if np.isfinite(found.noise_ceiling).any() else float("nan")
    said = f"With all {found.n_draws[-1]:,} draws {found.methods[best]} is the most accurate: mean R² {last[best]:.2f}"
    said += f" of at most {ceiling:.2f}." if np.isfinite(ceiling) else "."
    saved = [_saving(found, best, other) for other in range(len(found.methods)) if other != best]
    return " ".join([said, *filter(None, saved)])


def _saving(found: Convergence, one: int, other: int) -> str:
    """With how many draws `one` reaches what `other` has with all."""
    target = found.mean_r2[other, -1]
    if not np.isfinite(target):
        return f"{found.methods[other]} has no law to judge."
    enough = np.flatnonzero(found.mean_r2[one] >= target)
    if enough.size == 0 or found.n_draws[enough[0]] >= found.n_draws[-1]:
        return ""
    return f"It needs {found.n_draws[enough[0]]:,} for what {found.methods[other]} reaches with {found.n_draws[-1]:,}."


def extrapolation_verdict(found: Extrapolation) -> str:
    """How far beyond the limit each estimator's laws keep half of the possible R²."""
    beyond = found.factor > 1
    parts = []
    for method, r2, rho in zip(found.methods, found.r2, found.spearman, strict=True):
        good = beyond & (r2 >= _ROUGH * found.noise_ceiling)
        if beyond.any() and good[beyond].all():
            reach = f"to k ≈ {found.size[-1]:,.0f}, {found.factor[-1]:.1f} times the limit"
        elif good[beyond].any() and good[beyond][0]:
            last = np.flatnonzero(beyond)[int(np.argmin(good[beyond])) - 1]
            reach = f"to k ≈ {found.size[last]:,.0f}, {found.factor[last]:.1f} times the limit"
        else:
            reach = "nowhere beyond the limit"
        ranks = f" (ranks at k ≈ {found.size[-1]:,.0f} agree at ρ = {rho[-1]:.2f})" if np.isfinite(rho[-1]) else ""
        parts.append(f"{method} keeps half of the possible R² {reach}{ranks}.")
    lead = f"Fitted to the {found.n_draws:,} draws of at most {found.limit:,.0f} points: "
    return lead + " ".join(parts)


def reliability_verdict(found: Reliability, k: float) -> str:
    """Whether values at the size nearest to k would come out the same again, and what would make them."""
    i = int(np.abs(np.log(found.size) - np.log(k)).argmin())
    r, at = float(found.expected[i]), f"at k ≈ {found.size[i]:,.0f}"
    again = "other coalitions and rows" if found.kind == "fresh" else "another valuation set as large"
    if not np.isfinite(r):
        return f"Whether values {at} would come out the same with {again} cannot be told from these draws. Draw more."
    said = f"Values {at} measured again with {again} would correlate with these at about {r:.2f}: "
    if r >= RELIABLE:
        return said + "the ranking would be much the same."
    said += "roughly the same ranking. " if r >= _ROUGH else "mostly another ranking. "
    return said + _raise(found, float(found.needed[i]))


def _raise(found: Reliability, needed: float) -> str:
    what = "draws" if found.kind == "fresh" else "valuation rows"
    many = needed > _FAR * found.amount
    lead = f"For {RELIABLE:.1f} it takes "
    lead += f"more than {_FAR:.0f} times the {found.amount:,} {what}" if many else f"about {needed:,.0f} {what}"
    lead += f" instead of {found.amount:,}" if not many else " there are"
    return f"{lead}, or fresh rows for each coalition." if found.kind == "fixed" else f"{lead}."


def aggregate_verdict(found: AggregateLaw, unit: str) -> str:
    """The loss's own law in words, or why there is none."""
    if not np.isfinite(found.alpha):
        return LawStatus(found.status).explanation
    floor = f"{found.epsilon:.3g} {unit}".strip()
    open_floor = found.epsilon_low <= 0
    said = f"The loss falls as k^(−{found.alpha:.2f}) towards {floor}."
    return said + (" The floor could as well be zero: these sizes do not tell." if open_floor else "")
