from .any_estimator import EstimatorSpec as EstimatorSpec
from .any_estimator import Refit as Refit
from .any_estimator import RefitEngine as RefitEngine
