"""The command line: ``dscale run | sample | fit | validate | choose | verify | addition |
export | value``, and what there is:
``dscale studies | datasets | learners | methods | values``.

``python -m dscale_core`` is the same, also in a checkout where nothing is installed.

Results go to standard output, progress and errors to standard error; a mistake ends with status 2 and one line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dscale_core.commands import add_addition, add_choose, add_verify, write_out
from dscale_core.errors import ArgumentError, DscaleError
from dscale_core.extras import require

if TYPE_CHECKING:
    from dscale_core.study import Progress, Study
    from dscale_core.types import Dataset, SamplingPlan

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 2 for a mistake or a refusal, 130 where it was interrupted."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever reads, such as `head`, has seen enough; what is left must not be written at the exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except DscaleError as error:
        print(f"dscale: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("dscale: interrupted; finished chunks are kept, --study resumes", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dscale",
        description="What each data point is worth at your size.",
        epilog="DSCALE_EXTENSIONS=module_a,module_b adds the learners, estimators, values and datasets of these modules.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--cache", help="cache folder (default: DSCALE_CACHE, else ./cache)")
    run = commands.add_parser("run", parents=[common], help="start the dashboard")
    run.add_argument("--port", type=int, default=8501, help="port on 127.0.0.1 (default: 8501)")
    run.set_defaults(run=_run)
    commands.add_parser("datasets", help="list the built-in datasets").set_defaults(run=_datasets)
    commands.add_parser("learners", help="list the learners and their parameters").set_defaults(run=_learners)
    commands.add_parser("methods", help="list the estimators of laws").set_defaults(run=_methods)
    commands.add_parser("values", help="list the values that points can be given").set_defaults(run=_values)
    commands.add_parser("studies", parents=[common], help="list the studies").set_defaults(run=_studies)
    _add_sample(commands.add_parser("sample", parents=[common], help="draw contributions; prints the study's id"))
    fit = commands.add_parser("fit", parents=[common], help="fit scaling laws to a study's draws")
    fit.add_argument("--study", required=True, metavar="ID")
    fit.add_argument("--method", default="shrinkage", help="estimator (default: shrinkage)")
    fit.set_defaults(run=_fit)
    _add_validate(commands.add_parser("validate", parents=[common], help="hold laws against draws that no fit saw"))
    add_choose(commands.add_parser("choose", parents=[common], help="choose the points to add to a set, to drop, to swap"))
    add_verify(
        commands.add_parser("verify", parents=[common], help="train on a list and its rivals, measure on the test set")
    )
    add_addition(
        commands.add_parser("addition", parents=[common], help="add the best by the laws to random sets, measure it")
    )
    export = commands.add_parser("export", parents=[common], help="write the top of the ranking as CSV, to look at")
    export.add_argument("--study", required=True, metavar="ID")
    _add_fit_choice(export)
    export.add_argument("-k", type=float, default=1000, help="dataset size at which points are ranked (default: 1000)")
    export.add_argument("-n", type=int, default=100, help="number of points (default: 100)")
    export.add_argument("--goal", default="add", help="what the points are picked for: add, drop or check (default: add)")
    export.add_argument("--balance", help="shares of the classes: equal or free (default: equal to add, free otherwise)")
    export.add_argument("--out", type=Path, help="file to write (default: standard output)")
    export.set_defaults(run=_export)
    _add_value(commands.add_parser("value", parents=[common], help="compute one value of all points, as CSV"))
    return parser


def _add_sample(sample: argparse.ArgumentParser) -> None:
    source = sample.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", metavar="NAME", help="a built-in dataset")
    source.add_argument("--table", metavar="FILE", help="a table of your own, with --label")
    source.add_argument("--study", metavar="ID", help="go on with this study; its own plan holds")
    sample.add_argument("--label", default="label", help="label column of the table (default: label)")
    sample.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="a column not to learn from")
    sample.add_argument("--learner", default="logistic", help="learner (default: logistic)")
    sample.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the learner")
    sample.add_argument("--utility", help="utility (default: by task)")
    sample.add_argument("--min-size", type=int, default=100, help="smallest coalition (default: 100)")
    sample.add_argument("--max-size", type=int, default=1000, help="largest coalition (default: 1000)")
    sample.add_argument("--sizes", default="log_uniform", help='"log_uniform", "uniform" or sizes such as 100,300,1000')
    sample.add_argument("--draws", type=int, default=200, help="coalitions, per size where sizes are listed (default: 200)")
    sample.add_argument("--seed", type=int, default=0)
    kinds = ("auto", "fresh", "fixed")
    about = "rows that a coalition is valued on: drawn anew for each, or one set (default: fresh where enough are left)"
    sample.add_argument("--valuation", choices=kinds, default="auto", help=about)
    sample.add_argument("--valuation-rows", type=int, default=1000, help="fresh rows a coalition (default: 1000)")
    sample.add_argument("--jobs", type=int, default=1, help="worker processes (default: 1)")
    sample.add_argument("--name", help="name of the study")
    sample.set_defaults(run=_sample)


def _add_fit_choice(command: argparse.ArgumentParser) -> None:
    which = command.add_mutually_exclusive_group()
    which.add_argument("--method", help="estimator (default: the newest fit)")
    which.add_argument("--fit", metavar="ID", help="this very fit (default: the newest)")


def _add_value(value: argparse.ArgumentParser) -> None:
    value.add_argument("--study", required=True, metavar="ID")
    value.add_argument("--name", required=True, help="one of those that `values` lists")
    _add_fit_choice(value)
    value.add_argument("--out", type=Path, help="file to write (default: standard output)")
    value.set_defaults(run=_value)


def _add_validate(validate: argparse.ArgumentParser) -> None:
    validate.add_argument("--study", required=True, metavar="ID")
    validate.add_argument("--method", help="estimator (default: the newest fit)")
    validate.add_argument("--sizes", help="sizes such as 100,300,1000 (default: four over the study's own)")
    validate.add_argument("--draws", type=int, default=60, help="coalitions a size (default: 60)")
    validate.add_argument("--jobs", type=int, default=1, help="worker processes (default: 1)")
    validate.set_defaults(run=_validate)


def _run(options: argparse.Namespace) -> None:
    """Become the dashboard's server: Streamlit finds pages and theme beside the script, wherever it is started."""
    require("streamlit", "The dashboard")
    if not 1 <= options.port <= 65_535:
        raise ArgumentError("--port", "lie between 1 and 65535", options.port, "Leave it out for 8501.")
    beside = Path(__file__).resolve().parents[1]
    script = beside / "dscale_dashboard" / "app.py"  # in an installed package
    if not script.is_file():
        script = beside / "app.py"  # in a checkout
    if options.cache is not None:
        os.environ["DSCALE_CACHE"] = str(Path(options.cache).absolute())
    streamlit = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(options.port)]
    sys.stdout.flush()
    os.execv(sys.executable, streamlit)


def _datasets(options: argparse.Namespace) -> None:
    del options
    from dscale_core.datasets import describe_dataset, list_datasets

    for info in map(describe_dataset, list_datasets()):
        print(f"{info.name:<18}{info.task:<16}{info.n_rows:>7} rows {info.n_features:>5} features  {info.summary}")


def _learners(options: argparse.Namespace) -> None:
    del options
    from dscale_core.learners import describe_learner, list_learners

    for info in map(describe_learner, list_learners()):
        params = ", ".join(f"{name}={param.default} ({param.requirement})" for name, param in info.params.items())
        print(f"{info.name:<20}{info.task:<16}{'exact' if info.exact else 'refits':<8}{info.summary}  {params}".rstrip())


def _methods(options: argparse.Namespace) -> None:
    del options
    from dscale_core.laws import describe_method, list_methods

    for info in map(describe_method, list_methods()):
        print(f"{info.name:<20}{info.summary}  {info.missing}".rstrip())


def _values(options: argparse.Namespace) -> None:
    del options
    from dscale_core.values import describe_value, list_values

    for info in map(describe_value, list_values()):
        print(f"{info.name:<20}needs {' and '.join(info.needs) or 'nothing':<16}{info.summary}")


def _studies(options: argparse.Namespace) -> None:
    from dscale_core.study import Study

    for study in Study.list(options.cache):
        fits = ",".join(study.fits) or "-"
        print(f"{study.id}  {study.done}/{study.total} coalitions  fits {fits}  {study.created[:19]}  {study.name}")


def _sample(options: argparse.Namespace) -> None:
    from dscale_core.study import Study

    study = Study.open(options.study, options.cache) if options.study else _new_study(options)
    # first of all: whoever stops the command now knows what to resume
    print(study.id, flush=True)
    study.sample_missing(options.jobs, on_progress=_Meter())
    print(file=sys.stderr)


def _new_study(options: argparse.Namespace) -> Study:
    from dscale_core.learners import make_learner
    from dscale_core.study import Study

    learner = make_learner(options.learner, **_params(options.param))
    return Study.create(_dataset(options), learner, _plan(options), options.cache, options.utility, options.name)


def _dataset(options: argparse.Namespace) -> Dataset:
    from dscale_core.datasets import load_dataset, read_table

    if options.table:
        return read_table(options.table, label=options.label, ignore=options.ignore)
    return load_dataset(options.dataset)


def _plan(options: argparse.Namespace) -> SamplingPlan:
    from dscale_core.types import SamplingPlan

    sizes: Any = options.sizes
    if sizes not in ("log_uniform", "uniform"):
        sizes = _listed(sizes)
    return SamplingPlan(
        sizes=sizes,
        min_size=options.min_size,
        max_size=options.max_size,
        draws=options.draws,
        seed=options.seed,
        valuation=options.valuation,
        valuation_rows=options.valuation_rows,
    )


def _listed(sizes: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in sizes.split(","))
    except ValueError:
        required = "be whole numbers with commas, or the name of a distribution where one is drawn from"
        raise ArgumentError("--sizes", required, repr(sizes), "Write sizes such as 100,300,1000.") from None


def _params(pairs: Sequence[str]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for pair in pairs:
        name, given, text = pair.partition("=")
        if not (name and given):
            raise ArgumentError("--param", "be KEY=VALUE", repr(pair), "Write a parameter such as C=0.5.")
        try:
            params[name] = json.loads(text)
        except ValueError:
            params[name] = text
    return params


class _Meter:
    """Progress on one line of standard error, at most twice a second."""

    def __init__(self) -> None:
        self._shown = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.done == progress.total or time.monotonic() - self._shown > 0.5:
            self._shown = time.monotonic()
            print(f"\r{progress.done} of {progress.total} coalitions", end="", file=sys.stderr, flush=True)


def _fit(options: argparse.Namespace) -> None:
    from dscale_core.study import Study

    study = Study.open(options.study, options.cache)
    study.fit(options.method)
    record = study.fits()[0]
    counts = ", ".join(f"{count} {status}" for status, count in record.status_counts.items())
    print(f"{record.method} on {record.n_coalitions} coalitions in {record.seconds:.1f} s: {counts}")


def _validate(options: argparse.Namespace) -> None:
    """Draw what is missing of the validation set, which is made at the first call, and print one row a size."""
    from dscale_core.sampling import validation_plan
    from dscale_core.study import Study

    study = Study.open(options.study, options.cache)
    study.laws(options.method)  # without a fit nothing is drawn
    if "validation" not in study.roles():
        sizes = None if options.sizes is None else _listed(options.sizes)
        study.add_samples(validation_plan(study.plan, sizes, options.draws))
    study.sample_missing(options.jobs, "validation", on_progress=_Meter())
    print(file=sys.stderr)
    found, held = study.accuracy(options.method), study.coverage(options.method)
    print("    k     R2  ceiling  pearson  spearman  signs  in 90 %  points")
    columns = (found.size, found.r2, found.noise_ceiling, found.pearson, found.spearman, found.sign_agreement)
    for k, r2, ceiling, pearson, spearman, sign, inside, n in zip(*columns, held.coverage, found.n_points, strict=True):
        print(f"{k:5.0f}  {r2:5.2f}  {ceiling:7.2f}  {pearson:7.2f}  {spearman:8.2f}  {sign:5.2f}  {inside:7.2f}  {n:6d}")


def _export(options: argparse.Namespace) -> None:
    from dscale_core.curation import export_csv
    from dscale_core.study import Study

    study = Study.open(options.study, options.cache)
    asked = {"goal": options.goal, "balance": options.balance}
    picked = study.pick(options.k, options.n, method=options.method, fit_id=options.fit, **asked)
    write_out(export_csv(picked), options.out)


def _value(options: argparse.Namespace) -> None:
    from dscale_core.curation import export_csv
    from dscale_core.study import Study
    from dscale_core.values import value_table

    study = Study.open(options.study, options.cache)
    found = study.value(options.name, method=options.method, fit_id=options.fit)
    write_out(export_csv(value_table(found, study.dataset)), options.out)


if __name__ == "__main__":
    sys.exit(main())
