"""A column of text as features: TF-IDF, reduced by a truncated SVD, on one common scale; all fitted on the pool's rows.

Each component to unit variance would make the hundreds of weak ones, which are mostly chance, as loud as the few that tell
texts apart: on small training sets a linear learner then does hardly better than chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dscale_core.datasets.encode import Encoded
from dscale_core.datasets.scaling import is_constant, on_one_scale
from dscale_core.errors import DataError
from dscale_core.types import IntVector

__all__ = ["MAX_COMPONENTS", "encode_text"]

MAX_COMPONENTS = 256
_MAX_TERMS = 50_000


def encode_text(name: str, texts: Sequence[str], pool: IntVector, seed: int) -> Encoded:
    """At most 256 components of ``texts`` (N), named ``name[0]``, ``name[1]``, ...; largest first, centred in the pool, and
    all divided by one number, such that their mean variance there is 1.

    Terms of fewer than two pool texts are dropped where that leaves any. Raises DataError where the pool's texts
    hold fewer than two different words.
    """
    from sklearn.utils.extmath import randomized_svd

    weights = _tf_idf(name, texts, pool)
    n_components = min(MAX_COMPONENTS, weights.shape[1] - 1, pool.size - 1)
    # What TruncatedSVD computes, less its variance ratios: those divide by zero where all texts are the same.
    _, strengths, directions = randomized_svd(weights[pool], n_components, n_iter=5, random_state=seed)
    scores = np.asarray(weights @ directions.T, dtype=np.float64)
    # Beyond the rank of the pool's texts a component is rounding noise, which tells nothing.
    kept = [j for j in range(n_components) if strengths[j] > 1e-10 * strengths[0] and not is_constant(scores[pool, j])]
    if not kept:
        raise DataError(f"Text column {name!r} says the same in every row of the pool: choose another text column.")
    X = on_one_scale(scores[:, kept], pool)
    note = f"{name}: {weights.shape[1]} terms by TF-IDF, reduced to {len(kept)} components on one common scale."
    return Encoded(X, tuple(f"{name}[{j}]" for j in range(len(kept))), (note,))


def _tf_idf(name: str, texts: Sequence[str], pool: IntVector) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    of_pool = [texts[row] for row in pool]
    for fewest in (2, 1):
        vectorizer = TfidfVectorizer(min_df=fewest, max_features=_MAX_TERMS, sublinear_tf=True)
        try:
            vectorizer.fit(of_pool)
        except ValueError:  # scikit-learn's word for "no terms are left"
            continue
        if len(vectorizer.vocabulary_) >= 2:
            return vectorizer.transform(texts)
    raise DataError(f"Text column {name!r} holds fewer than two different words: choose another text column.")
