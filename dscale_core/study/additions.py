"""What a study knows of its laws' best points on random sets, `Study.additions`: the published addition experiment, kept."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from dscale_core import curation
from dscale_core.curation import Addition
from dscale_core.errors import NotFoundError
from dscale_core.store import AdditionRecord, Lists
from dscale_core.study.keeping import put_together, taken_apart
from dscale_core.types import Dataset, Laws, Learner

__all__ = ["AdditionRecord", "StudyAdditions"]


class StudyAdditions:
    """The addition experiments of one study, on disk. `Study.additions` is one; the constructor is not for callers.

    store : where they are kept; study_id, utility : the study's own
    dataset, learner : the study's, asked for when they are needed
    newest_fit : id and laws of the newest fit; None where there is none
    """

    def __init__(
        self,
        store: Lists,
        study_id: str,
        utility: str,
        dataset: Callable[[], Dataset],
        learner: Callable[[], Learner],
        newest_fit: Callable[[], tuple[str, Laws] | None],
    ) -> None:
        self._store, self._study_id, self._utility = store, study_id, utility
        self._dataset, self._learner, self._newest_fit = dataset, learner, newest_fit

    def measure(
        self,
        n: int = 100,
        small: int | None = None,
        large: int | None = None,
        repeats: int = 30,
        seed: int = 0,
        on_progress: Callable[[float], object] | None = None,
        n_jobs: int = 1,
    ) -> Addition:
        """Add the best by the newest fit, and random points, to random sets; measured on the test set, and kept.

        Arguments and errors as in `curation.add_to_random_sets`; raises NotFoundError without a fit.
        """
        newest = self._newest_fit()
        if newest is None:
            raise NotFoundError("This study has no fit to rank points by. Fit laws first.")
        fit_id, laws = newest
        started = perf_counter()
        found = curation.add_to_random_sets(
            self._dataset(), self._learner(), laws, n, small, large, repeats, self._utility, seed, on_progress, n_jobs
        )
        from dscale_core import __version__

        self._store.save_addition(
            self._study_id, taken_apart(found), fit_id=fit_id, n=int(n), small=int(found.sizes[0]),
            large=int(found.sizes[1]), repeats=repeats, seed=seed, verdict=found.verdict, seconds=perf_counter() - started,
            version=__version__,
        )  # fmt: skip
        return found

    def records(self) -> list[AdditionRecord]:
        """Records of all experiments, newest first; `load` loads any by its id."""
        return self._store.additions(self._study_id)

    def load(self, addition_id: str | None = None) -> Addition:
        """The newest experiment, or the one of that id. Raises NotFoundError."""
        return put_together(Addition, self._store.load_addition(self._study_id, addition_id))
