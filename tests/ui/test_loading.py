"""The loaders give what the core gives, for the very fit and the draws that are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy import toy_dataset

from dscale_core import SamplingPlan, Study, make_learner, pick
from dscale_core.errors import DataError
from pages._ui import loading


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Twelve points with two fits of one method, on 12 and on 24 coalitions."""
    plan = SamplingPlan(points=tuple(range(12)), min_size=10, max_size=60, draws=12)
    made = Study.create(toy_dataset(n=80, d=3), make_learner("logistic"), plan, tmp_path)
    made.sample()
    made.fit("log_linear")
    made.add_samples(replace(plan, draws=24), role="fit")
    made.sample()
    made.fit("log_linear")
    return made


def test_a_study_is_opened_once_in_each_folder(study: Study, tmp_path: Path) -> None:
    found = loading.open_study(study.id, str(tmp_path))
    assert (found.id, found.cache) == (study.id, study.cache)
    assert loading.open_study(study.id, str(tmp_path)) is found


def test_laws_and_picks_are_of_the_fit_that_is_named(study: Study) -> None:
    new, old = study.fits()
    assert (new.method, old.method) == ("log_linear", "log_linear")
    np.testing.assert_array_equal(loading.laws(study, old).alpha, study.laws(fit_id=old.id).alpha)
    assert not np.array_equal(loading.laws(study, old).alpha, loading.laws(study, new).alpha, equal_nan=True)
    picked = {fit.id: loading.picked(study, fit, 40, 5, "free", "add", None, True) for fit in (new, old)}
    for fit in (new, old):
        expected = pick(study.laws(fit_id=fit.id), study.dataset, 40, 5, balance="free", include_flagged=True)
        pd.testing.assert_frame_equal(picked[fit.id], expected)
    assert not picked[new.id].equals(picked[old.id])


def test_draws_are_read_again_when_more_were_drawn(study: Study) -> None:
    before = loading.draws(study, "fit")
    assert loading.draws(study, "fit") is before
    means = loading.means(study, "fit")
    study.add_samples(replace(study.plan, draws=30), role="fit")
    study.sample()
    assert (before.sizes.size, loading.draws(study, "fit").sizes.size) == (24, 30)
    assert loading.means(study, "fit") is not means


def test_a_summary_holds_the_fit_against_validation_draws_once_there_are_some(study: Study) -> None:
    fit = study.fits()[0]
    assert np.isnan(loading.summary(study, fit).mean_r2)
    study.add_samples(replace(study.plan, draws=20, seed=1))
    assert np.isnan(loading.summary(study, fit).mean_r2)
    study.sample(role="validation")
    r2 = loading.accuracy(study, fit, "validation").r2
    assert loading.summary(study, fit).mean_r2 == pytest.approx(float(r2[np.isfinite(r2)].mean()))


def test_draws_of_other_points_are_refused(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = study.fits()[0]
    others = study.laws(fit_id=fit.id).take(np.arange(5))
    monkeypatch.setattr(study, "laws", lambda *_: others)
    with pytest.raises(DataError, match="of different points"):
        loading.accuracy(study, fit, "fit")
