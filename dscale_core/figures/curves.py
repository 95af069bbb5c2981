"""One point seen closely: its draws with the fitted law and its band, and its rank as the size runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dscale_core.errors import NotFoundError
from dscale_core.figures.style import GUIDE, INK, finish, log_axis, mark_size, with_unit
from dscale_core.types import FloatVector, IntVector, Laws

__all__ = ["LawLine", "RankLine", "draws_and_law", "law_line", "rank_line", "rank_over_sizes"]

_STEPS = 61


@dataclass(frozen=True, eq=False)
class LawLine:
    """psi_k of one point with its 90 % interval, over sizes k; all (s,), in the unit of the loss.

    power_law: the closest c k^(-alpha), where psi_k follows a curve; None where psi_k is that law itself
    """

    k: FloatVector
    psi: FloatVector
    low: FloatVector
    high: FloatVector
    power_law: FloatVector | None = None


@dataclass(frozen=True, eq=False)
class RankLine:
    """Rank of one point (1 = most useful) among the `n` points with a law, over sizes k; both (s,)."""

    k: FloatVector
    rank: IntVector
    n: int


def law_line(laws: Laws, point: int, upto: float | None = None) -> LawLine:
    """psi_k of `point` from the smallest sampled size to the largest, or to `upto` where that lies beyond.

    Raises NotFoundError where the laws do not hold the point.
    """
    one = _one(laws, _position(laws, point))
    k = _sizes(laws, upto)
    intervals = [one.psi_interval(size) for size in k]
    psi = np.array([one.psi(size)[0] for size in k])
    low, high = (np.array([ends[side][0] for ends in intervals]) for side in (0, 1))
    power_law = np.array([one.power_law(size)[0] for size in k]) if one.curve.size else None
    return LawLine(k, psi, low, high, power_law)


def rank_over_sizes(laws: Laws, point: int, upto: float | None = None) -> RankLine:
    """Rank of `point` by psi_k at sizes over the sampled range (to `upto` where that lies beyond).

    Equal values share the best rank. Raises NotFoundError where the laws do not hold the point or it has no law.
    """
    position = _position(laws, point)
    if not np.isfinite(laws.alpha[position]):
        raise NotFoundError(f"Point {point} has no law, so it has no rank. Its status says why.")
    fitted = np.isfinite(laws.alpha)
    k = _sizes(laws, upto)[::2]
    own = _one(laws, position)
    psi = [(laws.psi(size)[fitted], own.psi(size)[0]) for size in k]
    rank = np.array([1 + int((values > mine).sum()) for values, mine in psi], dtype=np.int64)
    return RankLine(k, rank, int(fitted.sum()))


def draws_and_law(
    sizes: IntVector,
    delta: NDArray[np.floating],
    line: LawLine,
    point: int,
    unit: str = "",
    at: float | None = None,
    means: tuple[FloatVector, FloatVector, FloatVector] | None = None,
    height: int = 380,
) -> go.Figure:
    """Draws of one point over k, ψ_k with its 90 % band, and (where known) means with one standard error and the power law
    that is closest to a curve.

    sizes, delta : (m,) sizes of the coalitions and the point's contributions; NaN where it was not valued
    means : sizes, means and standard errors of groups of draws
    """
    figure = go.Figure([_band(line), _draws(sizes, delta, point)])
    if means is not None:
        figure.add_trace(_means(*means, point))
    figure.add_scatter(
        x=line.k,
        y=line.psi,
        mode="lines",
        name="law ψ",
        line={"width": 3},
        customdata=np.full(line.k.size, point),
        hovertemplate="point %{customdata}<br>k = %{x:,.0f}<br>ψ = %{y:.3g}<extra>law</extra>",
    )
    if line.power_law is not None:
        figure.add_scatter(
            x=line.k,
            y=line.power_law,
            mode="lines",
            name="c·k^(−α)",
            line={"width": 2, "dash": "dot", "color": INK},
            customdata=np.full(line.k.size, point),
            hovertemplate="point %{customdata}<br>k = %{x:,.0f}<br>ψ = %{y:.3g}<extra>closest power law</extra>",
        )
    finish(figure, "dataset size k (points)", with_unit("contribution δ", unit) + ", positive helps", height, legend=True)
    figure.update_xaxes(**log_axis())
    figure.add_hline(y=0, line={"color": GUIDE, "width": 1.5})
    mark_size(figure, at)
    return figure


def rank_line(line: RankLine, point: int, at: float | None = None, height: int = 260) -> go.Figure:
    """Rank of a point over k; the best rank, 1, is at the top."""
    figure = go.Figure()
    figure.add_scatter(
        x=line.k,
        y=line.rank,
        mode="lines",
        line={"width": 3},
        customdata=np.full(line.k.size, point),
        hovertemplate=f"point %{{customdata}}<br>k = %{{x:,.0f}}<br>rank %{{y:,}} of {line.n:,}<extra></extra>",
    )
    finish(figure, "dataset size k (points)", f"rank of ψ (1 = best of {line.n:,})", height)
    figure.update_xaxes(**log_axis())
    ticks = sorted({1, *(max(1, round(line.n * share)) for share in (0.25, 0.5, 0.75, 1.0))})
    figure.update_yaxes(range=[1.03 * line.n, 1 - 0.04 * line.n], tickvals=ticks, tickformat=",d")
    mark_size(figure, at)
    return figure


def _draws(sizes: IntVector, delta: NDArray[np.floating], point: int) -> go.Scattergl:
    seen = np.isfinite(delta)
    return go.Scattergl(
        x=sizes[seen],
        y=delta[seen],
        mode="markers",
        name=f"draws ({int(seen.sum()):,})",
        marker={"size": 5, "opacity": 0.6},
        customdata=np.full(int(seen.sum()), point),
        hovertemplate="point %{customdata}<br>k = %{x:,}<br>δ = %{y:.3g}<extra>one draw</extra>",
    )


def _means(k: FloatVector, mean: FloatVector, error: FloatVector, point: int) -> go.Scatter:
    return go.Scatter(
        x=k,
        y=mean,
        error_y={"type": "data", "array": error, "color": INK, "thickness": 1.2, "width": 3},
        mode="markers",
        name="mean of draws ± 1 s.e.",
        marker={"size": 9, "symbol": "diamond"},
        customdata=np.full(len(mean), point),
        hovertemplate="point %{customdata}<br>k ≈ %{x:,.0f}<br>mean δ = %{y:.3g}<extra>mean of draws</extra>",
    )


def _band(line: LawLine) -> go.Scatter:
    return go.Scatter(
        x=np.concatenate([line.k, line.k[::-1]]),
        y=np.concatenate([line.high, line.low[::-1]]),
        fill="toself",
        fillcolor="rgba(128, 128, 128, 0.22)",
        line={"width": 0},
        mode="lines",
        name="90 % interval of ψ",
        hoverinfo="skip",
    )


def _position(laws: Laws, point: int) -> int:
    found = np.flatnonzero(laws.points == point)
    if found.size == 0:
        raise NotFoundError(f"Point {point} was not valued in this study. Pick a point from the table.")
    return int(found[0])


def _one(laws: Laws, position: int) -> Laws:
    """The laws of a single point: intervals over many sizes then cost nothing."""
    return laws.take(np.array([position]))


def _sizes(laws: Laws, upto: float | None) -> FloatVector:
    last = max(float(laws.max_size), upto or 0.0)
    return np.geomspace(min(float(laws.min_size), upto or np.inf), last, _STEPS)
