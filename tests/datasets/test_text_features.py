"""Text columns: the reduction against scikit-learn, pool-only fitting, bad texts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from dscale_core.datasets import read_table
from dscale_core.datasets.text import encode_text
from dscale_core.errors import DataError

WORDS = {
    "sea": ["ship", "wave", "harbour", "sail", "captain", "anchor"],
    "field": ["plough", "wheat", "cow", "barn", "tractor", "seed"],
}


def make_texts(n: int = 80, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    labels = ["sea", "field"] * (n // 2)
    texts = [" ".join(random.choice(WORDS[label] + ["the", "old", "and"], 12)) for label in labels]
    return pd.DataFrame({"story": texts, "length": random.normal(size=n), "label": labels})


def test_components_match_scikit_learn_up_to_sign() -> None:
    texts = make_texts()["story"].tolist()
    pool = np.arange(0, 80, 2)
    encoded = encode_text("story", texts, pool, seed=0)
    vectorizer = TfidfVectorizer(min_df=2, sublinear_tf=True).fit([texts[row] for row in pool])
    weights = vectorizer.transform(texts)
    scores = TruncatedSVD(encoded.X.shape[1], algorithm="arpack", random_state=0).fit(weights[pool]).transform(weights)
    wanted = (scores - scores[pool].mean(axis=0)) / np.sqrt(scores[pool].var(axis=0).mean())
    signs = np.sign((wanted * encoded.X).sum(axis=0))
    np.testing.assert_allclose(encoded.X[:, :5], (wanted * signs)[:, :5], atol=1e-6)


def test_features_names_notes_and_seed() -> None:
    frame = make_texts()
    dataset = read_table(frame, text="story", seed=2)
    assert dataset.feature_names[:3] == ("length", "story[0]", "story[1]")
    np.testing.assert_allclose(dataset.X_pool.mean(axis=0), 0, atol=1e-9)
    assert dataset.X_pool[:, 0].std() == pytest.approx(1)  # the number column
    assert dataset.X_pool[:, 1:].var(axis=0).mean() == pytest.approx(1)  # the text's, together
    assert any("on one common scale" in note for note in dataset.notes)
    assert read_table(frame, text="story", seed=2).fingerprint == dataset.fingerprint
    assert dataset.records["story"].tolist() == frame.loc[dataset.records.index, "story"].tolist()


def test_rows_outside_the_pool_never_shape_the_reduction() -> None:
    frame = make_texts()
    first = read_table(frame, text="story")
    outside = ~frame.index.isin(first.records.index)
    frame.loc[outside, "story"] = "quite unseen words appear here"
    np.testing.assert_array_equal(first.X_pool, read_table(frame, text="story").X_pool)


def test_text_separates_what_it_tells_apart() -> None:
    dataset = read_table(make_texts().drop(columns="length"), text="story")
    code = np.where(dataset.y_pool == 1, 1.0, -1.0)
    best = max(abs(np.corrcoef(column, code)[0, 1]) for column in dataset.X_pool.T)
    assert best > 0.9


def test_components_keep_their_strengths_so_that_few_texts_teach() -> None:
    """Texts of forty words of which two tell the class: from thirty of them a logistic regression learns, unlike from
    components that are all made equally strong."""
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 600)
    chance = [f"word{i}" for i in range(300)]
    texts = [" ".join([*random.choice(WORDS[("sea", "field")[label]], 2), *random.choice(chance, 40)]) for label in labels]
    pool, rest = np.arange(300), np.arange(300, 600)
    X = encode_text("story", texts, pool, seed=0).X
    spread = X[pool].std(axis=0)
    assert spread.max() > 1.3 * np.median(spread)
    losses = []
    for scaled in (X, X / spread):
        fitted = [LogisticRegression(max_iter=1000).fit(scaled[t], labels[t]) for t in np.split(pool, 10)]
        losses.append(np.mean([log_loss(labels[rest], model.predict_proba(scaled[rest])) for model in fitted]))
    assert losses[0] < losses[1] - 0.02
    assert losses[0] < np.log(2)


def test_missing_texts_are_empty() -> None:
    frame = make_texts()
    frame.loc[::10, "story"] = None
    assert np.isfinite(read_table(frame, text="story").X_pool).all()


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([None] * 40, "fewer than two different words"),
        (["word"] * 40, "fewer than two different words"),
        (["!!! ??"] * 40, "fewer than two different words"),
        (["the same words"] * 40, "says the same in every row"),
    ],
)
def test_texts_that_say_nothing(texts: list[str | None], said: str) -> None:
    frame = pd.DataFrame({"story": texts, "label": [0, 1] * 20})
    with pytest.raises(DataError, match=said):
        read_table(frame, text="story")


def test_rank_deficient_texts_give_no_noise_components() -> None:
    frame = pd.DataFrame({"story": ["red blue", "green blue", "red green"] * 20, "label": [0, 1] * 30})
    dataset = read_table(frame, text="story")
    assert dataset.n_features == 2
