"""A dataset: two half moons that reach into each other."""

import numpy as np
import pandas as pd

import dscale_core as ds


def load():
    random = np.random.default_rng(7)
    angle, side = np.pi * random.uniform(size=400), random.integers(0, 2, size=400)
    x = np.where(side, 1 - np.cos(angle), np.cos(angle)) + 0.2 * random.normal(size=400)
    y = np.where(side, 0.5 - np.sin(angle), np.sin(angle)) + 0.2 * random.normal(size=400)
    frame = pd.DataFrame({"x": x, "y": y, "moon": np.where(side, "lower", "upper")})
    return ds.read_table(frame, label="moon", name="half_moons")


ds.register_dataset("half_moons", load, task="classification", n_rows=400, n_features=2, summary="Two half moons.")
