"""The registry of estimators: what there is, what it needs, and an estimator from outside."""

import numpy as np
import pytest
from reference import known_draws, laws_of

from dscale_core.errors import ArgumentError, MissingPackageError
from dscale_core.laws import METHODS, check_method, describe_method, fit_laws, guided_methods, list_methods, register_method
from dscale_core.laws.problem import Guide, Problem
from dscale_core.types import Laws


@pytest.fixture(autouse=True)
def _same_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))


def own_fit(problem: Problem) -> Laws:
    """ψ_k = 1 / k for every point, whatever was drawn."""
    return laws_of(np.ones(problem.n_points), 1.0)


def fit_of_one(problem: Problem) -> Laws:
    """One law, however many points there are."""
    return laws_of([problem.center], 1.0)


def no_laws(problem: Problem) -> list[float]:
    """No laws at all."""
    return [problem.center]


def two_arguments(problem: Problem, more: int) -> Laws:
    """No estimator: it wants more than the problem."""
    raise AssertionError((problem, more))


def test_the_default_comes_first_and_each_is_described() -> None:
    names = list_methods()
    assert names[0] == "shrinkage"
    assert sorted(names) == ["amortized", "likelihood", "log_linear", "shrinkage", "two_term"]
    for name in names:
        info = describe_method(name)
        assert info.name == name
        assert info.summary.endswith(".")
        assert info.guided == (name in ("shrinkage", "amortized"))
        assert info.featured == (name == "amortized")
        assert info.needs == ("torch" if name == "amortized" else "")
        assert info.missing == ""
        check_method(name)
    assert guided_methods() == ["shrinkage", "amortized"]


def test_a_package_that_is_missing_is_said_and_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dscale_core.extras.is_installed", lambda package: package != "torch")
    assert "torch" in describe_method("amortized").missing
    assert describe_method("shrinkage").missing == ""
    with pytest.raises(MissingPackageError, match='method "amortized" needs torch'):
        check_method("amortized")
    check_method("shrinkage")


def test_an_unknown_name_is_answered_with_the_list_and_what_may_have_been_meant() -> None:
    for ask in (describe_method, check_method, lambda name: fit_laws(np.ones((4, 1)), [1, 2, 3, 4], name)):
        with pytest.raises(ArgumentError, match=r"^method must be one of shrinkage, likelihood") as caught:
            ask("likelyhood")
        assert "'likelihood'" in str(caught.value)
        assert '"shrinkage" is the default' in str(caught.value)


def test_shrinkage_is_what_fits_unless_said() -> None:
    known = known_draws(4, 12, 98)
    one, other = fit_laws(known.delta, known.sizes), fit_laws(known.delta, known.sizes, "shrinkage")
    assert one.method == "shrinkage"
    np.testing.assert_array_equal(one.c, other.c)


def test_an_estimator_from_outside_is_used_under_its_name() -> None:
    register_method("own", own_fit, summary="Mine.", guided=True)
    assert list_methods()[-1] == "own"
    assert guided_methods()[-1] == "own"
    assert describe_method("own").summary == "Mine."
    assert not describe_method("own").featured
    check_method("own")
    laws = fit_laws(np.ones((5, 3)), np.arange(10, 15), "own")
    assert laws.method == "own"
    np.testing.assert_allclose(laws.psi(20), 1 / 20)
    register_method("plain", own_fit, summary="Also mine.", featured=True)
    assert guided_methods()[-1] == "own"
    assert describe_method("plain").featured


def test_all_that_is_given_reaches_the_estimator() -> None:
    seen: list[Problem] = []

    def told(share: float) -> None:
        raise AssertionError(share)

    register_method("own", own_fit, summary="Mine.")
    entry = METHODS.entry("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(METHODS, "load", lambda _entry: lambda problem: seen.append(problem) or own_fit(problem))
        guide = Guide(np.array([10.0, 14.0]), np.ones((2, 3)))
        fit_laws(
            np.ones((5, 3)), np.arange(10, 15), "own", passes=[0, 0, 1, 1, 2], features=np.eye(3), groups=list("aba"),
            targets=[1, 2, 3], on_progress=told, guide=guide,
        )  # fmt: skip
    problem = seen[0]
    assert entry.foreign
    assert problem.guide is guide
    assert problem.on_progress is told
    assert problem.passes is not None
    assert problem.passes.tolist() == [0, 0, 1, 1, 2]
    assert problem.groups is not None
    assert problem.groups.tolist() == [0, 1, 0]
    assert problem.targets is not None
    assert problem.targets.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(problem.features, np.eye(3))


@pytest.mark.parametrize("fit", [fit_of_one, no_laws, two_arguments])
def test_what_is_no_estimator_is_refused(fit: object) -> None:
    register_method("own", fit, summary="Mine.")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="test_methods:"):
        fit_laws(np.ones((5, 3)), np.arange(10, 15), "own")


def test_a_taken_name_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^name must be new"):
        register_method("shrinkage", own_fit, summary="Mine.")
