"""The sampler: spans of coalitions in, draws out, on one process or many.

Workers are pure functions of (dataset, learner, plan, span) and return arrays; nothing they do depends on which of them does
it, on how spans are cut or on what ran before. The linear algebra runs on one thread in every worker: more would change the
order of sums with the machine, and the coalitions themselves are the better unit of parallelism. On a cluster the same calls
run on joblib's Dask backend, chosen by ``joblib.parallel_config``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from uuid import uuid4

import numpy as np
from threadpoolctl import threadpool_limits

from dscale_core.errors import ArgumentError
from dscale_core.sampling.bound_plan import BoundPlan
from dscale_core.sampling.coalitions import Coalitions
from dscale_core.sampling.plan import check_plan, resolve_plan, valued_points
from dscale_core.sampling.spans import Span
from dscale_core.types import Dataset, Draws, Learner, SamplingPlan, default_utility

__all__ = ["SampledSpan", "sample", "sample_spans"]

_CHUNK_SECONDS = 1.0
_CHUNK_CELLS = 4_000_000  # a chunk's matrix stays below 16 MB


@dataclass(frozen=True, eq=False)
class SampledSpan:
    """The draws of one span of coalitions, rows in coalition order."""

    span: Span
    draws: Draws


def sample(dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str | None = None, n_jobs: int = 1) -> Draws:
    """All draws of a plan. A utility of None follows the task: ``log_loss`` for classes, ``mse`` for targets.

    Returns Draws: delta (m, p) float32 in the unit of the utility (positive helps), NaN only where a point is in the
    coalition or, where these are drawn anew for each coalition, among its valuation rows; `Draws.valuation` says which. The
    same for every ``n_jobs``. Raises what `check_plan` raises, before anything runs.

    >>> import dscale_core as ds
    >>> plan = ds.SamplingPlan(points=range(30), min_size=20, max_size=80, draws=8)
    >>> draws = sample(ds.load_dataset("breast_cancer"), ds.make_learner("logistic"), plan)
    >>> draws.delta.shape, draws.sizes.tolist()
    ((8, 30), [20, 80, 40, 28, 57, 24, 48, 34])
    """
    utility = default_utility(dataset.task) if utility is None else utility
    check_plan(dataset, learner, plan, utility)
    plan = resolve_plan(dataset, learner, plan, utility)
    coalitions, points = Coalitions(dataset, plan), valued_points(dataset, plan)
    m = len(coalitions)
    delta, base_loss = np.empty((m, points.size), dtype=np.float32), np.empty(m)
    for part in sample_spans(dataset, learner, plan, utility, [Span(0, m)], n_jobs):
        rows = slice(part.span.start, part.span.stop)
        delta[rows], base_loss[rows] = part.draws.delta, part.draws.base_loss
    return Draws(delta, coalitions.sizes, coalitions.passes, points, base_loss, plan=plan, utility=utility)


def sample_spans(
    dataset: Dataset,
    learner: Learner,
    plan: SamplingPlan,
    utility: str,
    spans: Sequence[Span],
    n_jobs: int = 1,
) -> Iterator[SampledSpan]:
    """Draws of some spans, cut into chunks of about a second, in the order in which they get done.

    Raises ArgumentError for ``n_jobs`` below 1. Closing the iterator stops the work after the chunks that are under way.
    """
    if n_jobs < 1:
        raise ArgumentError("n_jobs", "be at least 1", n_jobs, "Use 1, or the number of cores.")
    work = _Work(uuid4().hex, _lean(dataset), learner, plan, utility)
    if n_jobs == 1:
        yield from _in_process(work.prepare(), spans)
        return
    from joblib import Parallel, delayed

    length = _chunk_length(work.prepare(), learner.exact)
    chunks = [chunk for span in spans for chunk in span.cut(length)]
    run = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=2 * n_jobs)
    yield from run(delayed(_sample_in_worker)(work, chunk) for chunk in chunks)


@dataclass(frozen=True)
class _Work:
    """One call of the sampler; equal where the token is, so that a worker prepares it once."""

    token: str
    dataset: Dataset = field(compare=False)
    learner: Learner = field(compare=False)
    plan: SamplingPlan = field(compare=False)
    utility: str = field(compare=False)

    def prepare(self) -> _Prepared:
        return _Prepared(BoundPlan(self.dataset, self.learner, self.plan, self.utility))


@dataclass(frozen=True, eq=False)
class _Prepared:
    bound: BoundPlan

    def sample(self, span: Span) -> SampledSpan:
        """The draws of one span, on one thread."""
        coalitions, points = self.bound.coalitions, self.bound.points
        delta, base_loss = np.empty((len(span), points.size), dtype=np.float32), np.empty(len(span))
        with threadpool_limits(limits=1):
            for row, j in enumerate(range(span.start, span.stop)):
                found = self.bound.engine_of(j).contributions(coalitions.members(j), points)
                delta[row], base_loss[row] = found.delta, found.base_loss
        rows = slice(span.start, span.stop)
        sizes, passes = coalitions.sizes[rows], coalitions.passes[rows]
        numbers = np.arange(span.start, span.stop)
        return SampledSpan(span, Draws(delta, sizes, passes, points, base_loss, numbers))

    def chunk_length(self, seconds_each: float) -> int:
        """Coalitions that make a chunk of about a second and of moderate size."""
        by_time = _CHUNK_SECONDS / max(seconds_each, 1e-4)
        return max(1, int(min(by_time, _CHUNK_CELLS / max(self.bound.points.size, 1), 64)))


_prepared = lru_cache(maxsize=1)(_Work.prepare)


def _sample_in_worker(work: _Work, span: Span) -> SampledSpan:
    return _prepared(work).sample(span)


def _in_process(prepared: _Prepared, spans: Sequence[Span]) -> Iterator[SampledSpan]:
    length = 1
    for span in spans:
        at = span.start
        while at < span.stop:
            chunk = Span(at, min(at + length, span.stop))
            began = time.perf_counter()
            yield prepared.sample(chunk)
            length = prepared.chunk_length((time.perf_counter() - began) / len(chunk))
            at = chunk.stop


def _chunk_length(prepared: _Prepared, exact: bool) -> int:
    """Coalitions a chunk, from one timed coalition; one at a time where every contribution is a refit."""
    if not exact:
        return 1
    first = Span(0, 1)
    prepared.sample(first)  # compiles and warms
    began = time.perf_counter()
    prepared.sample(first)
    return prepared.chunk_length(time.perf_counter() - began)


def _lean(dataset: Dataset) -> Dataset:
    """The dataset without what sampling never reads: it travels to the workers with every chunk.

    The records go altogether, not even an empty frame is left: unpickling one would load pandas into every worker.
    """
    nothing = np.empty((0, dataset.n_features))
    return replace(dataset, records=None, X_test=nothing, y_test=dataset.y_test[:0])  # type: ignore[arg-type]
