"""Values as a ranked table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dscale_core.types import Dataset, Values

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["value_table"]


def value_table(values: Values, dataset: Dataset) -> pd.DataFrame:
    """One row a point, the most useful first; points without a value come last and have no rank.

    Columns: rank (nullable), point, row (in the source), label, value, error (its standard error).
    """
    import pandas as pd

    frame = pd.DataFrame(
        {
            "point": values.points,
            "row": dataset.records.index.to_numpy()[values.points],
            "label": dataset.labels(values.points),
            "value": values.value,
            "error": values.error,
        }
    )
    frame = frame.sort_values(["value", "point"], ascending=[False, True], na_position="last", ignore_index=True)
    frame.insert(0, "rank", frame["value"].rank(method="min", ascending=False).astype("Int64"))
    return frame
