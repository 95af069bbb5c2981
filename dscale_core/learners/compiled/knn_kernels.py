"""Compiled loops of the nearest-neighbour engine; the mathematics stands in `knn`.

Both tasks are one: a neighbour i adds weight x value[i] to the vote of code[i]. In classification the value is 1 and the
code the class; in regression the value is the target and there is one code.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from dscale_core.learners.compiled.jit_flags import allow

__all__ = ["MEMBER", "UTILITY_CODES", "WANTED", "Labels", "Rule", "add_changes", "distances"]

MEMBER, WANTED = 1, 2  # states of a pool point; 0 is neither
UTILITY_CODES: dict[str, int] = {"log_loss": 0, "brier": 1, "accuracy": 2, "paper_log_loss": 3, "mse": 4}
# Least probability in a log loss, as in `utility`: test_knn.py::test_without_smoothing_the_floor_of_the_utility_holds
_FLOOR = float(np.finfo(np.float64).eps)
_COMPILED: dict[str, Any] = {"cache": True, **allow()}


class Labels(NamedTuple):
    """Codes and values of some points."""

    code: Any  # (n,) int64
    value: Any  # (n,) float64


class Rule(NamedTuple):
    """How neighbours vote and what their vote is measured by."""

    utility: int
    n_codes: int
    n_neighbors: int
    by_distance: bool
    smoothing: float


@njit(cache=True, **allow("contract", "reassoc"))
def distances(rows: Any, pool: Any, out: Any) -> None:
    """Euclidean distances, (rows, n): by differences, so that a duplicate is at zero and equal distances stay equal."""
    for v in range(rows.shape[0]):
        row = rows[v]
        for i in range(pool.shape[0]):
            point, total = pool[i], 0.0
            for j in range(row.size):
                total += (row[j] - point[j]) * (row[j] - point[j])
            out[v, i] = math.sqrt(total)


@njit(**_COMPILED)
def add_changes(order: Any, distance: Any, state: Any, labels: Labels, own: Labels, rule: Rule, out: Any, base: Any) -> None:
    """Add every wanted candidate's loss change, summed over valuation rows, to ``out`` (n,); set each row's ``base``.

    order, distance : (rows, depth) pool points by distance, then by index. A row whose list is too short to tell who its
        neighbours are gets base NaN and adds nothing.
    """
    size = int(np.sum(state == 1))
    after = min(size + 1, rule.n_neighbors)
    votes, nothing = np.zeros(rule.n_codes), np.zeros(rule.n_codes)
    for v in range(order.shape[0]):
        stop = _reach(order[v], state, size, rule.n_neighbors)
        if stop < 0:
            base[v] = np.nan
            continue
        total, exact = _tally(order[v, :stop], distance[v, :stop], state, labels, rule.by_distance, votes)
        code, value = own.code[v], own.value[v]
        if size < rule.n_neighbors:
            before = _loss(rule, votes, total, 0, 0.0, 0.0, code, value, size)
        else:
            # the farthest neighbour, whose place a nearer candidate takes
            i = order[v, stop]
            weight, _ = _weight(distance[v, stop], rule.by_distance, exact)
            before = _loss(rule, votes, total, labels.code[i], labels.value[i], weight, code, value, rule.n_neighbors)
        base[v] = before
        for j in range(stop):
            i = order[v, j]
            if state[i] == 2:
                weight, alone = _weight(distance[v, j], rule.by_distance, exact)
                kept, whole = (nothing, 0.0) if alone else (votes, total)
                out[i] += _loss(rule, kept, whole, labels.code[i], labels.value[i], weight, code, value, after) - before


@njit(**_COMPILED)
def _reach(order: Any, state: Any, size: int, n_neighbors: int) -> int:
    """Where in a list the farthest of ``n_neighbors`` members stands; the list's length where all members count.

    -1 where the list is too short to tell.
    """
    if size < n_neighbors:
        return int(order.size) if order.size == state.size else -1
    found = 0
    for j in range(order.size):
        if state[order[j]] == 1:
            found += 1
            if found == n_neighbors:
                return j
    return -1


@njit(**_COMPILED)
def _tally(order: Any, distance: Any, state: Any, labels: Labels, by_distance: bool, votes: Any) -> tuple[float, bool]:
    """Write the members' votes to ``votes``; returns their total weight and whether one is at distance zero."""
    votes[:] = 0.0
    total, exact = 0.0, False
    for j in range(order.size):
        i = order[j]
        if state[i] == 1:
            weight, alone = _weight(distance[j], by_distance, exact)
            exact = exact or alone
            votes[labels.code[i]] += weight * labels.value[i]
            total += weight
    return total, exact


@njit(**_COMPILED)
def _weight(distance: float, by_distance: bool, exact: bool) -> tuple[float, bool]:
    """Weight of a neighbour, and whether it silences the others: the first at distance zero does.

    ``exact`` says that one at distance zero votes already. As in scikit-learn zero is what has no finite inverse.
    """
    if not by_distance:
        return 1.0, False
    weight = 1.0 / distance
    if math.isinf(weight):
        return 1.0, not exact
    return (0.0 if exact else weight), False


@njit(**_COMPILED)
def _loss(
    rule: Rule, votes: Any, total: float, code: int, value: float, weight: float, own: int, target: float, count: int
) -> float:
    """Loss of a row when ``count`` neighbours vote: those in ``votes`` and one more of weight ``weight``."""
    if rule.utility == 4:
        return float(((votes[0] + weight * value) / (total + weight) - target) ** 2)
    # one division for the commonest case: (p count + e) / (count + e c) with p = votes / weight
    votes_of_own, sum_of_weights = votes[own] + (weight if code == own else 0.0), total + weight
    whole = sum_of_weights * (count + votes.size * rule.smoothing)
    share = (votes_of_own * count + rule.smoothing * sum_of_weights) / whole
    if rule.utility == 0:
        return -math.log(max(share, _FLOOR))
    best, most, squares, exponentials = 0, -1.0, 0.0, 0.0
    for c in range(votes.size):
        vote = votes[c] + (weight if code == c else 0.0)
        probability = (vote * count + rule.smoothing * sum_of_weights) / whole
        squares += (probability - (1.0 if c == own else 0.0)) ** 2
        exponentials += math.exp(probability)
        if vote > most:
            best, most = c, vote
    if rule.utility == 1:
        return squares / 2
    if rule.utility == 2:
        return 0.0 if best == own else 1.0
    return float(math.log(exponentials) - share)
