"""Execute a notebook and write it with its outputs: ``python -m docs.tools.run_notebook [--out FILE]``.

What would differ from run to run for no reason (times, addresses of objects) is left out, so that a change of the file is a
change of what it says. A cell that fails ends the run with its traceback.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

__all__ = ["execute"]

NOTEBOOK = Path(__file__).resolve().parents[1] / "first-study.ipynb"


def execute(source: Path, target: Path, folder: Path) -> None:
    """Run every cell of ``source`` in ``folder`` and write the result to ``target``."""
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory(prefix="dscale-") as sockets:  # the kernel is spoken to through files, not ports
        kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/kernel")
        client = NotebookClient(notebook, km=kernel, timeout=300, resources={"metadata": {"path": str(folder)}})
        client.execute()
    for cell in notebook.cells:
        cell.metadata = {}
    notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec",)} | {"language_info": {"name": "python"}}
    nbformat.write(notebook, target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="docs.tools.run_notebook", description="Execute docs/first-study.ipynb.")
    parser.add_argument("--out", type=Path, default=NOTEBOOK, help="file to write (default: the notebook itself)")
    execute(NOTEBOOK, parser.parse_args().out, NOTEBOOK.parents[1])
