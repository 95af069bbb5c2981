"""Draw the figures of ``docs/method.md`` from a small seeded study: ``python -m docs.tools.draw_figures [--out FOLDER]``.

Handwritten digits 0–4 against 5–9, logistic regression: 20 draws that laws are fitted to, 200 for the picture of single
points, and 250 draws at each of three sizes that no fit sees. It takes about a minute; matplotlib comes with
``requirements-docs.txt``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dscale_core as ds
from dscale_core.laws import GroupMeans, group_means, size_groups
from dscale_core.sampling import surrogate_draws
from dscale_core.types import Learner

__all__ = ["FIGURES", "Material", "draw_all", "gather"]

FOLDER = Path(__file__).resolve().parents[1] / "figures"
BLUE, ORANGE, GREEN, GREY = "#2C6FA8", "#D4762C", "#2F8F6F", "#8FA3B3"
SIZES = (100, 300, 900)


@dataclass(frozen=True, eq=False)
class Material:
    """What all figures are drawn from."""

    dataset: ds.Dataset
    learner: Learner
    draws: ds.Draws  # 200 coalitions
    laws: ds.Laws  # of all of them
    few: dict[str, ds.Laws]  # of the first 20, by how they were fitted
    sizes: tuple[int, int, int]  # the smallest, a middle and the largest size
    held: GroupMeans  # of draws at these sizes that no fit saw


def gather(
    dataset: ds.Dataset,
    points: tuple[int, ...] | Literal["all"] = "all",
    sizes: tuple[int, int, int] = SIZES,
    n_draws: int = 200,
    n_held: int = 250,
    n_few: int = 20,
    fit: Callable[[ds.Dataset, Learner, ds.Draws], ds.Laws] = ds.fit,
) -> Material:
    """Sample and fit; the dataset's pool must be larger than the largest of the sizes."""
    learner = ds.make_learner("logistic")
    draws = ds.sample(dataset, learner, ds.SamplingPlan(points, min_size=sizes[0], max_size=sizes[-1], draws=n_draws))
    first = draws.rows(np.arange(n_few))
    few = {
        "ds.fit": fit(dataset, learner, first),
        "ds.fit_laws, likelihood": ds.fit_laws(first.delta, first.sizes, method="likelihood"),
    }
    held = ds.sample(dataset, learner, ds.SamplingPlan(points, sizes=sizes, draws=n_held, seed=99))
    means = group_means(held.delta, size_groups(held.sizes))
    return Material(dataset, learner, draws, fit(dataset, learner, draws), few, sizes, means)


def single_points(material: Material, figure: Figure) -> None:
    """Draws, law and interval of a point that fades fast, one that lasts and one that harms."""
    laws, draws, middle = material.laws, material.draws, material.sizes[1]
    k = np.geomspace(laws.min_size, laws.max_size, 60)
    sound = np.flatnonzero((laws.status == "ok") & (np.abs(laws.psi(middle)) > np.quantile(np.abs(laws.psi(middle)), 0.7)))
    helps, harms = sound[laws.c[sound] > 0], sound[laws.c[sound] < 0]
    chosen = {
        "fades fast": helps[np.argsort(laws.alpha[helps])[-len(helps) // 20]],
        "lasts": helps[np.argsort(laws.alpha[helps])[len(helps) // 20]],
        "harms": harms[np.argsort(laws.psi(middle)[harms])[len(harms) // 20]],
    }
    for axes, (name, i), colour in zip(figure.subplots(1, 3), chosen.items(), (BLUE, GREEN, ORANGE), strict=True):
        axes.plot(draws.sizes, 1e3 * draws.delta[:, i], ".", color=GREY, alpha=0.6, ms=3, label="draws")
        low, high = np.transpose([[end[i] for end in laws.psi_interval(float(size))] for size in k])
        axes.fill_between(k, 1e3 * low, 1e3 * high, color=colour, alpha=0.25, lw=0)
        axes.plot(k, [1e3 * laws.psi(float(size))[i] for size in k], color=colour, label="law, 90 % interval")
        axes.axhline(0, color="black", lw=0.6)
        axes.set(xscale="log", title=f"point {laws.points[i]} {name}: α = {laws.alpha[i]:.2f}", xlabel="size k")
    figure.axes[0].set_ylabel("contribution δ, 10⁻³ nats")
    figure.axes[0].legend(frameon=False, fontsize=8)


def changing_ranks(material: Material, figure: Figure) -> None:
    """Who is best depends on the size: the leading points at either end, at all sizes."""
    laws, (first, _, last) = material.laws, material.sizes
    sound = np.flatnonzero(laws.status == "ok")
    leading = {k: set(sound[np.argsort(-laws.psi(float(k))[sound])[:8]].tolist()) for k in (first, last)}
    k = np.geomspace(laws.min_size, laws.max_size, 50)
    psi = np.stack([laws.psi(float(size)) for size in k])
    axes = figure.subplots()
    for i in sorted(leading[first] | leading[last]):
        ends = (i in leading[first], i in leading[last])
        axes.plot(k, 1e3 * psi[:, i], color=GREEN if all(ends) else BLUE if ends[0] else ORANGE, lw=1.4)
    for colour, name in (
        (BLUE, f"top 8 at k = {first} only"),
        (ORANGE, f"top 8 at k = {last} only"),
        (GREEN, "at both"),
    ):
        axes.plot([], [], color=colour, label=name)
    axes.set(xscale="log", yscale="log", xlabel="size k", ylabel="ψ_k, 10⁻³ nats")
    axes.legend(frameon=False, fontsize=8)


def surrogate_and_exact(material: Material, figure: Figure) -> None:
    """The surrogate of single draws, beside the exact contributions of the same coalitions."""
    draws = material.draws
    assert draws.plan is not None
    found = surrogate_draws(material.dataset, material.learner, draws.plan, "log_loss", draws.coalitions[:2], draws.points)
    assert found is not None
    for axes, row in zip(figure.subplots(1, 2), (0, 1), strict=True):  # the smallest and the largest coalition come first
        exact, near = 1e3 * draws.delta[row], 1e3 * found.own[row]
        ends = [np.nanmin(exact), np.nanmax(exact)]
        axes.plot(ends, ends, color="black", lw=0.6)
        axes.plot(exact, near, ".", color=BLUE, ms=3, alpha=0.5)
        axes.set(title=f"one coalition of k = {draws.sizes[row]}", xlabel="exact δ, 10⁻³ nats")
    figure.axes[0].set_ylabel("surrogate S, 10⁻³ nats")


def held_out(material: Material, figure: Figure) -> None:
    """Laws of 20 draws against means of draws that no fit saw."""
    grid = figure.subplots(len(material.few), len(material.sizes), squeeze=False)
    for row, (name, laws) in zip(grid, material.few.items(), strict=True):
        for axes, k, mean in zip(row, material.sizes, material.held.mean, strict=True):
            _predicted(axes, 1e3 * mean, 1e3 * laws.psi(k))
            axes.set_title(f"{name}, k = {k}")
        row[0].set_ylabel("law of 20 draws, 10⁻³ nats")
    for axes in grid[-1]:
        axes.set_xlabel("mean of held-out draws, 10⁻³ nats")


def _predicted(axes: Axes, mean: np.ndarray, psi: np.ndarray) -> None:
    both = np.isfinite(mean) & np.isfinite(psi)
    mean, psi = mean[both], psi[both]
    ends = np.quantile(mean, [0.002, 0.998])
    r2 = 1 - np.mean((mean - psi) ** 2) / np.var(mean)
    axes.plot(ends, ends, color="black", lw=0.6)
    axes.plot(mean, psi, ".", color=BLUE, ms=2.5, alpha=0.4)
    axes.set(xlim=ends * 1.1, ylim=ends * 1.1)
    axes.text(0.04, 0.9, f"R² = {r2:.2f}", transform=axes.transAxes)


FIGURES: dict[str, tuple[Callable[[Material, Figure], None], tuple[float, float]]] = {
    "single-points": (single_points, (9.0, 2.9)),
    "changing-ranks": (changing_ranks, (5.6, 3.2)),
    "surrogate": (surrogate_and_exact, (7.0, 3.0)),
    "held-out": (held_out, (8.6, 5.2)),
}


def draw_all(material: Material, folder: Path) -> list[Path]:
    """Write every figure as PNG; returns the files."""
    written = []
    with mpl.rc_context(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25}
    ):
        for name, (draw, size) in FIGURES.items():
            figure = Figure(figsize=size, layout="constrained")
            draw(material, figure)
            written.append(folder / f"{name}.png")
            # no version and no date in the file: drawn again from equal numbers it is the same
            figure.savefig(written[-1], dpi=110, metadata={"Software": None})
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="docs.tools.draw_figures", description="Draw the figures of docs/method.md.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder (default: docs/figures)")
    for path in draw_all(gather(ds.load_dataset("digits_low_high")), parser.parse_args().out):
        print(path)
