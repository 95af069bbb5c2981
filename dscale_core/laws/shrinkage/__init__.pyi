from .empirical_bayes import fit as fit
from .empirical_bayes import fit_draws as fit_draws
from .empirical_bayes import fit_quickly as fit_quickly
