"""A process that is killed at the worst moments: what is registered is whole, and resuming gives the undisturbed draws."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dscale_core.study import Study
from dscale_core.types import Draws

ROOT = Path(__file__).parents[2]

# kills itself with SIGKILL at the third chunk: nothing can be cleaned up
_VICTIM = """
import os, signal, sys
from dscale_core.sampling import sampler
from dscale_core.store import shards
from dscale_core.store import files
from dscale_core.study import Study

sampler._CHUNK_SECONDS = 0.1  # many chunks
moment, count = sys.argv[2], [0]

def at(name, then_kill_after):
    def wrap(real):
        def call(*arguments):
            if moment != name:
                return real(*arguments)
            count[0] += 1
            if count[0] < 3:
                return real(*arguments)
            if then_kill_after:
                real(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        return call
    return wrap

files.os.replace = at("before the rename", False)(os.replace)
shards.Shards._register = at("before the registration", False)(at("after the registration", True)(shards.Shards._register))
Study.open(sys.argv[1]).sample()
"""


@pytest.mark.parametrize(
    ("moment", "counted", "on_disk"),
    [("before the rename", 2, 2), ("before the registration", 2, 3), ("after the registration", 3, 3)],
)
def test_killed_while_a_chunk_is_written(
    make_study: Callable[..., Study],
    undisturbed: Draws,
    same_draws: Callable[[Draws, Draws], None],
    first_draws: Callable[[Draws, int], Draws],
    moment: str,
    counted: int,
    on_disk: int,
) -> None:
    study = make_study(draws=24)
    victim = subprocess.run([sys.executable, "-c", _VICTIM, study.id, moment], cwd=ROOT, timeout=60, check=False)
    assert victim.returncode == -signal.SIGKILL
    folder = study.cache / "studies" / study.id / "draws"
    assert len(study._store.shards.registered(study._set("fit"))) == counted
    assert len(list(folder.rglob("*.npy"))) == on_disk
    assert 0 < study.progress().done < study.progress().total
    partial = study.draws()
    assert partial.sizes.size == study.progress().done
    same_draws(study.sample(), first_draws(undisturbed, 24))
    assert len(list(folder.rglob("*.npy"))) == len(study._store.shards.registered(study._set("fit")))
    assert list(folder.rglob("*.tmp")) == []
