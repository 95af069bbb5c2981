from .kernel_engine import KernelLogistic as KernelLogistic
