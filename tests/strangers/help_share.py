"""A value: the share of a point's draws that help, less one half."""

import numpy as np

import dscale_core as ds


def value(given):
    delta = given.draws.delta
    count = np.isfinite(delta).sum(axis=0)
    share = (np.nan_to_num(delta) > 0).sum(axis=0) / count
    return ds.Values("help_share", given.draws.points, share - 0.5, np.sqrt(share * (1 - share) / count), "share of draws")


ds.register_value("help_share", value, summary="How often a point helps, less one half.", needs=("draws",))
