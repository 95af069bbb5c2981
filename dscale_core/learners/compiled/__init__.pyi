from . import anderson as anderson
from . import knn_kernels as knn_kernels
from . import logit_kernels as logit_kernels
from . import mlp_kernels as mlp_kernels
from . import mlp_tiles as mlp_tiles
from . import softmax_kernels as softmax_kernels
from . import softmax_own as softmax_own
from . import svm_kernels as svm_kernels
