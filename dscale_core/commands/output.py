"""Where results and progress go: files that are named, standard output, one line of standard error."""

from __future__ import annotations

import sys
from pathlib import Path

from dscale_core.errors import StoreError

__all__ = ["PercentMeter", "write_out"]


def write_out(content: bytes, out: Path | None, quiet: bool = False) -> None:
    """To the file, whose name is printed unless ``quiet``, or to standard output."""
    if out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise StoreError(f"Could not write {out}: {error}. Choose another file with --out.") from error
    if not quiet:
        print(out)


class PercentMeter:
    """Whole percents on one line of standard error, which `end` closes."""

    def __init__(self, doing: str) -> None:
        self._doing, self._shown = doing, -1

    def __call__(self, share: float) -> None:
        if int(100 * share) > self._shown:
            self._shown = int(100 * share)
            print(f"\r{self._doing}: {self._shown} %", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """The line is over."""
        print(file=sys.stderr)
