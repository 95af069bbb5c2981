from .binary import Logistic as Logistic
from .binary import LogisticEngine as LogisticEngine
