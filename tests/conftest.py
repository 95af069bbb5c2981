"""What every test shares: one thread, NumPy that raises, a cache of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# the thread limits above must be set before the first import of NumPy
import numpy as np  # noqa: E402
import pytest  # noqa: E402

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _numpy_raises() -> Iterator[None]:
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder that DSCALE_CACHE points to."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("DSCALE_CACHE", str(folder))
    return folder


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; skips where it is missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data sets are not beside this checkout")
    return SHARED_DATA
