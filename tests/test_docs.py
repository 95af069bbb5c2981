"""What the documentation says is run: docstrings, README, CONTRIBUTING, notebook; its pictures are those of this code."""

from __future__ import annotations

import argparse
import doctest
import gzip
import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from test_package import environment

import dscale_core as ds
from docs.tools.draw_figures import FIGURES, draw_all, gather
from docs.tools.draw_house import TARGET, draw, imports_between_rooms, storeys
from dscale_core.__main__ import _parser

ROOT = Path(__file__).resolve().parents[1]
TEXTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((ROOT / "docs").glob("*.md"))
EXAMPLES = {
    "dscale_core.curation.picking": "pick",
    "dscale_core.datasets.builtin": "load_dataset",
    "dscale_core.datasets.table": "read_table",
    "dscale_core.laws.methods": "fit_laws",
    "dscale_core.learners.registry": "make_learner",
    "dscale_core.sampling.sampler": "sample",
    "dscale_core.study.evidence": "fit",
    "dscale_core.study.study": "Study.create",
    "dscale_core.types": "SamplingPlan",
    "dscale_core.values.shapley": "shapley_from_laws",
}
ROOMS = ("", *(f".{path.parent.name}" for path in sorted((ROOT / "dscale_core").glob("*/__init__.pyi"))))


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of one language in a text."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [block for named, block in fenced if named == language]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("module", sorted(EXAMPLES))
def test_examples_in_docstrings_hold(module: str) -> None:
    loaded = import_module(module)
    tests = {test.name: test for test in doctest.DocTestFinder(exclude_empty=True).find(loaded) if test.examples}
    assert f"{module}.{EXAMPLES[module]}" in tests
    for test in tests.values():
        found: list[str] = []
        doctest.DocTestRunner().run(test, out=found.append)
        assert not found, "".join(found)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_function_and_class_says_what_it_is(room: str) -> None:
    face = import_module(f"dscale_core{room}")
    things = {name: getattr(face, name) for name in face.__all__}
    assert things
    spoken = {name: thing for name, thing in things.items() if inspect.isclass(thing) or inspect.isroutine(thing)}
    assert [name for name, thing in spoken.items() if not (thing.__doc__ or "").strip()] == []


def test_the_readme_is_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    assert "draws=200" in code
    rng = np.random.default_rng(0)
    age, hours = rng.integers(18, 80, 1800), rng.normal(40, 10, 1800)
    label = np.where(age + hours + rng.normal(0, 20, 1800) > 90, ">50K", "<=50K")
    rows = "\n".join(f"{a},{h:.1f},{y}" for a, h, y in zip(age, hours, label, strict=True))
    with gzip.open(tmp_path / "adult.csv.gz", "wt", encoding="utf-8") as table:
        table.write(f"age,hours,label\n{rows}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DSCALE_CACHE", raising=False)
    said: dict[str, object] = {}
    exec(code.replace("draws=200", "draws=14"), said)
    study, laws = said["study"], said["laws"]
    assert isinstance(study, ds.Study)
    assert isinstance(laws, ds.Laws)
    assert study.cache == tmp_path / "cache"
    assert laws.guided
    assert len(study.pick(k=1000, n=100)) == 100


def test_the_commands_in_the_readme_are_commands() -> None:
    lines = [line for block in blocks(ROOT / "README.md", "") for line in block.splitlines() if line.startswith("dscale ")]
    named = set()
    for line in lines:
        options = _parser().parse_args(shlex.split(line, comments=True)[1:])
        assert isinstance(options, argparse.Namespace)
        named.add(line.split()[1])
    assert {"run", "sample", "fit", "validate", "choose", "verify", "export", "value"} <= named


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CONTRIBUTING's whole examples, each in the file that its first line names, and what tries them."""
    folder = tmp_path_factory.mktemp("examples")
    for code in blocks(ROOT / "CONTRIBUTING.md", "python"):
        if found := re.match(r"# (\w+\.py)\n", code):
            (folder / found[1]).write_text(code, encoding="utf-8")
    for number, session in enumerate(blocks(ROOT / "CONTRIBUTING.md", "pycon")):
        (folder / f"{number}.txt").write_text(session, encoding="utf-8")
    return folder


def test_contributing_adds_what_it_says(examples: Path) -> None:
    added = sorted(path.stem for path in examples.glob("*.py"))
    assert added == ["nearest_mean", "one_over_k", "rings", "share_helping"]
    assert all(len(path.read_text(encoding="utf-8").splitlines()) < 70 for path in examples.glob("*.py"))
    run = (
        "import doctest, sys\n"
        "for name in sys.argv[1:]:\n"
        "    failed, tried = doctest.testfile(name, module_relative=False)\n"
        "    assert tried and not failed, name\n"
    )
    sessions = sorted(str(path) for path in examples.glob("*.txt"))
    assert len(sessions) == len(added)
    command = [sys.executable, "-W", "error", "-c", run, *sessions]
    found = subprocess.run(
        command, env=environment(examples, ROOT), capture_output=True, text=True, check=False, cwd=examples
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_command_line_knows_what_contributing_adds(examples: Path) -> None:
    added = {"learners": "nearest_mean", "methods": "one_over_k", "values": "share_helping", "datasets": "rings"}
    code = f"from dscale_core.__main__ import main; assert not any(main([kind]) for kind in {list(added)})"
    surroundings = environment(examples, ROOT) | {"DSCALE_EXTENSIONS": ",".join(added.values())}
    command = [sys.executable, "-W", "error", "-c", code]
    listed = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True, cwd=examples).stdout
    assert set(added.values()) <= {line.split()[0] for line in listed.splitlines()}


@pytest.fixture
def small_study(cache: Path) -> ds.Study:
    plan = ds.SamplingPlan(points=tuple(range(30)), min_size=20, max_size=80, draws=10)
    study = ds.Study.create(ds.load_dataset("breast_cancer"), ds.make_learner("logistic"), plan, cache)
    study.sample()
    study.fit("likelihood")
    return study


def _inside(place: str) -> str:
    (code,) = (code for code in blocks(ROOT / "CONTRIBUTING.md", "python") if code.startswith(f"# in {place}\n"))
    return code


def test_the_job_and_the_figure_of_contributing_work(small_study: ds.Study) -> None:
    job: dict[str, object] = {}
    exec(_inside("dscale_core/jobs/kinds.py"), job)
    said: list[tuple[int, int, str]] = []
    job["_boundary"](small_study, {}, lambda *report: said.append(report), lambda: False)  # type: ignore[operator]
    assert said[-1] == (1, 1, f"Computed {small_study.dataset.n_points} distances.")
    figure: dict[str, object] = {}
    exec(_inside("dscale_core/figures/exponents.py"), figure)
    laws = small_study.laws()
    drawn = figure["exponents_in_order"](laws)  # type: ignore[operator]
    np.testing.assert_array_equal(drawn.data[0].y, np.sort(laws.alpha))
    assert (drawn.layout.xaxis.title.text, drawn.layout.yaxis.title.text) == ("rank by α", "exponent α")


def test_the_page_of_contributing_opens(small_study: ds.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.testing.v1 import AppTest

    monkeypatch.chdir(ROOT)
    shutil.copy(ROOT / "app.py", tmp_path)
    shutil.copytree(ROOT / "pages", tmp_path / "pages", ignore=shutil.ignore_patterns("_ui", "__*__*"))
    (tmp_path / "pages" / "8_Statuses.py").write_text(_inside("pages/8_Statuses.py"), encoding="utf-8")
    app = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=60)
    app.switch_page("pages/8_Statuses.py")
    app.run()
    assert not app.exception
    assert app.title[0].value == "Statuses"
    assert dict(app.dataframe[0].value.to_numpy()) == small_study.fits()[0].status_counts
    assert any("30 points, fitted by likelihood" in caption.value for caption in app.caption)


def test_the_picture_of_the_house_is_that_of_this_code() -> None:
    arrows = imports_between_rooms()
    assert TARGET.read_text(encoding="utf-8") == draw(arrows), "out of date: run `make figures`"
    assert arrows["laws"] == arrows["learners"] == {"ground"}
    floor = {room: level for level, rooms in enumerate(storeys(arrows)) for room in rooms}
    assert all(floor[room] > floor[target] for room, targets in arrows.items() for target in targets)
    with pytest.raises(ValueError, match="circle: a → b → a"):
        storeys({"a": {"b"}, "b": {"a"}})


def test_the_figures_of_the_method_are_drawn(tmp_path: Path) -> None:
    shown = set(re.findall(r"figures/([\w-]+)\.png", (ROOT / "docs" / "method.md").read_text(encoding="utf-8")))
    assert shown == set(FIGURES)

    def quickly(_dataset: ds.Dataset, _learner: object, draws: ds.Draws) -> ds.Laws:
        return ds.fit_laws(draws.delta, draws.sizes)

    material = gather(ds.load_dataset("breast_cancer"), tuple(range(80)), (40, 100, 250), 16, 6, 12, quickly)
    for path in draw_all(material, tmp_path):
        assert path.read_bytes()[:4] == b"\x89PNG"
        assert (ROOT / "docs" / "figures" / path.name).is_file()


def test_links_lead_somewhere() -> None:
    for path in TEXTS:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if target.startswith("http"):
                continue
            # the site alone has these, made from the notebook, the faces and the texts at the top
            made = (
                target == "first-study.md"
                or target.startswith("reference/")
                or target in ("contributing.md", "changelog.md")
            )
            assert made or (path.parent / target).exists(), f"{path.name}: {target}"


def outputs(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        for output in cell.get("outputs", []):
            yield number, sorted(output.get("data", {"text": ""}))


def test_the_notebook_runs_and_its_outputs_are_kept(tmp_path: Path) -> None:
    run = tmp_path / "run.ipynb"
    command = [sys.executable, "-m", "docs.tools.run_notebook", "--out", str(run)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-3000:]
    kept = list(outputs(ROOT / "docs" / "first-study.ipynb"))
    assert kept == list(outputs(run)), "out of date: run `make figures`"
    assert sum("image/png" in kinds for _, kinds in kept) == 2


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    found = subprocess.run(
        command, cwd=ROOT, env=environment(ROOT) | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    front = (tmp_path / "site" / "reference" / "dscale_core" / "index.html").read_text(encoding="utf-8")
    assert all(f'id="dscale_core.{name}"' in front for name in ds.__all__)
    method = (tmp_path / "site" / "method" / "index.html").read_text(encoding="utf-8")
    assert method.count("<math") > 40
    assert "arithmatex" not in method
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")]
    # whoever reads the site asks no other host for anything
    assert not {url for page in pages for url in re.findall(r'(?:src=|<link[^>]*href=)"?(https?:[^"> ]+)', page)}
