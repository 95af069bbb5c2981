from .maximum import fit as fit
