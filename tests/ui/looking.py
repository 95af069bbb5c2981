"""How page tests look at a page: its words, its errors, its buttons, and what comes a little later."""

from __future__ import annotations

import time

from streamlit.testing.v1 import AppTest

_KINDS = ("markdown", "caption", "info", "success")


def texts(app: AppTest) -> str:
    """All that the page says."""
    return "\n".join(element.value for kind in _KINDS for element in app.get(kind))


def ok(app: AppTest) -> AppTest:
    """The page, which must show neither a traceback nor an error."""
    assert not app.exception
    assert [error.value for error in app.error] == []
    return app


def button(app: AppTest, label: str):
    """The first button whose label begins so."""
    return next(element for element in app.button if element.label.startswith(label))


def settled(app: AppTest, sentence: str) -> AppTest:
    """Look again, as the page itself does, until something stands there."""
    for _ in range(300):
        if sentence in texts(app):
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError(f"{sentence!r} never came; the page says:\n{texts(app)}")
