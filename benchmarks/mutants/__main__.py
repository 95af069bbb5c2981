"""The command: choose mutants, try them, report. Its exit status is 1 where too few are killed."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mutants.declared import Fingerprint, as_entry, read_declared, stale
from benchmarks.mutants.source import Module, Mutant, read_module
from benchmarks.mutants.targets import NEED_TORCH, TOO_SLOW, UNTOUCHED, modules, tests_of
from benchmarks.mutants.trials import Outcome, prepare, rehearse, try_mutants
from benchmarks.tables import print_table

__all__ = ["main", "sample"]

ROOT = Path(__file__).resolve().parents[2]
_WANTED = 0.85  # share of the mutants that the tests are to kill
_LEAST = 8  # of a module, in a sample


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    paths = [path for path in modules(ROOT) if _is_asked_for(path, options.module)]
    if not paths:
        print(f"No module is called so. There are:\n{chr(10).join(modules(ROOT))}")
        return 2
    read = {path: read_module(ROOT, path, frozenset(UNTOUCHED.get(path, ()))) for path in paths}
    everything = [mutant for module in read.values() for mutant in module.mutants]
    declared = read_declared()
    equivalent = [mutant for mutant in everything if mutant.fingerprint in declared]
    open_ones = [mutant for mutant in everything if mutant.fingerprint not in declared]
    if options.check_declared:
        chosen = equivalent
    else:
        chosen = open_ones if options.all else sample(open_ones, options.sample, options.seed)
    if options.again and options.again.exists():
        again = {tuple(key) for key in json.loads(options.again.read_text(encoding="utf-8"))}
        chosen = [mutant for mutant in everything if mutant.fingerprint in again]
    if options.list:
        for mutant in chosen:
            print(_line(mutant))
        return 0
    outcomes = _try(read, chosen, options.jobs)
    survivors = [outcome.mutant for outcome in outcomes if not outcome.killed]
    if options.again:
        keys = [mutant.fingerprint for mutant in survivors]
        options.again.write_text(json.dumps(keys, ensure_ascii=False, indent=1), encoding="utf-8")
    old = stale(declared, everything, paths)
    if options.check_declared:
        for outcome in outcomes:
            if outcome.killed:
                print(f"declared equivalent, but killed by {outcome.by}: {_line(outcome.mutant)}")
        print(f"{len(survivors)} of {len(outcomes)} declared equivalent survive; {len(old)} entries name no mutant.")
        return 1 if len(survivors) < len(outcomes) or old else 0
    return _report(outcomes, equivalent, declared, old, options.toml)


def sample(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """About ``size`` mutants: of every module its share, but no fewer than 8; the same for the same seed and code."""
    by_module = defaultdict[str, list[Mutant]](list)
    for mutant in mutants:
        by_module[mutant.module].append(mutant)

    def rank(mutant: Mutant) -> str:
        return hashlib.sha256(repr((seed, *mutant.fingerprint)).encode()).hexdigest()

    kept = set[Mutant]()
    for own in by_module.values():
        kept |= set(sorted(own, key=rank)[: max(_LEAST, round(size * len(own) / len(mutants)))])
    return [mutant for mutant in mutants if mutant in kept]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=sys.modules[__name__].__doc__)
    parser.add_argument("--all", action="store_true", help="every mutant and not a sample")
    parser.add_argument("--module", action="append", default=[], help="a file or a folder of dscale_core; may be repeated")
    parser.add_argument("--sample", type=int, default=450, help="about how many mutants are tried (default 450)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another sample")
    parser.add_argument("--jobs", type=int, default=2, help="child processes at a time (default 2)")
    parser.add_argument("--list", action="store_true", help="print the mutants and try none")
    parser.add_argument("--toml", action="store_true", help="print survivors as entries for equivalent/*.toml as well")
    parser.add_argument("--again", type=Path, help="a file: if it is there, try only what it lists; survivors go into it")
    parser.add_argument("--check-declared", action="store_true", help="try the mutants that are declared equivalent")
    return parser


def _is_asked_for(path: str, asked: Sequence[str]) -> bool:
    names = [name.removeprefix("./").rstrip("/") for name in asked]
    return not names or any(path == name or path.startswith(f"{name}/") for name in names)


def _try(read: dict[str, Module], chosen: Sequence[Mutant], jobs: int) -> list[Outcome]:
    paths = sorted({mutant.module for mutant in chosen})
    files = sorted({file for path in paths for file in tests_of(ROOT, path)})
    began = time.monotonic()
    prepare(any(path.startswith(NEED_TORCH) for path in paths))
    print(f"{len(chosen)} mutants of {len(paths)} modules; first the tests of {len(files)} files without any.", flush=True)
    rehearsal = rehearse(ROOT, files, paths, TOO_SLOW, jobs)
    print(f"{sum(map(len, rehearsal.seconds.values()))} tests in {time.monotonic() - began:.0f} s.", flush=True)

    def tell(done: int, outcome: Outcome) -> None:
        if not outcome.killed:
            print(f"survives: {_line(outcome.mutant)}", flush=True)
        if done % 50 == 0:
            print(f"{done} of {len(chosen)} in {time.monotonic() - began:.0f} s.", flush=True)

    work = [(read[mutant.module], mutant) for mutant in chosen]
    return try_mutants(ROOT, work, lambda path: tests_of(ROOT, path), rehearsal, TOO_SLOW, jobs, tell)


def _report(
    outcomes: Sequence[Outcome],
    equivalent: Sequence[Mutant],
    declared: dict[Fingerprint, str],
    old: Sequence[Fingerprint],
    toml: bool,
) -> int:
    tried, killed = (Counter(o.mutant.module for o in outcomes if o.killed or every) for every in (True, False))
    same = Counter(mutant.module for mutant in equivalent)
    rows = [_row(path, tried[path], killed[path], same[path]) for path in sorted(tried)]
    rows.append(_row("all", tried.total(), killed.total(), same.total()))
    print()
    print_table(("module", "mutants", "killed", "survivors", "share", "equivalent"), rows)
    survivors = [outcome for outcome in outcomes if not outcome.killed]
    if survivors:
        print("\nSurvivors")
    for outcome in survivors:
        print(f"  {_line(outcome.mutant)}{f'  ({outcome.by})' if outcome.by else ''}")
    reasons = defaultdict[str, list[Mutant]](list)
    for mutant in equivalent:
        reasons[declared[mutant.fingerprint]].append(mutant)
    if reasons:
        print("\nEquivalent, neither killed nor survivors")
    for reason, mutants in reasons.items():
        print(f"  {reason}")
        for mutant in mutants:
            print(f"    {_line(mutant)}")
    by_design = [f"  {path} {name}: {why}" for path, names in UNTOUCHED.items() for name, why in names.items()]
    print("\nNot changed by design", *by_design, sep="\n")
    if old:
        print("\nDeclared equivalent, but no such mutant is there any more: take the entries out")
    for module, function, before, after, occurrence in old:
        print(f"  {module} {function}  {before}  →  {after}{f' ({occurrence})' if occurrence > 1 else ''}")
    if toml:
        print("", *(as_entry(outcome.mutant) + "\n" for outcome in survivors), sep="\n")
    return 0 if tried.total() and killed.total() >= _WANTED * tried.total() and not old else 1


def _row(name: str, tried: int, killed: int, same: int) -> tuple[str, ...]:
    return name, str(tried), str(killed), str(tried - killed), f"{killed / tried:.0%}", str(same)


def _line(mutant: Mutant) -> str:
    again = f" ({mutant.occurrence})" if mutant.occurrence > 1 else ""
    return f"{mutant.module}:{mutant.line} {mutant.function}  {mutant.before}  →  {mutant.after or 'nothing'}{again}"


if __name__ == "__main__":
    sys.exit(main())
