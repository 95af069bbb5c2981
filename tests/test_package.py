"""What `pip install` brings: all files of the wheel, the command `dscale`, and a core that does without its extras."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
import tomllib
import urllib.request
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import dscale_core
from dscale_core.errors import MissingPackageError
from dscale_core.extras import is_installed, missing, require

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# a finder that refuses packages, read by every interpreter that finds it on its path
REFUSAL = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's packages, as pip lays them out."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def environment(*folders: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}


@pytest.fixture
def without(tmp_path: Path) -> Callable[..., Run]:
    """``without("torch")(code)``: run Python where some packages cannot be imported, in a folder of its own."""

    def refusing(*packages: str) -> Run:
        (tmp_path / "sitecustomize.py").write_text(REFUSAL.format(packages=set(packages)), encoding="utf-8")

        def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, *arguments]
            found = subprocess.run(
                command, cwd=tmp_path, env=environment(tmp_path, ROOT), capture_output=True, text=True, check=False
            )
            assert not (check and found.returncode), found.stderr
            return found

        return run

    return refusing


def files(folder: str, *suffixes: str) -> set[str]:
    found = {path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return {path.relative_to(ROOT).as_posix() for path in found if not suffixes or path.suffix in suffixes}


def test_the_wheel_holds_the_core_its_faces_and_the_pages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    core = files("dscale_core")
    assert {Path(name).suffix for name in core} == {".py", ".pyi", ".typed"}
    pages = {f"dscale_dashboard/{name}" for name in files("pages") | {"app.py", ".streamlit/config.toml"}}
    assert names == core | pages
    assert "dscale_core/py.typed" in names
    assert "dscale_core/__init__.pyi" in names  # lazy_loader reads it at run time


def test_the_wheel_says_what_the_project_says(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        folder = next(name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name)
        about = message_from_bytes(archive.read(f"{folder}/METADATA"))
        scripts = archive.read(f"{folder}/entry_points.txt").decode()
    assert about["Version"] == dscale_core.__version__
    assert set(about.get_all("Provides-Extra")) == {"all", "dashboard", "torch"}
    assert "dscale = dscale_core.__main__:main" in scripts
    base = {Requirement(line).name for line in about.get_all("Requires-Dist") if "extra ==" not in line}
    assert not base & {"torch", "streamlit", "plotly"}


def test_the_newest_heading_of_the_changelog_is_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0].strip("[]") == dscale_core.__version__


def test_requirements_say_what_pyproject_says() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = {r.name: r for r in map(Requirement, (line for line in lines if not line.startswith("#")))}
    extras = PROJECT["optional-dependencies"]
    wanted = {r.name: r for r in map(Requirement, PROJECT["dependencies"] + extras["dashboard"] + extras["torch"])}
    assert set(listed) == set(wanted)
    pinned = re.fullmatch(r"==([\d.]+)", str(listed["torch"].specifier))
    assert pinned
    assert wanted["torch"].specifier.contains(pinned[1])
    for name in set(wanted) - {"torch"}:
        assert listed[name].specifier == wanted[name].specifier, name


def test_every_package_that_the_core_imports_is_declared() -> None:
    from test_layers import CORE, imported

    own = {"dscale_core", "__future__"}
    names = {name.split(".")[0] for path in CORE.rglob("*.py") for name in imported(path)} - own - sys.stdlib_module_names
    declared = {Requirement(line).name.replace("-", "_") for line in PROJECT["dependencies"]}
    optional = {"plotly", "torch"}  # by the extras
    brought = {"llvmlite"}  # by numba, in the one version that it works with
    assert names - optional - brought == (declared - {"scikit_learn"}) | {"sklearn"}


def serving(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(120):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(log.read_text())


@pytest.mark.parametrize("place", ["installed", "checkout"])
def test_run_serves_the_dashboard_from_anywhere(place: str, installed: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log, cache = tmp_path / "log", tmp_path / "kept"
    command = [sys.executable, "-m", "dscale_core", "run", "--port", str(port), "--cache", str(cache)]
    source = installed if place == "installed" else ROOT
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(source), stdout=sink, stderr=sink)
    try:
        url = f"http://127.0.0.1:{port}"
        serving(url, process, log)
        with urllib.request.urlopen(f"{url}/Sample", timeout=5) as answer:
            assert answer.status == 200
        said = log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    # the address is set in .streamlit/config.toml alone: the file beside the script was read
    assert f"URL: {url}" in said
    assert "Network URL" not in said


def test_pages_of_the_wheel_open_on_their_own_modules(installed: Path, tmp_path: Path) -> None:
    code = f"""
        import os, sys
        sys.path.insert(0, {str(installed / "dscale_dashboard")!r})  # as `streamlit run` does
        from streamlit.testing.v1 import AppTest
        app = AppTest.from_file({str(installed / "dscale_dashboard/app.py")!r}, default_timeout=60).run()
        for page in ("3_Fit", "5_Validate"):
            app.switch_page(f"pages/{{page}}.py").run()
            assert not app.exception, app.exception
            print(app.title[0].value)
        import pages, dscale_core
        from pages._ui.frame import page
        print(pages.__file__, dscale_core.__file__, page._ICON.is_file())
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env=environment(installed),
        capture_output=True,
        text=True,
        check=True,
    )
    pages, core = installed / "dscale_dashboard" / "pages" / "__init__.py", installed / "dscale_core" / "__init__.py"
    assert found.stdout.splitlines() == ["Fit", "Validate", f"{pages} {core} True"]


def test_run_says_in_one_line_what_to_install(without: Callable[..., Run]) -> None:
    found = without("streamlit")("-m", "dscale_core", "run", check=False)
    said = (
        'dscale: The dashboard needs streamlit, which is not installed. Install it with: pip install "dscale[dashboard]"\n'
    )
    assert (found.returncode, found.stdout, found.stderr) == (2, "", said)


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        found = subprocess.run(
            [sys.executable, "-m", "dscale_core", "datasets"], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writing)
    assert (found.returncode, found.stderr) == (0, b"")


@pytest.mark.parametrize("port", ["0", "65536"])
def test_run_refuses_a_port_that_is_none(port: str, without: Callable[..., Run]) -> None:
    found = without()("-m", "dscale_core", "run", "--port", port, check=False)
    assert found.returncode == 2
    assert found.stderr.startswith("dscale: --port must lie between 1 and 65535")


def test_without_torch_all_but_the_network_works_and_says_so(without: Callable[..., Run]) -> None:
    code = """
        import sys
        import numpy as np
        import dscale_core as ds
        from dscale_core import jobs, laws
        from dscale_core.errors import ArgumentError, MissingPackageError

        data = ds.load_dataset("breast_cancer")
        plan = ds.SamplingPlan(points=tuple(range(40)), min_size=20, max_size=80, draws=14)
        study = ds.Study.create(data, ds.make_learner("logistic"), plan, "cache")
        study.sample()
        for name in laws.list_methods():
            about = laws.describe_method(name)
            if about.missing:
                print(name, about.missing)
                for call in (lambda: study.fit(name), lambda: jobs.submit(study, "fit", {"method": name}),
                             lambda: ds.fit(data, study.learner, study.draws(), name), lambda: study.predict_laws([50]),
                             lambda: ds.fit_laws(study.draws().delta, study.draws().sizes, name)):
                    try:
                        call()
                    except MissingPackageError as error:
                        assert 'pip install "dscale[torch]"' in str(error), error
                    else:
                        raise AssertionError(name)
            else:
                assert study.fit(name).method == name
        study.pick(60, 5, "shrinkage")

        members, some = np.arange(100, 130), np.arange(3)
        delta = {}
        for activation, device in (("tanh", "cpu"), ("tanh", "auto"), ("gelu", "cpu")):
            learner = ds.make_learner("mlp", steps=5, activation=activation, device=device)
            delta[activation, device] = learner.contributions(data, members, some).delta
        np.testing.assert_array_equal(delta["tanh", "cpu"], delta["tanh", "auto"])
        for call in (lambda: learner.reference_loss(data, members, "log_loss"),
                     lambda: ds.make_learner("mlp", device="cuda").contributions(data, members, some)):
            try:
                call()
            except MissingPackageError as error:
                print(error)
        assert "torch" not in sys.modules
    """
    found = without("torch")("-c", textwrap.dedent(code))
    remedy = 'which is not installed. Install it with: pip install "dscale[torch]"'
    assert found.stdout.splitlines() == [
        f"amortized This needs torch, {remedy}",
        f'The reference training of the learner "mlp" with the activation "gelu" needs torch, {remedy}',
        f'The learner "mlp" on a graphics card needs torch, {remedy}',
    ]


def test_a_package_is_found_without_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_installed("streamlit")
    assert missing("streamlit") == ""
    require("streamlit", "Nothing")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert not is_installed("torch")
    with pytest.raises(MissingPackageError, match=r'^This test needs torch, .*"dscale\[torch\]"$'):
        require("torch", "This test")
    monkeypatch.setitem(sys.modules, "of_their_own", None)
    assert missing("of_their_own").endswith("Install it with: pip install of_their_own")
