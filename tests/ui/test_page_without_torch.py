"""Where a method's package is not installed the Fit page says what to install, and does not offer to run it."""

from __future__ import annotations

import pytest
from looking import button, ok, texts

from dscale_core import extras, jobs
from dscale_core.laws import list_methods


def test_a_method_that_cannot_run_here_is_not_offered(open_page, finished, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(extras, "is_installed", lambda package: package != "torch")
    monkeypatch.setattr(jobs, "submit", lambda study, kind, params: asked.append(params["method"]))  # noqa: ARG005
    app = ok(open_page("Fit", finished.folder))
    assert not button(app, "Fit").disabled
    app.selectbox(key="method").set_value("amortized").run()
    assert 'pip install "dscale[torch]"' in texts(ok(app))
    assert button(app, "Fit").disabled
    button(app, "Fit all that are missing").click().run()
    assert asked == [method for method in list_methods() if method not in ("amortized", "likelihood")]


def test_the_validate_page_compares_only_what_can_run_here(open_page, finished, monkeypatch: pytest.MonkeyPatch) -> None:
    app = ok(open_page("Validate", finished.folder, query={"validate_view": "More draws"}))
    everything = {option for select in app.multiselect for option in select.options}
    assert "amortized" in everything
    monkeypatch.setattr(extras, "is_installed", lambda package: package != "torch")
    app.run()
    assert {option for select in ok(app).multiselect for option in select.options} == everything - {"amortized"}
