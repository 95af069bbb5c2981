from .learner import LearnerBase as LearnerBase
from .learner import require_two_classes as require_two_classes
from .utility import UTILITIES as UTILITIES
from .utility import UtilityInfo as UtilityInfo
from .utility import loss as loss
from .utility import require_utility as require_utility
