from .machine import Svm as Svm
