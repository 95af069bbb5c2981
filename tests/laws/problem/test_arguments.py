"""What an estimator is given: units of the sizes, codes for labels, and a refusal of whatever does not go together."""

from typing import Any

import numpy as np
import pytest

from dscale_core.errors import ArgumentError
from dscale_core.laws.problem import Guide, Problem, make_problem

DELTA = np.arange(10.0).reshape(5, 2)
SIZES = np.array([10.0, 20.0, 40.0, 80.0, 160.0])


def _made(**changed: Any) -> Problem:
    return make_problem(**({"delta": DELTA, "sizes": SIZES} | changed))


def test_sizes_are_centred_at_their_geometric_mean() -> None:
    problem = _made()
    assert problem.center == pytest.approx(40.0)
    np.testing.assert_allclose(problem.x, np.log(2) * np.array([-2, -1, 0, 1, 2]), atol=1e-12)
    np.testing.assert_array_equal(problem.sizes, SIZES)
    assert problem.n_points == 2
    own = _made(sizes=np.stack([SIZES, 4 * SIZES], axis=1))
    assert own.center == pytest.approx(80.0)
    np.testing.assert_allclose(own.x[:, 1], np.log(SIZES / 20.0))


def test_a_size_of_one_is_a_size() -> None:
    problem = _made(sizes=[1, 1, 2, 2, 4])
    assert problem.sizes.min() == 1.0
    assert problem.sizes.dtype == np.float64


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.int32, np.float64),
        (np.float16, np.float64),
        (bool, np.float64),
    ],
)
def test_draws_keep_their_precision_and_whole_numbers_become_floats(given: type, kept: type) -> None:
    problem = _made(delta=DELTA.astype(given))
    assert problem.delta.dtype == kept
    assert _made(delta=DELTA.astype(np.float16)).delta.dtype == np.float64
    np.testing.assert_array_equal(problem.delta, DELTA.astype(given).astype(kept))


def test_labels_become_codes_in_their_order() -> None:
    problem = _made(passes=[7, 7, 3, 9, 3], groups=["b", "a"])
    assert problem.passes is not None
    assert problem.groups is not None
    assert problem.passes.tolist() == [1, 1, 0, 2, 0]
    assert problem.groups.tolist() == [1, 0]
    assert problem.passes.dtype == problem.groups.dtype == np.int64


def test_what_is_not_given_is_none_and_the_rest_is_passed_on() -> None:
    plain = _made()
    for name in ("passes", "features", "groups", "targets", "on_progress", "guide"):
        assert getattr(plain, name) is None
    seen: list[float] = []
    guide = Guide(np.array([10.0, 160.0]), np.zeros((2, 2)), control=np.zeros((5, 2)))
    full = _made(features=[[1, 2, 3], [4, 5, 6]], targets=[1, 2], on_progress=seen.append, guide=guide)
    assert full.features is not None
    assert full.targets is not None
    assert full.features.dtype == full.targets.dtype == np.float64
    assert full.features.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert full.targets.tolist() == [1, 2]
    assert full.guide is guide
    assert full.on_progress == seen.append


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("delta", np.arange(5.0)),
        ("delta", np.zeros((5, 2, 1))),
        ("delta", np.zeros((0, 2))),
        ("delta", np.zeros((5, 0))),
        ("delta", np.full((5, 2), "a")),
        ("delta", np.full((5, 2), 1j)),
        ("sizes", SIZES[:4]),
        ("sizes", np.zeros((2, 5)) + 10),
        ("sizes", np.r_[SIZES[:4], np.nan]),
        ("sizes", np.r_[SIZES[:4], np.inf]),
        ("sizes", np.r_[SIZES[:4], 0.99]),
        ("passes", [0, 1]),
        ("passes", [[0, 1, 2, 3, 4]]),
        ("groups", [0, 1, 2, 3, 4]),
        ("features", [1.0, 2.0]),
        ("features", np.zeros((5, 2))),
        ("features", [[1.0], [np.inf]]),
        ("targets", [1.0]),
        ("targets", [1.0, np.nan]),
        ("guide", Guide(np.array([10.0, 160.0]), np.zeros((2, 3)))),
        ("guide", Guide(np.array([10.0, 160.0]), np.zeros((2, 2)), control=np.zeros((4, 2)))),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(argument: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument} must") as caught:
        _made(**{argument: value})
    assert caught.value.argument == argument
