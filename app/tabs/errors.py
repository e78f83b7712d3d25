"""The boundary of the tabs: an error raised on purpose is shown by its sentence, everything else is a defect and stays one."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from core.errors import SaccadeError


@contextmanager
def as_gradio_error() -> Iterator[None]:
    """Turns a SaccadeError inside the block into Gradio's message on the page."""
    try:
        yield
    except SaccadeError as error:
        # Gradio shows a message as markup, and a sentence may quote a file name.
        raise gr.Error(html.escape(str(error)), duration=None, print_exception=False) from error
