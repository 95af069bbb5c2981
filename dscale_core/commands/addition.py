"""``dscale addition``: the best by a study's laws, added to random sets of two sizes and measured on the test set."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from dscale_core.commands.output import PercentMeter, write_out

__all__ = ["add_addition"]


def add_addition(addition: argparse.ArgumentParser) -> None:
    """The options of ``addition``."""
    addition.add_argument("--study", required=True, metavar="ID")
    addition.add_argument("-n", type=int, default=100, help="points added (default: 100)")
    addition.add_argument("--small", type=int, help="size of the small sets (default: the laws' smallest)")
    addition.add_argument("--large", type=int, help="size of the large sets (default: the laws' largest)")
    addition.add_argument("--repeats", type=int, default=30, help="sets of either size (default: 30)")
    addition.add_argument("--seed", type=int, default=0)
    addition.add_argument("--jobs", type=int, default=1, help="worker processes (default: 1)")
    addition.add_argument("--json", action="store_true", help="print all means and the verdict as JSON")
    addition.set_defaults(run=_addition)


def _addition(options: argparse.Namespace) -> None:
    from dscale_core.curation import export_csv, export_json
    from dscale_core.study import Study

    study, meter = Study.open(options.study, options.cache), PercentMeter("adding")
    found = study.additions.measure(
        options.n, options.small, options.large, options.repeats, options.seed, meter, options.jobs
    )
    meter.end()
    table = found.to_frame()
    if options.json:
        rows = {"n_test": found.n_test, "n_candidates": found.n_candidates, "rows": table.to_dict("records")}
        write_out(export_json(asdict(study.additions.records()[0]) | rows), None)
        return
    write_out(export_csv(table), None)
    print(found.verdict, file=sys.stderr)  # the table alone is standard output
