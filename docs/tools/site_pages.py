"""A hook of mkdocs: makes the site's pages of reference and the notebook, and sets formulas without asking another host.

Reference pages follow the faces: each package's ``__init__.pyi`` names what it hands on, and that is what its page shows. A
public function or class without a docstring is a warning, and `make docs` fails on warnings.
"""

from __future__ import annotations

import ast
import base64
import html
import json
import logging
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

__all__ = ["on_files", "on_page_content"]

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "",
    "datasets",
    "learners",
    "sampling",
    "laws",
    "validation",
    "values",
    "curation",
    "figures",
    "study",
    "jobs",
    "store",
)
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
_log = logging.getLogger("mkdocs.plugins.site_pages")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each room, the notebook's page, and the texts that stand at the top of the repository."""
    for room in ROOMS:
        package = f"dscale_core.{room}".rstrip(".")
        files.append(File.generated(config, f"reference/{package}.md", content=_reference(package)))
    notebook = json.loads((ROOT / "docs" / "first-study.ipynb").read_text(encoding="utf-8"))
    files.append(File.generated(config, "first-study.md", content=_notebook(notebook)))
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, name.lower(), content=text))
    return files


def on_page_content(content: str, **_: Any) -> str:
    """Formulas as MathML, which browsers set by themselves."""

    def typeset(found: re.Match[str]) -> str:
        return str(convert(html.unescape(found[3]).strip(), display="block" if found[2] == "[" else "inline"))

    return _FORMULA.sub(typeset, content)


def _reference(package: str) -> str:
    folder = ROOT / package.replace(".", "/")
    names = [
        alias.asname or alias.name
        for node in ast.parse((folder / "__init__.pyi").read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    return f"# {package}\n\n::: {package}\n    options:\n      members: {json.dumps(names)}\n"


def _notebook(notebook: dict[str, Any]) -> str:
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [_output(output) for output in cell["outputs"]]
    return "\n\n".join(parts)


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        picture = base64.b64encode(base64.b64decode(data["image/png"])).decode()
        return f'<img alt="{html.escape("".join(data["text/plain"]))}" src="data:image/png;base64,{picture}"/>'
    if "text/html" in data:
        return f'<div class="md-typeset__table" markdown="0">{"".join(data["text/html"])}</div>'
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f"```text\n{text.rstrip()}\n```"
