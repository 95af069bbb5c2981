"""Background jobs: a queue in the catalogue and one worker process that drains it, whatever becomes of the browser.

A job is a row and a process: ``queued -> running -> done | failed | cancelled | interrupted``. A running job is believed
only while its process lives and its heartbeat is fresh.
"""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
