"""The error tree: every failure a caller can cause or meet is a `DscaleError`.

A message says which argument, what was required, what came, and what to do; pages show it as it stands.
"""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "DataError",
    "DscaleError",
    "JobError",
    "MissingPackageError",
    "NotFoundError",
    "StoreError",
]


class DscaleError(Exception):
    """Root of all errors raised on purpose by dscale."""


class ArgumentError(DscaleError, ValueError):
    """A call that cannot be served as it was made.

    Parameters
    ----------
    argument : the argument's name as the caller wrote it
    required : what it must be, continuing "must": ``"be between 2 and 100"``
    got : what came
    remedy : what to do, a full sentence
    """

    def __init__(self, argument: str, required: str, got: object, remedy: str) -> None:
        super().__init__(f"{argument} must {required}; got {got}. {remedy}")
        self.argument = argument
        self.remedy = remedy


class DataError(DscaleError, ValueError):
    """Data brought by a user that cannot be used; the message names the column and the remedy."""


class MissingPackageError(DscaleError, ImportError):
    """A package that this part of the work needs and that is not installed; the message says what to install."""


class NotFoundError(DscaleError, LookupError):
    """A name or id that the registry or the catalogue does not hold."""


class StoreError(DscaleError, OSError):
    """The cache folder cannot be read or written as it should."""


class JobError(DscaleError, RuntimeError):
    """A background job that cannot be started, stopped or resumed."""
