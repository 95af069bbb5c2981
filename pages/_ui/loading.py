"""Every cached loader of the app, keyed by cache folder, study and fit: never by an array or a frame.

Results are frozen records, so all sessions share one copy; nobody may write into them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

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
    "comparison",
    "coverage",
    "curves",
    "draws",
    "fits",
    "laws",
    "means",
    "open_study",
    "picked",
    "point_r2",
    "rows",
    "studies",
    "summary",
    "unit",
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


def open_study(study_id: str) -> Study:
    """The study, with its data set kept once it is loaded."""
    return _study(cache_folder(), study_id)


def fits(study: Study) -> list[FitRecord]:
    """The newest fit of each method, newest first; read afresh on every rerun."""
    newest: dict[str, FitRecord] = {}
    for record in study.fits():
        newest.setdefault(record.method, record)
    return list(newest.values())


def all_fits(study: Study) -> list[FitRecord]:
    """Every fit, the oldest first; read afresh on every rerun."""
    return study.fits()[::-1]


def builtin_dataset(name: str) -> Dataset:
    """A built-in data set."""
    return _builtin(name)


def unit(study: Study) -> str:
    """The unit of the study's loss, and so of every contribution."""
    from dscale_core.learners import UTILITIES

    return UTILITIES[study.utility].unit


def laws(study: Study, fit: FitRecord) -> Laws:
    """The laws of one fit."""
    return _laws(str(study.cache), study.id, fit.id, fit.method)


def draws(study: Study, role: str) -> Draws:
    """The draws registered so far in one sample set."""
    return _draws(str(study.cache), study.id, role, study.progress(role).done)


def boundary_distance(study: Study) -> FloatVector:
    """Signed distance of every pool point to a logistic decision boundary."""
    return _distance(str(study.cache), study.id)


def rows(study: Study, fit: FitRecord, k: int) -> pd.DataFrame:
    """The table of points at size k, the most useful first."""
    return _rows(str(study.cache), study.id, fit.id, fit.method, k)


def means(study: Study, role: str) -> MeansBySize:
    """Means of the draws in ten groups of sizes, for all points."""
    return _means(str(study.cache), study.id, role, study.progress(role).done)


def accuracy(study: Study, fit: FitRecord, role: str) -> AccuracyBySize:
    """Agreement of a fit with the means of a sample set, size by size."""
    return _accuracy(str(study.cache), study.id, fit.id, fit.method, role, study.progress(role).done)


def summary(study: Study, fit: FitRecord) -> LawSummary:
    """One fit in a line, with its mean R² against validation draws where there are some of its points."""
    n_unseen = study.progress("validation").done if "validation" in study.roles() else 0
    return _summary(str(study.cache), study.id, fit.id, fit.method, n_unseen)


def comparison(study: Study, one: FitRecord, other: FitRecord, k: int) -> LawComparison:
    """What changed between two fits, at size k."""
    return _comparison(str(study.cache), study.id, one.id, one.method, other.id, other.method, k)


def agreement(study: Study, chosen: list[FitRecord], k: int) -> FloatMatrix:
    """Rank correlation of ψ at size k between every two fits, (f, f)."""
    return _agreement(str(study.cache), study.id, tuple((fit.id, fit.method) for fit in chosen), k)


def agreement_at(study: Study, fit: FitRecord, role: str, k: int) -> SizeAgreement:
    """Predicted and measured values of all points at the size nearest to k."""
    return _agreement_at(str(study.cache), study.id, fit.id, fit.method, role, study.progress(role).done, k)


def coverage(study: Study, fit: FitRecord, role: str, level: float) -> Coverage:
    """How often a fit's intervals hold the means of a sample set, size by size."""
    return _coverage(str(study.cache), study.id, fit.id, fit.method, role, study.progress(role).done, level)


def point_r2(study: Study, fit: FitRecord, role: str) -> FloatVector:
    """R² of each point's law against the means of a sample set."""
    return _point_r2(str(study.cache), study.id, fit.id, fit.method, role, study.progress(role).done)


def curves(study: Study, fit: FitRecord, role: str) -> tuple[QuantileCurve, ...]:
    """Ten points at quantiles of alpha with their measured means."""
    return _curves(str(study.cache), study.id, fit.id, fit.method, role, study.progress(role).done)


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
    """The ranked pick."""
    return _picked(str(study.cache), study.id, fit.id, fit.method, k, n, balance, goal, candidates, include_flagged)


@st.cache_resource(show_spinner=False, max_entries=16)
def _study(cache: str, study_id: str) -> Study:
    from dscale_core.study import Study

    return Study.open(study_id, cache)


@st.cache_resource(show_spinner="Loading the data set", max_entries=8)
def _builtin(name: str) -> Dataset:
    from dscale_core.datasets import load_dataset

    return load_dataset(name)


@st.cache_resource(show_spinner="Reading the laws", max_entries=32)
def _laws(cache: str, study_id: str, fit_id: str, method: str) -> Laws:
    return _study(cache, study_id).laws(method, fit_id)


@st.cache_resource(show_spinner="Reading the draws", max_entries=6)
def _draws(cache: str, study_id: str, role: str, done: int) -> Draws:  # noqa: ARG001  (done is part of the key)
    return _study(cache, study_id).draws(role)


@st.cache_resource(show_spinner="Finding the decision boundary", max_entries=16)
def _distance(cache: str, study_id: str) -> FloatVector:
    return _study(cache, study_id).boundary_distance()


@st.cache_resource(show_spinner="Ranking the points", max_entries=32)
def _rows(cache: str, study_id: str, fit_id: str, method: str, k: int) -> pd.DataFrame:
    from dscale_core.figures import points_table

    table: pd.DataFrame = points_table(_laws(cache, study_id, fit_id, method), _study(cache, study_id).dataset, k)
    return table


@st.cache_resource(show_spinner="Averaging the draws", max_entries=8)
def _means(cache: str, study_id: str, role: str, done: int) -> MeansBySize:
    from dscale_core.laws import group_means, size_groups

    drawn = _draws(cache, study_id, role, done)
    groups = size_groups(drawn.sizes)
    grouped = group_means(drawn.delta, groups)
    return MeansBySize(groups.size, grouped.mean, grouped.standard_error)


@st.cache_resource(show_spinner="Comparing laws and draws", max_entries=32)
def _accuracy(cache: str, study_id: str, fit_id: str, method: str, role: str, done: int) -> AccuracyBySize:
    from dscale_core.validation import accuracy_by_size

    fitted, drawn = _matched(cache, study_id, fit_id, method, role, done)
    return accuracy_by_size(fitted, drawn.delta, drawn.sizes)


@st.cache_resource(show_spinner=False, max_entries=256)
def _summary(cache: str, study_id: str, fit_id: str, method: str, n_unseen: int) -> LawSummary:
    from dscale_core.validation import summarize_laws

    held = None
    if n_unseen:
        with suppress(DataError):  # these draws are of other points
            held = _accuracy(cache, study_id, fit_id, method, "validation", n_unseen)
    return summarize_laws(_laws(cache, study_id, fit_id, method), held)


@st.cache_resource(show_spinner="Comparing the fits", max_entries=16)
def _comparison(
    cache: str, study_id: str, one_id: str, one_method: str, other_id: str, other_method: str, k: int
) -> LawComparison:
    from dscale_core.validation import compare_laws

    one, other = _laws(cache, study_id, one_id, one_method), _laws(cache, study_id, other_id, other_method)
    return compare_laws(one, other, k)


@st.cache_resource(show_spinner="Comparing the fits", max_entries=16)
def _agreement(cache: str, study_id: str, chosen: tuple[tuple[str, str], ...], k: int) -> FloatMatrix:
    from dscale_core.validation import rank_agreement

    return rank_agreement([_laws(cache, study_id, *fit) for fit in chosen], k)


@st.cache_resource(show_spinner="Comparing laws and draws", max_entries=32)
def _agreement_at(cache: str, study_id: str, fit_id: str, method: str, role: str, done: int, k: int) -> SizeAgreement:
    from dscale_core.validation import agreement_at

    fitted, drawn = _matched(cache, study_id, fit_id, method, role, done)
    return agreement_at(fitted, drawn.delta, drawn.sizes, k)


@st.cache_resource(show_spinner="Counting what intervals hold", max_entries=64)
def _coverage(cache: str, study_id: str, fit_id: str, method: str, role: str, done: int, level: float) -> Coverage:
    from dscale_core.validation import measure_coverage

    fitted, drawn = _matched(cache, study_id, fit_id, method, role, done)
    return measure_coverage(fitted, drawn, level)


@st.cache_resource(show_spinner="Comparing laws and draws", max_entries=32)
def _point_r2(cache: str, study_id: str, fit_id: str, method: str, role: str, done: int) -> FloatVector:
    from dscale_core.validation import r2_per_point

    fitted, drawn = _matched(cache, study_id, fit_id, method, role, done)
    return r2_per_point(fitted, drawn.delta, drawn.sizes)


@st.cache_resource(show_spinner="Comparing laws and draws", max_entries=32)
def _curves(cache: str, study_id: str, fit_id: str, method: str, role: str, done: int) -> tuple[QuantileCurve, ...]:
    from dscale_core.validation import quantile_curves

    fitted, drawn = _matched(cache, study_id, fit_id, method, role, done)
    return quantile_curves(fitted, drawn.delta, drawn.sizes)


@st.cache_resource(show_spinner="Ranking the points", max_entries=32)
def _picked(
    cache: str,
    study_id: str,
    fit_id: str,  # noqa: ARG001  (part of the key)
    method: str,
    k: int,
    n: int,
    balance: str,
    goal: str,
    candidates: tuple[int, ...] | None,
    include_flagged: bool,
) -> pd.DataFrame:
    options = {"balance": balance, "goal": goal, "candidates": candidates, "include_flagged": include_flagged}
    return _study(cache, study_id).pick(k, n, method=method, **options)


def _matched(cache: str, study_id: str, fit_id: str, method: str, role: str, done: int) -> tuple[Laws, Draws]:
    """Laws and draws of the same points in the same order."""
    fitted, drawn = _laws(cache, study_id, fit_id, method), _draws(cache, study_id, role, done)
    if fitted.points.tolist() != drawn.points.tolist():
        raise DataError(f"The {role} draws and the fit are of different points. Sample the points that were fitted.")
    return fitted, drawn
