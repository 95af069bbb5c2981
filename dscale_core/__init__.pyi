from .curation import pick as pick
from .datasets import list_datasets as list_datasets
from .datasets import load_dataset as load_dataset
from .datasets import read_table as read_table
from .errors import DscaleError as DscaleError
from .laws import fit_laws as fit_laws
from .learners import list_learners as list_learners
from .learners import make_learner as make_learner
from .sampling import sample as sample
from .study import Study as Study
from .study import fit as fit
from .types import Contributions as Contributions
from .types import Dataset as Dataset
from .types import Draws as Draws
from .types import Laws as Laws
from .types import SamplingPlan as SamplingPlan
from .values import shapley_from_laws as shapley_from_laws

__version__: str
