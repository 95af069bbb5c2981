"""Packages that only part of the work needs: whether one is there, and what to install where it is not.

`pyproject.toml` names the extras. Nothing here imports a package to find out: PyTorch alone would take seconds.
"""

from __future__ import annotations

from importlib.util import find_spec

from dscale_core.errors import MissingPackageError

__all__ = ["is_installed", "missing", "require"]

_EXTRAS = {"torch": "torch", "streamlit": "dashboard"}  # package -> the extra that brings it


def is_installed(package: str) -> bool:
    """Whether a package can be imported."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # an import hook that refuses, or an entry of None among the loaded modules
        return False


def missing(package: str) -> str:
    """What is not installed and what to do about it, in full sentences; empty where the package is there."""
    return "" if is_installed(package) else f"This needs {package}, which is not installed. {_remedy(package)}"


def require(package: str, what: str) -> None:
    """Raise MissingPackageError where a package is not installed that ``what`` needs."""
    if not is_installed(package):
        raise MissingPackageError(f"{what} needs {package}, which is not installed. {_remedy(package)}")


def _remedy(package: str) -> str:
    wanted = f'"dscale[{_EXTRAS[package]}]"' if package in _EXTRAS else package
    return f"Install it with: pip install {wanted}"
