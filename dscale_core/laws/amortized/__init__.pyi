from .learning import fit as fit
from .learning import fit_amortized as fit_amortized
from .model import AmortizedModel as AmortizedModel
