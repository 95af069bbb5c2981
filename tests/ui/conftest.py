"""One tiny finished study for all page tests, and a way to open a page on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from made import made_study
from streamlit.testing.v1 import AppTest

from pages._ui.frame import PAGES

ROOT = Path(__file__).resolve().parents[2]
OpenPage = Callable[..., AppTest]


@dataclass(frozen=True)
class Finished:
    """The cache folder that holds the finished study, and the study's id."""

    folder: Path
    study_id: str


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Breast cancer, logistic, 16 coalitions of 20 to 100 points, fitted by likelihood, with validation draws."""
    folder, plan = tmp_path_factory.mktemp("finished"), {"min_size": 20, "max_size": 100, "draws": 16}
    study = made_study(folder, fits=("likelihood",), validation={"draws": 12}, name="Small study", **plan)
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
