"""Reliability, computed beside the page: asked for on several pages, measured once."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study
    from dscale_core.validation import Reliability

__all__ = ["ask_reliability"]


def ask_reliability(study: Study, fit: FitRecord) -> Future[Reliability | None]:
    """`Study.reliability` by the estimator of a fit, for the draws that there are now."""
    token = ("reliability", str(study.cache), study.id, study.progress().done, fit.method)
    return background.ask("reliability", token, partial(study.reliability, fit.method))
