"""The facade: what it draws equals what the sampler draws, however often it is stopped; all of it comes back."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dscale_core import datasets, learners, sampling
from dscale_core.errors import ArgumentError, DscaleError, NotFoundError, StoreError
from dscale_core.study import Progress, Study, evidence
from dscale_core.study import study as study_module
from dscale_core.types import Dataset, Draws, Laws, Learner, SamplingPlan

POINTS = tuple(range(0, 120, 3))
PLAN = SamplingPlan(points=POINTS, min_size=20, max_size=60, draws=24, seed=3, valuation="fixed")


@pytest.fixture(scope="module")
def cancer() -> Dataset:
    return datasets.load_dataset("breast_cancer")


@pytest.fixture(scope="module")
def logistic() -> Learner:
    return learners.make_learner("logistic", C=0.5)


@pytest.fixture(scope="module")
def undisturbed(cancer: Dataset, logistic: Learner) -> Draws:
    return sampling.sample(cancer, logistic, PLAN, "log_loss")


@pytest.fixture
def study(cancer: Dataset, logistic: Learner, cache: Path) -> Study:
    return Study.create(cancer, logistic, PLAN, cache, name="a study")


@pytest.fixture
def single_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of one coalition, the last one first: the sampler promises no order and no length."""
    real = sampling.sample_spans

    def rows(dataset: Any, learner: Any, plan: Any, utility: str, spans: Any, n_jobs: int = 1) -> Iterator[Any]:
        for span in reversed(spans):
            for start in reversed(range(span.start, span.stop)):
                yield from real(dataset, learner, plan, utility, [sampling.Span(start, start + 1)], n_jobs)

    monkeypatch.setattr(study_module.sampling, "sample_spans", rows)


def _same(found: Draws, expected: Draws) -> None:
    for field in fields(Draws):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(other, np.ndarray):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
        else:
            assert one == other


def _stop_after(n_chunks: int) -> Callable[[], bool]:
    # the first question comes before the first chunk
    answers = iter([False] * n_chunks)
    return lambda: next(answers, True)


def test_a_study_is_found_again(study: Study, cancer: Dataset, cache: Path) -> None:
    back = Study.open(study.id)
    assert (back.id, back.name, back.utility, back.created) == (study.id, "a study", "log_loss", study.created)
    assert (back.plan, back.roles(), back.cache) == (PLAN, ("fit",), cache)
    assert (back.learner.name, dict(back.learner.params)) == ("logistic", {"C": 0.5})
    assert back.dataset.fingerprint == cancer.fingerprint
    np.testing.assert_array_equal(back.dataset.X_pool, cancer.X_pool)
    assert back.dataset.records.equals(cancer.records)
    [summary] = Study.list()
    assert summary == back.summary()
    assert (summary.n_points, summary.n_valued, summary.done, summary.total) == (cancer.n_points, len(POINTS), 0, 24)
    assert (summary.min_size, summary.max_size, summary.learner, summary.fits) == (20, 60, "logistic", ())


def test_every_learner_comes_back_with_its_parameters() -> None:
    for name in learners.list_learners():
        learner = learners.make_learner(name)
        stored = json.loads(json.dumps(dict(learner.params)))
        assert dict(learners.make_learner(name, **stored).params) == dict(learner.params)


def test_the_draws_are_the_samplers(study: Study, undisturbed: Draws) -> None:
    seen: list[Progress] = []
    _same(study.sample(on_progress=seen.append), undisturbed)
    assert seen[0] == Progress(0, 24)
    assert seen[-1] == study.progress() == Progress(24, 24)
    assert [p.done for p in seen] == sorted({p.done for p in seen})
    _same(Study.open(study.id).draws(), undisturbed)


@pytest.mark.usefixtures("single_rows")
def test_stopping_and_resuming_changes_nothing(study: Study, undisturbed: Draws) -> None:
    for expected in (5, 10, 15):
        progress = Study.open(study.id).sample_missing(should_stop=_stop_after(5))
        assert progress == study.progress() == Progress(expected, 24)
    partial = study.draws()
    _same(partial, undisturbed.rows(np.arange(9, 24)))
    assert partial.coalitions.tolist() == list(range(9, 24))
    _same(study.sample(), undisturbed)


@pytest.mark.usefixtures("single_rows")
def test_an_error_in_the_middle_keeps_what_is_done(
    study: Study, undisturbed: Draws, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = study_module.sampling.sample_spans

    def fail(*arguments: Any) -> Iterator[Any]:
        for count, chunk in enumerate(real(*arguments)):
            if count == 7:
                raise FloatingPointError("overflow")
            yield chunk

    with monkeypatch.context() as patch:
        patch.setattr(study_module.sampling, "sample_spans", fail)
        with pytest.raises(FloatingPointError):
            study.sample()
    assert study.progress() == Progress(7, 24)
    _same(study.sample(), undisturbed)


def test_a_full_disk_keeps_what_is_done(study: Study, undisturbed: Draws, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(StoreError, match="free some space and resume"):
            study.sample()
    assert study.progress() == Progress(0, 24)
    _same(study.sample(), undisturbed)


def test_sampling_a_finished_study_draws_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    first = study.sample()
    monkeypatch.delattr(study_module.sampling, "sample_spans")
    _same(study.sample(), first)


@pytest.mark.usefixtures("single_rows")
def test_damaged_chunks_are_reported_and_drawn_again(
    study: Study, undisturbed: Draws, caplog: pytest.LogCaptureFixture
) -> None:
    study.sample()
    files = sorted((study.cache / "studies" / study.id / "draws").rglob("*.npy"))
    files[3].write_bytes(b"\x93NUMPY")
    files[9].unlink()
    with caplog.at_level(logging.WARNING):
        partial = study.draws()
    left = np.delete(np.arange(24), [3, 9])
    assert partial.coalitions.tolist() == left.tolist()
    _same(partial, undisturbed.rows(left))
    assert study.progress() == Progress(22, 24)
    assert "Coalitions 3 to 3 were set aside" in caplog.text
    assert [shard.start for shard in study.damage()] == [3, 9]
    files[5].write_bytes(files[5].read_bytes()[:-4] + b"abcd")
    _same(study.sample(), undisturbed)
    assert [shard.start for shard in study.damage()] == [3, 9, 5]


@pytest.mark.usefixtures("single_rows")
def test_a_fit_after_damage_holds_each_draw_against_its_own_coalition(
    study: Study, undisturbed: Draws, cancer: Dataset, logistic: Learner
) -> None:
    study.sample()
    sorted((study.cache / "studies" / study.id / "draws").rglob("*.npy"))[0].unlink()
    fitted = study.fit("shrinkage")
    assert fitted.guided
    left = undisturbed.rows(np.arange(1, 24))
    expected = evidence.fit(cancer, logistic, left)
    np.testing.assert_array_equal(fitted.alpha, expected.alpha)
    # the surrogate of coalitions that were counted anew would be that of other coalitions
    renumbered = evidence.fit(cancer, logistic, replace(left, coalitions=np.arange(23)))
    assert not np.array_equal(fitted.alpha, renumbered.alpha, equal_nan=True)


def test_no_draws_no_fit_no_set(study: Study) -> None:
    with pytest.raises(NotFoundError, match="Sample it first"):
        study.draws()
    with pytest.raises(NotFoundError, match="Sample it first"):
        study.fit("likelihood")
    with pytest.raises(NotFoundError, match="Fit the laws first"):
        study.laws()
    with pytest.raises(NotFoundError, match="add_samples"):
        study.progress("validation")
    assert study.fits() == []
    assert study.last_audit() is None


def test_fits_are_kept_with_their_points(study: Study, cancer: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    real = evidence.law_methods.fit_laws

    def spy(delta: Any, sizes: Any, **options: Any) -> Laws:
        given.update(options)
        return real(delta, sizes, **options)

    monkeypatch.setattr(evidence.law_methods, "fit_laws", spy)
    draws = study.sample()
    fitted = study.fit("likelihood")
    np.testing.assert_array_equal(given["passes"], draws.passes)
    np.testing.assert_array_equal(given["groups"], cancer.y_pool[list(POINTS)])
    assert fitted.points.tolist() == list(POINTS)
    back = Study.open(study.id).laws()
    assert back.rows is not None
    assert fitted.rows is not None
    np.testing.assert_array_equal(back.rows.sizes, fitted.rows.sizes)
    np.testing.assert_array_equal(back.rows.deviation, fitted.rows.deviation)
    for name in (field.name for field in fields(Laws) if field.name != "rows"):
        np.testing.assert_array_equal(getattr(back, name), getattr(fitted, name))
    [record] = study.fits()
    assert (record.method, record.role, record.n_coalitions) == ("likelihood", "fit", 24)
    assert sum(record.status_counts.values()) == len(POINTS)
    assert study.summary().fits == ("likelihood",)


@pytest.mark.usefixtures("single_rows")
def test_a_fit_takes_the_draws_there_are(study: Study) -> None:
    study.sample_missing(should_stop=_stop_after(12))
    assert study.fit("likelihood").n_draws.max() == 12
    assert study.fits()[0].n_coalitions == 12


def test_validation_draws_are_a_set_of_their_own(study: Study, cancer: Dataset, logistic: Learner) -> None:
    plan = replace(PLAN, sizes=(30, 50), draws=3, seed=11)
    study.add_samples(plan)
    assert study.roles() == ("fit", "validation")
    assert study.plan_of("validation") == plan
    _same(study.sample(role="validation"), sampling.sample(cancer, logistic, plan, "log_loss"))
    assert (study.progress("validation"), study.progress()) == (Progress(6, 6), Progress(0, 24))


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, sizes=(20, 45, 30), draws=4)])
def test_more_draws_can_be_added_later(cancer: Dataset, logistic: Learner, cache: Path, plan: SamplingPlan) -> None:
    study, longer = Study.create(cancer, logistic, plan, cache), replace(plan, draws=plan.draws + 9)
    first = study.sample()
    study.add_samples(longer, role="fit")
    assert study.progress() == Progress(plan.n_coalitions, longer.n_coalitions)
    whole = study.sample()
    np.testing.assert_array_equal(whole.delta[: plan.n_coalitions], first.delta)
    _same(whole, sampling.sample(cancer, logistic, longer, "log_loss"))


@pytest.mark.parametrize(
    ("plan", "role", "message"),
    [
        (replace(PLAN, draws=20), "fit", "draws of 24 or more"),
        (replace(PLAN, draws=30, seed=4), "fit", "Change draws alone"),
        (replace(PLAN, sizes=(30, 40), draws=30), "fit", "Change draws alone"),
        (PLAN, "validation", "seed of its own"),
        (replace(PLAN, points="all", seed=9), "validation", "study's own points"),
        (replace(PLAN, seed=9), "../up", "no role"),
        (replace(PLAN, max_size=10**6, seed=9), "validation", "max_size"),
    ],
)
def test_sample_sets_that_would_not_be_sound(study: Study, plan: SamplingPlan, role: str, message: str) -> None:
    with pytest.raises(DscaleError, match=message):
        study.add_samples(plan, role)
    assert (study.roles(), study.plan) == (("fit",), PLAN)


def test_a_plan_that_cannot_run_leaves_nothing(cancer: Dataset, logistic: Learner, cache: Path) -> None:
    with pytest.raises(ArgumentError):
        Study.create(cancer, logistic, replace(PLAN, max_size=5000))
    with pytest.raises(ArgumentError):
        Study.create(cancer, logistic, PLAN, utility="mse")
    assert not cache.exists()


def test_audit_boundary_and_cost(study: Study, cancer: Dataset) -> None:
    report = study.audit(pairs=3)
    assert report.pairs == 3
    assert Study.open(study.id).last_audit() == report
    distance = study.boundary_distance()
    np.testing.assert_array_equal(distance, learners.boundary_distance(cancer))
    np.testing.assert_array_equal(Study.open(study.id).boundary_distance(), distance)
    assert study.estimate_cost().n_contributions > 0


def test_boundary_distances_are_computed_once(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    first = study.boundary_distance()
    monkeypatch.setattr(study_module.learners, "boundary_distance", None)
    np.testing.assert_array_equal(Study.open(study.id).boundary_distance(), first)


def test_picks_come_from_the_laws(study: Study) -> None:
    study.sample()
    study.fit("likelihood")
    frame = study.pick(50, 6, goal="add", balance="free")
    assert len(frame) == 6
    assert set(frame["point"]) <= set(POINTS)
    with pytest.raises(NotFoundError, match="shrinkage"):
        study.pick(50, 6, method="shrinkage")


def test_selections(study: Study) -> None:
    kept = study.save_selection([5, 2, 5], 2)
    selection = Study.open(study.id).load_selection(kept)
    assert (selection.points, selection.primary) == ((5, 2), 2)
    for points, primary in (([-1], None), ([0], 10**6)):
        with pytest.raises(ArgumentError, match="points must lie between"):
            study.save_selection(points, primary)
    with pytest.raises(NotFoundError):
        study.load_selection("../x")


def test_delete(study: Study, cancer: Dataset, logistic: Learner) -> None:
    other = Study.create(cancer, logistic, PLAN)
    assert [summary.id for summary in Study.list()] == [other.id, study.id]
    assert other.name == "breast_cancer, logistic"
    study.sample()
    study.delete()
    assert [summary.id for summary in Study.list()] == [other.id]
    with pytest.raises(NotFoundError, match="Choose another one"):
        study.summary()
    with pytest.raises(NotFoundError):
        Study.open(study.id)
    assert Study.open(other.id).dataset.n_points == cancer.n_points
