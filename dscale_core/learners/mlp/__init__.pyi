from .perceptron import Mlp as Mlp
