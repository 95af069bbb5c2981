"""What tables share: a long one says that it goes on, and the download has everything."""

from __future__ import annotations

import pandas as pd
import pytest
from looking import texts
from streamlit.testing.v1 import AppTest


def shown(n_rows: int) -> AppTest:
    def page(n_rows: int) -> None:
        import pandas as pd
        import streamlit as st

        from pages._ui.selecting import csv_button, first_rows

        frame = pd.DataFrame({"point": range(n_rows)})
        csv_button(frame, "CSV", "points.csv")
        st.dataframe(first_rows(frame))

    return AppTest.from_function(page, kwargs={"n_rows": n_rows}, default_timeout=60).run()


@pytest.mark.parametrize(("n_rows", "n_shown"), [(3, 3), (20_000, 20_000), (20_001, 20_000)])
def test_the_first_rows_are_shown_and_a_longer_table_says_so(n_rows: int, n_shown: int) -> None:
    app = shown(n_rows)
    assert not app.exception
    pd.testing.assert_frame_equal(app.dataframe[0].value, pd.DataFrame({"point": range(n_shown)}))
    said = "Showing the first 20,000 of 20,001 rows by rank; the download has all of them."
    assert texts(app) == (said if n_rows > n_shown else "")


@pytest.mark.parametrize("n_rows", [0, 3])
def test_an_empty_table_cannot_be_downloaded(n_rows: int) -> None:
    (download,) = shown(n_rows).get("download_button")
    assert download.proto.label == "CSV"
    assert download.proto.disabled == (n_rows == 0)
