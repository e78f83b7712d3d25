"""Inspect: the list of traces and the viewer. All of it runs in the browser (static/viewer); this file only gives it a place."""

from __future__ import annotations

import gradio as gr

_PLACE = '<div id="saccade-inspect" class="sc-root"></div>'
_MOUNT = """
const place = element.querySelector('#saccade-inspect');
import('/ui/viewer/main.js')
  .then((viewer) => viewer.mount(place))
  .catch((error) => { place.textContent = 'The viewer could not be loaded (' + error + '). Reload the page.'; });
"""


def build() -> None:
    """Adds the tab's content to the Blocks that are being built."""
    gr.HTML(html_template=_PLACE, js_on_load=_MOUNT, apply_default_css=False, elem_id="sc-inspect", padding=False)
