"""One tiny finished study for all page tests, and a way to open a page on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

PAGES = {
    "Home": "app.py",
    "Data": "pages/1_Data.py",
    "Sample": "pages/2_Sample.py",
    "Fit": "pages/3_Fit.py",
    "Explore": "pages/4_Explore.py",
    "Validate": "pages/5_Validate.py",
    "Pick": "pages/7_Pick.py",
}

OpenPage = Callable[..., AppTest]


@dataclass(frozen=True)
class Finished:
    """The cache folder that holds the finished study, and the study's id."""

    folder: Path
    study_id: str


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Breast cancer, logistic, 16 coalitions of 20 to 100 points, fitted by likelihood, with validation draws."""
    from dscale_core import SamplingPlan, Study, load_dataset, make_learner

    folder = tmp_path_factory.mktemp("finished")
    plan = SamplingPlan(min_size=20, max_size=100, draws=16)
    study = Study.create(load_dataset("breast_cancer"), make_learner("logistic"), plan, folder, name="Small study")
    study.sample()
    study.fit("likelihood")
    study.add_samples(replace(plan, draws=12, seed=1), role="validation")
    study.sample(role="validation")
    return Finished(folder, study.id)


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPage]:
    """Open a page on a cache folder: `open_page("Explore", folder, query={...}, state={...})`, run once."""
    monkeypatch.chdir(ROOT)

    def opened(name: str, folder: Path, query: dict[str, str] | None = None, state: dict | None = None) -> AppTest:
        monkeypatch.setenv("DSCALE_CACHE", str(folder))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.switch_page(PAGES[name])
        for key, value in (query or {}).items():
            app.query_params[key] = value
        for key, value in (state or {}).items():
            app.session_state[key] = value
        return app.run()

    return opened
