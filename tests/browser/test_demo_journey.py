"""From an empty cache to a ranked CSV in a real browser: run the demo, brush, pick, download, and check every number."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(120):
        if process.poll() is not None:
            pytest.fail(f"the app ended before it served a page:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the app did not come up:\n{log.read_text()}")


@pytest.fixture
def app_url(cache: Path, tmp_path: Path) -> Iterator[str]:
    """The real app on a free loopback port, with an empty cache; stopped with its whole process group."""
    port, log = free_port(), tmp_path / "app.log"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"DSCALE_CACHE": str(cache)}, stdout=sink, stderr=sink,
            start_new_session=True,
        )  # fmt: skip
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of Chromium: the one that DSCALE_CHROMIUM names, the system's, or Playwright's own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as engine:
        path = os.environ.get("DSCALE_CHROMIUM") or shutil.which("chromium")
        if path is None and not Path(engine.chromium.executable_path).exists():
            pytest.skip("neither a system Chromium nor a Playwright browser is installed")
        browser = engine.chromium.launch(executable_path=path, args=FLAGS)
        try:
            opened = browser.new_page(viewport={"width": 1400, "height": 1000})
            opened.set_default_timeout(60_000)
            # nothing may leave this machine, and a page that is all its own does not try to
            abroad: list[str] = []
            opened.route(lambda url: url.startswith("http") and "//127.0.0.1" not in url, lambda route: route.abort())
            opened.on("requestfailed", lambda request: abroad.append(request.url))
            yield opened
            assert [url for url in abroad if url.startswith("http") and "//127.0.0.1" not in url] == []
        finally:
            browser.close()


def drag(page: Any, chart: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over a chart's plot area, in shares of its width and height."""
    box = resting_place(page, chart.locator(".nsewdrag").first)
    places = [(box["x"] + share_x * box["width"], box["y"] + share_y * box["height"]) for share_x, share_y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=10)
    page.mouse.up()


def resting_place(page: Any, area: Any) -> dict[str, float]:
    """Where an element is, in view, once it no longer moves: it or charts above it may still be drawn anew."""
    before = None
    for _ in range(60):
        area.evaluate("node => node.scrollIntoView({block: 'center'})")
        now = area.bounding_box()
        if now is not None and now == before:
            return dict(now)
        before = now
        page.wait_for_timeout(500)
    return pytest.fail("the chart never came to rest")


def selected_count(page: Any, but: int) -> int:
    """Wait until the page says that another number of points than `but` is selected, and return it."""
    pattern = re.compile(r"([\d,]+) of [\d,]+ points selected")
    for _ in range(120):
        found = [pattern.search(text) for text in page.get_by_test_id("stMarkdown").all_inner_texts()]
        counts = [int(match.group(1).replace(",", "")) for match in found if match]
        if counts and counts[0] != but:
            return counts[0]
        time.sleep(0.25)
    return pytest.fail(f"the page still says {but} selected")


def wait_for_marks(chart: Any, page: Any, expected: int) -> None:
    """Wait until the browser draws that many marks of a chart as selected; a chart is rebuilt whenever its page runs."""
    script = (
        "node => (node._fullData || []).reduce("
        "(sum, t) => sum + (t.name === 'open point' ? 0 : (t.selectedpoints || []).length), 0)"
    )
    shown = -1
    for _ in range(80):
        shown = int(chart.evaluate(script))
        if shown == expected:
            return
        page.wait_for_timeout(250)
    pytest.fail(f"{shown} marks are drawn as selected, not {expected}")


def test_demo_to_ranked_csv(app_url: str, page: Any, cache: Path, tmp_path: Path) -> None:
    from dscale_core import Study

    page.goto(app_url)
    page.get_by_text("No study yet").wait_for()
    page.get_by_role("button", name="Run the demo").click()
    page.get_by_text("The demo is finished").wait_for(timeout=300_000)
    page.get_by_role("link", name="Explore the demo").click()
    page.get_by_text("0 of 1,297 points selected").wait_for()
    study_id = Study.list(cache)[0].id
    assert f"study={study_id}" in page.url

    # a histogram's brush is a range of values
    charts = page.locator(".js-plotly-plot")
    charts.nth(4).locator(".nsewdrag").first.wait_for()  # the inspector's charts are the last to come
    drag(page, charts.nth(0), (0.2, 0.5), (0.6, 0.5))
    brushed = selected_count(page, but=0)
    assert 0 < brushed < 1297
    page.wait_for_function("location.search.includes('sel=')")
    # a scatter's brush is a list of marks, and stays as the browser drew it
    drag(page, charts.nth(1), (0.3, 0.25), (0.6, 0.9))
    lassoed = selected_count(page, but=brushed)
    wait_for_marks(charts.nth(1), page, lassoed)
    wait_for_marks(charts.nth(2), page, lassoed)
    # a fresh session sees the same by the link alone
    page.goto(page.url)
    assert selected_count(page, but=0) == lassoed

    check_dark(page)
    page.goto(f"{app_url}/Pick?study={study_id}&pick_view=top+of+the+ranking&k=500&n=20")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    waiting.value.save_as(tmp_path / "pick.csv")
    study = Study.open(study_id, cache)
    check_pick(pd.read_csv(tmp_path / "pick.csv"), study)

    check_list(page, f"{app_url}/Pick?study={study_id}&list_k=150&list_n=3", study, tmp_path)

    page.goto(f"{app_url}/Value?study={study_id}&value=law_shapley")
    page.get_by_role("button", name="Compute").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV of these").click()
    waiting.value.save_as(tmp_path / "values.csv")
    check_values(pd.read_csv(tmp_path / "values.csv"), study)


def brightness(page: Any, selector: str, style: str) -> float:
    """Mean of red, green and blue, 0 to 255, of a computed colour."""
    script = "(node, style) => getComputedStyle(node)[style]"
    parts = re.findall(r"[\d.]+", page.locator(selector).first.evaluate(script, style))
    return sum(float(part) for part in parts[:3]) / 3


def check_dark(page: Any) -> None:
    """Page and chart titles turn round with the browser's theme."""
    seen = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(page.url)
        page.locator(".js-plotly-plot .xtitle").first.wait_for()
        seen.append((brightness(page, "[data-testid=stApp]", "backgroundColor"), brightness(page, ".xtitle", "fill")))
    (light_page, light_ink), (dark_page, dark_ink) = seen
    assert light_page > 200 > 150 > light_ink
    assert dark_page < 60 < 150 < dark_ink


def check_pick(picked: pd.DataFrame, study: Any) -> None:
    laws, dataset = study.laws(), study.dataset
    assert list(picked.columns[:12]) == [
        "rank", "point", "row", "label", "c", "alpha", "alpha_low", "alpha_high", "psi", "psi_low", "psi_high", "status",
    ]  # fmt: skip
    assert picked["rank"].tolist() == list(range(1, 21))
    points = picked["point"].to_numpy()
    np.testing.assert_allclose(picked["psi"], laws.psi(500)[points], rtol=1e-6)
    np.testing.assert_allclose(picked["alpha"], laws.alpha[points], rtol=1e-6)
    assert picked["label"].tolist() == dataset.labels(points).tolist()
    assert picked["row"].tolist() == dataset.records.index[points].tolist()
    for code, name in enumerate(dataset.class_names):
        best = np.where((dataset.y_pool == code) & np.isfinite(laws.c), laws.psi(500), -np.inf)  # ψ follows a curve here
        assert set(points[picked["label"] == name]) == set(np.argsort(-best)[:10])


def check_list(page: Any, url: str, study: Any, tmp_path: Path) -> None:
    """A list is chosen for a random set, taken away as CSV, and proven on the test set."""
    page.goto(url)
    page.get_by_role("button", name="Choose").click()
    page.get_by_text("expected to").first.wait_for(timeout=180_000)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    waiting.value.save_as(tmp_path / "list.csv")
    choice = study.lists.load()
    assert pd.read_csv(tmp_path / "list.csv")["point"].tolist() == choice.points.tolist()
    assert [own.size for own in choice.sets] == [150]
    page.get_by_text("This list was not verified").wait_for()
    page.get_by_role("button", name="Verify on the test set").click()
    page.get_by_role("button", name="Verify again").wait_for(timeout=180_000)
    page.get_by_text(study.lists.verification().verdict[:40]).first.wait_for()


def check_values(valued: pd.DataFrame, study: Any) -> None:
    """Every point, best first, each the mean of its own law over the sizes that were drawn."""
    laws = study.laws()
    usable = valued["value"].notna().to_numpy()
    assert set(valued["point"]) == set(laws.points)
    assert valued["value"][usable].is_monotonic_decreasing
    sizes = np.arange(study.plan.min_size, study.plan.max_size + 1)
    means = np.mean([laws.psi(int(k)) for k in sizes], axis=0)
    np.testing.assert_allclose(valued["value"][usable], means[valued["point"][usable]], rtol=1e-3, atol=1e-6)
