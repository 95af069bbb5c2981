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
    choose.add_argument("--json", action="store_true", help="print how the list was made and its points as JSON")
    choose.add_argument("--out", type=Path, help="CSV or .parquet file; a .json beside it says how the list was made")
    choose.set_defaults(run=_choose)


def add_verify(verify: argparse.ArgumentParser) -> None:
    """The options of ``verify``."""
    verify.add_argument("--study", required=True, metavar="ID")
    verify.add_argument("--choice", metavar="ID", help="the list (default: the newest)")
    verify.add_argument("--repeats", type=int, default=30, help="draws of each arm that is random (default: 30)")
    verify.add_argument("--seed", type=int, default=0)
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
    meter = PercentMeter("choosing")
    found = study.choose(
        options.goal,
        options.n,
        shares=options.shares,
        seed=options.seed,
        k=options.k,
        n_sets=options.sets,
        on_progress=meter,
    )
    meter.end()
    record = study.choices()[0]
    said = promise_in_words(found, _unit(study))
    if options.out is not None:
        _write_files(study, record.id, options.out, quiet=options.json)
    if options.json:
        facts = study.describe_choice(record.id) | {"points": found.points.tolist(), "in_words": said}
        write_out(export_json(facts), None)
        return
    # the table alone is standard output where it has no file
    where = sys.stderr if options.out is None else sys.stdout
    print(f"{record.id}: {record.source}\n{said}", file=where)
    if options.out is None:
        write_out(_table(study, record.id, parquet=False), None)


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
    write_out(export_json(study.describe_choice(choice_id)), out.with_suffix(".json"), quiet)


def _table(study: Study, choice_id: str, parquet: bool) -> bytes:
    from dscale_core.curation import export_csv, export_parquet

    return (export_parquet if parquet else export_csv)(study.choice_table(choice_id))


def _verify(options: argparse.Namespace) -> None:
    from dscale_core.curation import export_json
    from dscale_core.study import Study

    study = Study.open(options.study, options.cache)
    meter = PercentMeter("verifying")
    found = study.verify(options.choice, repeats=options.repeats, seed=options.seed, on_progress=meter)
    meter.end()
    if options.json:
        write_out(export_json(_facts(study, options.choice, found)), None)
        return
    _print_arms(found, _unit(study))
    print(found.verdict)


def _print_arms(found: Verification, unit: str) -> None:
    print(f"{'arm':<9} {f'gain ({unit}; 95 %)':<34} {'beyond random points (95 %)':<34} accuracy")
    gains = zip(found.gain, found.low, found.high, strict=True)
    beyond = zip(found.over_random, found.over_random_low, found.over_random_high, strict=True)
    for arm, own, over, accuracy in zip(found.arms, gains, beyond, found.accuracy, strict=True):
        said = [f"{mean:+.2g} ({low:+.2g} to {high:+.2g})" if mean == mean else "-" for mean, low, high in (own, over)]
        print(f"{arm:<9} {said[0]:<34} {said[1]:<34} {f'{accuracy:+.4f}' if accuracy == accuracy else '-'}")


def _facts(study: Study, choice_id: str | None, found: Verification) -> dict[str, Any]:
    record = study.verifications(choice_id)[0]
    worth = None if found.worth is None else {name: getattr(found.worth, name) for name in ("number", "low", "high")}
    arms = found.to_frame().to_dict("records")
    return asdict(record) | {"n_test": found.n_test, "n_points": found.n_points, "arms": arms, "worth_random": worth}


def _unit(study: Study) -> str:
    from dscale_core.learners import UTILITIES

    return UTILITIES[study.utility].unit
