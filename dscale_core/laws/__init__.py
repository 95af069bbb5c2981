"""Individual scaling laws: what is fitted to draws, by which estimator, and the law of the loss itself.

`law` holds the notation and the formulas, `methods` `fit_laws` and the registry of estimators, `problem` what every
estimator is given. An estimator is a module or a package with ``fit(problem: Problem) -> Laws``: `likelihood`, `log_linear`,
`two_term`, `shrinkage`, `amortized`. `deviations` lets one follow a guide, `misfit` measures what intervals lack.
"""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
