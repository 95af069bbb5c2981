"""Work beside the page: short work in a thread, long work as jobs."""

from pages._ui.work import background as background
from pages._ui.work.job_panel import job_word as job_word
from pages._ui.work.job_panel import show_jobs as show_jobs
from pages._ui.work.measured_again import ask_reliability as ask_reliability
