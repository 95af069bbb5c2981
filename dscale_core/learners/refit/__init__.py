"""Learners that refit: any scikit-learn estimator, and trees and forests with what a refit need not repeat left out."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
