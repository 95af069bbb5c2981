"""Background jobs: a queue in the catalogue and one worker process that drains it, whatever becomes of the browser.

A job is a row and a process: ``queued -> running -> done | failed | cancelled | interrupted``. A running job is believed
only while its process lives and its heartbeat is fresh.
"""

from __future__ import annotations

from dscale_core.jobs.demo import start_demo
from dscale_core.jobs.kinds import list_kinds
from dscale_core.jobs.queue import Job, cancel, get_job, job_log, list_jobs, resume, seconds_left, submit

__all__ = [
    "Job",
    "cancel",
    "get_job",
    "job_log",
    "list_jobs",
    "list_kinds",
    "resume",
    "seconds_left",
    "start_demo",
    "submit",
]
