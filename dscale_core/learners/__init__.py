"""Learners: a file or package each, a registry of all, and the utilities they are measured by.

A new learner is a file that defines a `LearnerBase` and one line in the registry.
"""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
