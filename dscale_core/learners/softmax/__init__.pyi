from .multiclass import SoftmaxEngine as SoftmaxEngine
