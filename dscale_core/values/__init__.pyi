from .shapley import shapley_from_laws as shapley_from_laws
