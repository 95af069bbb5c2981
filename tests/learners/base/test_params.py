"""Parameters say what they may be; what a registry line says is what its learner accepts."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from toy import toy_dataset

from dscale_core.errors import ArgumentError
from dscale_core.learners import Param, describe_learner, list_learners, make_learner, registry

NAN, INF = float("nan"), float("inf")
CASES = [
    (Param(1.0, above=0), "positive", (1, 0.1, np.float64(2)), (0, -1.0, NAN, INF, True, "1", None)),
    (Param(0.0, low=0), "zero or positive", (0, 0.5), (-1e-9, INF)),
    (Param(1.5), "a number", (-3, 2.5), (NAN, "x")),
    (Param(0.5, low=0.25, high=1), "a number of at least 0.25 and at most 1", (0.25, 1), (0.2, 1.01)),
    (Param(0.5, above=0, high=1), "a number of more than 0 and at most 1", (0.01, 1), (0, 1.1)),
    (Param(3, low=1), "a whole number of at least 1", (1, np.int64(7)), (0, 1.0, True, "2", None)),
    (Param(7), "a whole number", (-1, 7), (7.0, "7")),
    (Param(0, low=0, high=2**32 - 1), "a whole number of at least 0 and at most 4294967295", (2**32 - 1,), (2**32, -1)),
    (Param("a", choices=("a", "b")), '"a" or "b"', ("a", "b"), ("c", "", None, 1)),
    (Param("a", choices=("a", "b", "c")), "one of a, b, c", ("c",), ("d",)),
    (Param(2, choices=(1, 2, 4)), "one of 1, 2, 4", (1, 4), (3, 1.0, True, "1")),
    (Param("auto", choices=("auto",), above=0), 'positive or "auto"', ("auto", 3, 0.1), (0, "other", NAN)),
    (Param(None, choices=(None,), low=1, kind="whole"), "a whole number of at least 1 or None", (None, 1), (0, 1.5, "")),
    (Param(True), "True or False", (True, False), (1, 0, None, "True")),
    (Param("text"), "a word", ("", "other"), (1, None)),
    (Param((8, 4), kind="any"), "a plain value", ((1,), "x", None, NAN), ()),
]


@pytest.mark.parametrize(("param", "requirement", "good", "bad"), CASES, ids=lambda case: str(case)[:40])
def test_a_parameter_says_what_it_may_be_and_checks_it(
    param: Param, requirement: str, good: tuple[Any, ...], bad: tuple[Any, ...]
) -> None:
    assert param.requirement == requirement
    for value in (param.default, *good):
        param.check("it", value)
    for value in bad:
        with pytest.raises(ArgumentError) as refused:
            param.check("it", value)
        assert str(refused.value) == f"it must be {requirement}; got {value!r}. Use {param.default!r}, the default."


def test_a_default_that_it_may_not_be_is_refused() -> None:
    for declared in ({"default": 0.0, "above": 0}, {"default": "c", "choices": ("a", "b")}, {"default": 1, "kind": "flag"}):
        with pytest.raises(ArgumentError, match="default must be"):
            Param(**declared)


@pytest.mark.parametrize("name", list_learners())
def test_a_line_comes_back_from_plain_values(name: str) -> None:
    info = describe_learner(name)
    assert registry._read(json.loads(json.dumps(asdict(info)))) == info


def _values(param: Param) -> tuple[list[Any], list[Any]]:
    """Values at the edges of what it may be, and just beyond."""
    good, bad = [param.default, *param.choices], ["no such word", True]
    step = 1 if param.kind == "whole" else 1e-6
    for end, outward in ((param.low, -1), (param.high, 1)):
        if end is not None:
            good.append(type(step)(end))
            bad.append(type(step)(end + outward * step))
    if param.above is not None:
        good.append(param.above + 1e-6)
        bad.append(float(param.above))
    if param.takes_numbers:
        bad += [NAN, INF] if param.kind == "number" else [2.5]
    return good, bad


@pytest.mark.parametrize("name", list_learners())
def test_what_a_line_says_is_checked_before_the_learner_is_made(name: str) -> None:
    for param, declared in describe_learner(name).params.items():
        good, bad = _values(declared)
        for value in good:
            assert make_learner(name, **{param: value}).params[param] == value
        for value in bad:
            with pytest.raises(ArgumentError, match=f"{param} must be"):
                make_learner(name, **{param: value})


@pytest.mark.parametrize("name", [name for name in list_learners() if describe_learner(name).exact])
def test_a_line_says_what_the_engines_own_checks_say(name: str) -> None:
    kind = registry.LEARNERS.load(registry.LEARNERS.entry(name))
    for param, declared in describe_learner(name).params.items():
        good, bad = _values(declared)
        for value in good:
            kind(**{param: value})
        for value in bad:
            if value is True or isinstance(value, str):
                continue  # the engines' own checks of types differ: 1.0 == True, and "x" > 0 is Python's own error
            with pytest.raises(ArgumentError, match=f"{param} must be"):
                kind(**{param: value})


@pytest.mark.parametrize("name", [name for name in list_learners() if not describe_learner(name).exact])
def test_scikit_learn_accepts_what_a_line_says(name: str) -> None:
    dataset = toy_dataset(n=60, d=3)
    for param, declared in describe_learner(name).params.items():
        for value in _values(declared)[0]:
            found = make_learner(name, **{param: value}).contributions(dataset, np.arange(55), np.array([57]))
            assert np.isfinite(found.delta).all()
