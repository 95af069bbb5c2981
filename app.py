"""Home: what this is, the studies, and one click to a finished demo. Run with `streamlit run app.py`."""

import streamlit as st

from dscale_core import jobs
from pages._ui import loading
from pages._ui.frame import PAGES, begin_page, errors_shown, set_study
from pages._ui.home import study_cards
from pages._ui.work import show_jobs

begin_page("dscale", "What each data point is worth, at your dataset's size.")


def introduction():
    left, right = st.columns([3, 2], gap="large", vertical_alignment="top")
    left.markdown(
        "A point that helps a model trained on 100 examples may be worthless, or the best of all, at 10,000. "
        "dscale measures each point's contribution δ in random training sets of many sizes and fits its own scaling law "
        "$\\psi_k = c\\,k^{-\\alpha}$. Choose a size k, look, compare and check, and pick the points to add."
    )
    with right, st.container(border=True):
        st.markdown("**See it on real data** · handwritten digits, logistic regression")
        if st.button("Run the demo", type="primary", icon=":material/play_arrow:", key="run_demo"):
            st.session_state["demo"] = jobs.start_demo(loading.cache_folder())
            set_study(st.session_state["demo"])
            st.rerun()
        demo()


def demo():
    """Live progress of the demo that this session started; a link to Explore once it is done."""
    study_id = st.session_state.get("demo")
    if study_id is None or study_id not in [summary.id for summary in loading.studies()]:
        st.caption("Samples and fits in the background; you can close the browser.")
        return
    busy = show_jobs(study_id, ("sample", "fit"), finished=True)
    if not busy and loading.fits(loading.open_study(study_id, loading.cache_folder())):
        st.success("The demo is finished.", icon=":material/check_circle:")
        st.page_link(
            PAGES["Explore"], label="Explore the demo", icon=":material/arrow_forward:", query_params={"study": study_id}
        )


with errors_shown():
    introduction()
    study_cards(loading.studies())
