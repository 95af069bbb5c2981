"""``dscale choose`` and ``dscale verify``: a list for the set that is trained on today, and its proof on the test set."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dscale_core.commands.output import PercentMeter, write_out
from dscale_core.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from dscale_core.curation import NamedPoints, Verification
    from dscale_core.study import Study
    from dscale_core.types import Dataset

__all__ = ["add_choose", "add_verify"]


def add_choose(choose: argparse.ArgumentParser) -> None:
    """The options of ``choose``."""
    choose.add_argument("--study", required=True, metavar="ID")
    choose.add_argument("--goal", default="add", help="add, drop or swap (default: add)")
    choose.add_argument("-n", type=int, default=100, help="number of points at most (default: 100)")
    current = choose.add_mutually_exclusive_group()
    current.add_argument("-k", "--k", type=int, help="for a random set of k points (default: the study's current set)")
    current.add_argument("--current-rows", metavar="FILE", type=Path, help="for these rows: source row numbers, one a line")
    current.add_argument("--current-column", metavar="NAME=VALUE", help="for the rows with this value (NAME alone: yes)")
    choose.add_argument("--sets", type=int, default=1, help="with --k: for the mean of so many random sets (default: 1)")
    choose.add_argument("--shares", default="proportional", help="of classes: proportional, free or equal")
    choose.add_argument("--seed", type=int, default=0)
    choose.add_argument("--jobs", type=int, default=1, help="worker processes; the list is the same for any number")
    budget = choose.add_mutually_exclusive_group()
    budget.add_argument("--most-candidates", type=int, metavar="N", help="look at so many candidates, drawn by seed")
    budget.add_argument("--max-seconds", type=float, metavar="S", help="look at as many candidates as this time allows")
    choose.add_argument("--estimate", action="store_true", help="say how long it would take, and choose nothing")
    choose.add_argument("--json", action="store_true", help="print how the list was made and its points as JSON")
    choose.add_argument("--out", type=Path, help="CSV or .parquet file; a .json beside it says how the list was made")
    choose.set_defaults(run=_choose)


def add_verify(verify: argparse.ArgumentParser) -> None:
    """The options of ``verify``."""
    verify.add_argument("--study", required=True, metavar="ID")
    verify.add_argument("--choice", metavar="ID", help="the list (default: the newest)")
    verify.add_argument("--repeats", type=int, default=30, help="draws of each arm that is random (default: 30)")
    verify.add_argument("--seed", type=int, default=0)
    verify.add_argument("--jobs", type=int, default=1, help="worker processes (default: 1)")
    verify.add_argument("--json", action="store_true", help="print arms and verdict as JSON")
    verify.set_defaults(run=_verify)


def _choose(options: argparse.Namespace) -> None:
    from dscale_core.curation import export_json, promise_in_words
    from dscale_core.study import Study

    study = Study.open(options.study, options.cache)
    if options.current_rows or options.current_column:
        named = _named(study.dataset, options)
        study.set_current(named.points, named.source)
    if options.out is not None and options.out.suffix == ".json":
        raise ArgumentError("--out", "be a .csv or .parquet file", repr(str(options.out)), "A .json is written beside it.")
    asked = {"seed": options.seed, "k": options.k, "n_sets": options.sets, "n_jobs": options.jobs}
    most = _most_candidates(study, options, asked)
    if options.estimate:
        return
    meter = PercentMeter("choosing")
    found = study.choose(
        options.goal, options.n, shares=options.shares, on_progress=meter, most_candidates=most, **asked
    )  # fmt: skip
    meter.end()
    record = study.lists.records()[0]
    said = promise_in_words(found, _unit(study))
    if options.out is not None:
        _write_files(study, record.id, options.out, quiet=options.json)
    if options.json:
        facts = study.lists.describe(record.id) | {"points": found.points.tolist(), "in_words": said}
        write_out(export_json(facts), None)
        return
    # the table alone is standard output where it has no file
    where = sys.stderr if options.out is None else sys.stdout
    print(f"{record.id}: {record.source}\n{said}", file=where)
    if options.out is None:
        write_out(_table(study, record.id, parquet=False), None)


def _most_candidates(study: Study, options: argparse.Namespace, asked: dict[str, Any]) -> int | None:
    """How many candidates are looked at; says the estimate where it was asked for, or where each candidate is a fit."""
    from dscale_core.curation import estimate_in_words

    most: int | None = options.most_candidates
    if not options.estimate and options.max_seconds is None and study.learner.exact:
        return most
    found = study.lists.estimate(options.goal, options.n, most_candidates=most, **asked)
    print(estimate_in_words(found, study.learner.exact), file=sys.stdout if options.estimate else sys.stderr)
    if options.max_seconds is None or found.seconds <= options.max_seconds:
        return most
    most = found.within(options.max_seconds)
    if most is None:
        got = f"{options.max_seconds:g} seconds for {options.n} points"
        raise ArgumentError("--max-seconds", "allow to look at as many candidates as are asked for", got, "Ask for fewer.")
    print(f"Within {options.max_seconds:g} s: {most:,} of them are looked at, drawn by seed; --most-candidates {most} gives "
          "this list again on any machine.", file=sys.stderr)  # fmt: skip
    return most


def _named(dataset: Dataset, options: argparse.Namespace) -> NamedPoints:
    from dscale_core.curation import points_by_column, points_by_rows, read_row_ids

    if options.current_column:
        name, given, value = options.current_column.partition("=")
        return points_by_column(dataset, name, value if given else None)
    path: Path = options.current_rows
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Could not read {path}: {error}. Name a text or CSV file of row numbers.") from error
    return points_by_rows(dataset, read_row_ids(text), f"the rows in {path.name}")


def _write_files(study: Study, choice_id: str, out: Path, quiet: bool) -> None:
    from dscale_core.curation import export_json

    write_out(_table(study, choice_id, out.suffix == ".parquet"), out, quiet)
    write_out(export_json(study.lists.describe(choice_id)), out.with_suffix(".json"), quiet)


def _table(study: Study, choice_id: str, parquet: bool) -> bytes:
    from dscale_core.curation import export_csv, export_parquet

    return (export_parquet if parquet else export_csv)(study.lists.table(choice_id))


def _verify(options: argparse.Namespace) -> None:
    from dscale_core.curation import export_json
    from dscale_core.study import Study

    study = Study.open(options.study, options.cache)
    meter = PercentMeter("verifying")
    found = study.verify(options.choice, repeats=options.repeats, seed=options.seed, on_progress=meter, n_jobs=options.jobs)
    meter.end()
    if options.json:
        write_out(export_json(_facts(study, options.choice, found)), None)
        return
    _print_arms(found, _unit(study))
    print(found.verdict)


def _print_arms(found: Verification, unit: str) -> None:
    from dscale_core.curation import two_digits

    print(f"{'arm':<9} {f'gain ({unit}; 95 %)':<34} {'beyond random points (95 %)':<34} accuracy")
    gains = zip(found.gain, found.low, found.high, strict=True)
    beyond = zip(found.over_random, found.over_random_low, found.over_random_high, strict=True)
    for arm, own, over, accuracy in zip(found.arms, gains, beyond, found.accuracy, strict=True):
        said = [
            f"{two_digits(mean, '+')} ({two_digits(low, '+')} to {two_digits(high, '+')})" if mean == mean else "-"
            for mean, low, high in (own, over)
        ]
        print(f"{arm:<9} {said[0]:<34} {said[1]:<34} {f'{accuracy:+.4f}' if accuracy == accuracy else '-'}")


def _facts(study: Study, choice_id: str | None, found: Verification) -> dict[str, Any]:
    record = study.lists.verifications(choice_id)[0]
    worth = None if found.worth is None else {name: getattr(found.worth, name) for name in ("number", "low", "high")}
    arms = found.to_frame().to_dict("records")
    return asdict(record) | {"n_test": found.n_test, "n_points": found.n_points, "arms": arms, "worth_random": worth}


def _unit(study: Study) -> str:
    from dscale_core.learners import UTILITIES

    return UTILITIES[study.utility].unit
