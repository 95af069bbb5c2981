"""Every loader of the app; what takes time is computed once and kept for all sessions.

Results are frozen records, so all sessions share one copy; nobody may write into them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dscale_core.errors import DataError
from pages._ui.caching import shared

if TYPE_CHECKING:
    import pandas as pd

    from dscale_core.curation import Addition, Choice, Verification
    from dscale_core.study import FitRecord, Study, StudySummary
    from dscale_core.types import Dataset, Draws, FloatMatrix, FloatVector, Laws
    from dscale_core.validation import AccuracyBySize, Coverage, LawComparison, LawSummary, QuantileCurve, SizeAgreement

__all__ = [
    "MeansBySize",
    "accuracy",
    "agreement",
    "agreement_at",
    "all_fits",
    "boundary_distance",
    "builtin_dataset",
    "cache_folder",
    "choice",
    "choice_table",
    "columns",
    "comparison",
    "coverage",
    "curves",
    "draws",
    "fits",
    "lack_of_fit",
    "laws",
    "means",
    "open_study",
    "picked",
    "rows",
    "studies",
    "summary",
    "unit",
    "verification",
]


@dataclass(frozen=True, eq=False)
class MeansBySize:
    """Means of the draws of every point in groups of sizes: size (g,), mean and standard_error (g, p)."""

    size: FloatVector
    mean: FloatMatrix
    standard_error: FloatMatrix


def cache_folder() -> str:
    """The cache folder this process works in, absolute."""
    return str(Path(os.environ.get("DSCALE_CACHE", "cache")).resolve())


def studies() -> list[StudySummary]:
    """All studies, newest first; read afresh on every rerun."""
    from dscale_core.study import Study

    return Study.list(cache_folder())


@shared(False, most=16)
def open_study(study_id: str, cache: str) -> Study:
    """The study, with its data set kept once it is loaded."""
    from dscale_core.study import Study

    return Study.open(study_id, cache)


def fits(study: Study) -> list[FitRecord]:
    """The newest fit of each method, newest first; read afresh on every rerun."""
    newest: dict[str, FitRecord] = {}
    for record in study.fits():
        newest.setdefault(record.method, record)
    return list(newest.values())


def all_fits(study: Study) -> list[FitRecord]:
    """Every fit, the oldest first; read afresh on every rerun."""
    return study.fits()[::-1]


def unit(study: Study) -> str:
    """The unit of the study's loss, and so of every contribution."""
    from dscale_core.learners import UTILITIES

    return UTILITIES[study.utility].unit


@shared("Loading the data set", most=8)
def builtin_dataset(name: str) -> Dataset:
    """A built-in data set."""
    from dscale_core.datasets import load_dataset

    return load_dataset(name)


@shared("Reading the laws", most=32)
def laws(study: Study, fit: FitRecord) -> Laws:
    """The laws of one fit."""
    return study.laws(fit.method, fit.id)


@shared("Reading the draws", most=6)
def draws(study: Study, role: str) -> Draws:
    """The draws registered so far in one sample set."""
    return study.draws(role)


@shared("Finding the decision boundary", most=16)
def boundary_distance(study: Study) -> FloatVector:
    """Signed distance of every pool point to a logistic decision boundary."""
    return study.boundary_distance()


@shared("Ranking the points", most=32)
def rows(study: Study, fit: FitRecord, k: int) -> pd.DataFrame:
    """The table of points at size k, the most useful first."""
    from dscale_core.figures import points_table

    table: pd.DataFrame = points_table(laws(study, fit), study.dataset, k)
    return table


@shared("Averaging the draws", most=8)
def means(study: Study, role: str) -> MeansBySize:
    """Means of the draws in ten groups of sizes, for all points."""
    from dscale_core.laws import group_means, size_groups

    drawn = draws(study, role)
    groups = size_groups(drawn.sizes)
    grouped = group_means(drawn.delta, groups)
    return MeansBySize(groups.size, grouped.mean, grouped.standard_error)


@shared("Comparing laws and draws", most=32)
def accuracy(study: Study, fit: FitRecord, role: str) -> AccuracyBySize:
    """Agreement of a fit with the means of a sample set, size by size."""
    from dscale_core.validation import accuracy_by_size

    fitted, drawn = _matched(study, fit, role)
    return accuracy_by_size(fitted, drawn.delta, drawn.sizes)


@shared(False, most=256)
def summary(study: Study, fit: FitRecord, role: str = "validation") -> LawSummary:
    """One fit in a line, with its mean R² against a sample set's draws where there are some of its points."""
    from dscale_core.validation import summarize_laws

    held = None
    if role in study.roles() and study.progress(role).done:
        with suppress(DataError):  # these draws are of other points
            held = accuracy(study, fit, role)
    return summarize_laws(laws(study, fit), held)


@shared("Comparing the fits", most=16)
def comparison(study: Study, one: FitRecord, other: FitRecord, k: int) -> LawComparison:
    """What changed between two fits, at size k."""
    from dscale_core.validation import compare_laws

    return compare_laws(laws(study, one), laws(study, other), k)


@shared("Comparing the fits", most=16)
def agreement(study: Study, chosen: list[FitRecord], k: int) -> FloatMatrix:
    """Rank correlation of ψ at size k between every two fits, (f, f)."""
    from dscale_core.validation import rank_agreement

    return rank_agreement([laws(study, fit) for fit in chosen], k)


@shared("Comparing laws and draws", most=32)
def agreement_at(study: Study, fit: FitRecord, role: str, k: int) -> SizeAgreement:
    """Predicted and measured values of all points at the size nearest to k."""
    from dscale_core.validation import agreement_at as at_size

    fitted, drawn = _matched(study, fit, role)
    return at_size(fitted, drawn.delta, drawn.sizes, k)


@shared("Counting what intervals hold", most=64)
def coverage(study: Study, fit: FitRecord, role: str, level: float) -> Coverage:
    """How often a fit's intervals hold the means of a sample set, size by size."""
    from dscale_core.validation import measure_coverage

    fitted, drawn = _matched(study, fit, role)
    return measure_coverage(fitted, drawn, level)


@shared("Comparing laws and draws", most=32)
def lack_of_fit(study: Study, fit: FitRecord, role: str) -> FloatVector:
    """Distance of each point's law from the means of a sample set, in their standard errors."""
    from dscale_core.laws import lack_of_fit as of_draws

    fitted, drawn = _matched(study, fit, role)
    return of_draws(fitted, drawn.delta, drawn.sizes)


@shared("Comparing laws and draws", most=32)
def curves(study: Study, fit: FitRecord, role: str) -> tuple[QuantileCurve, ...]:
    """Ten points at quantiles of alpha with their measured means."""
    from dscale_core.validation import quantile_curves

    fitted, drawn = _matched(study, fit, role)
    return quantile_curves(fitted, drawn.delta, drawn.sizes)


@shared("Ranking the points", most=32)
def picked(
    study: Study,
    fit: FitRecord,
    k: int,
    n: int,
    balance: str,
    goal: str,
    candidates: tuple[int, ...] | None,
    include_flagged: bool,
) -> pd.DataFrame:
    """The ranked pick by that very fit, whatever was fitted since."""
    options = {"balance": balance, "goal": goal, "candidates": candidates, "include_flagged": include_flagged}
    return study.pick(k, n, fit.method, fit.id, **options)


@shared("Reading the columns", most=16)
def columns(study: Study) -> dict[str, list[str]]:
    """The records' columns of few values, and these."""
    from dscale_core.curation import columns_with_few_values

    return columns_with_few_values(study.dataset)


@shared("Reading the list", most=32)
def choice(study: Study, choice_id: str) -> Choice:
    """A kept list."""
    return study.lists.load(choice_id)


@shared("Reading the list", most=32)
def choice_table(study: Study, choice_id: str, fit: FitRecord | None) -> pd.DataFrame:
    """A kept list as a table, with the laws of a fit where there is one."""
    from dscale_core.curation import list_table

    table: pd.DataFrame = list_table(choice(study, choice_id), study.dataset, None if fit is None else laws(study, fit))
    return table


@shared("Reading the verification", most=32)
def verification(study: Study, choice_id: str, verification_id: str) -> Verification:
    """The newest verification of a list, which has that id."""
    del verification_id  # it tells a newer one from those kept here
    return study.lists.verification(choice_id)


@shared("Reading the experiment", most=16)
def addition(study: Study, addition_id: str) -> Addition:
    """A kept addition experiment."""
    return study.additions.load(addition_id)


def _matched(study: Study, fit: FitRecord, role: str) -> tuple[Laws, Draws]:
    """Laws and draws of the same points in the same order."""
    fitted, drawn = laws(study, fit), draws(study, role)
    if fitted.points.tolist() != drawn.points.tolist():
        raise DataError(f"The {role} draws and the fit are of different points. Sample the points that were fitted.")
    return fitted, drawn
