"""A tab whose content runs in the browser: it gets a place, and the module of its name in static/ is mounted there."""

from __future__ import annotations

import gradio as gr

_MOUNT = """
const place = element.querySelector('[id^=saccade-]');
import('/ui/%s/main.js')
  .then((page) => page.mount(place))
  .catch((error) => { place.textContent = 'This page could not be loaded (' + error + '). Reload it.'; });
"""


def build(place: str, module: str, *, css_class: str = "sc-place") -> None:
    """Adds the place, whose id is `saccade-<place>`, to the Blocks that are being built; `module` is the folder in static/."""
    gr.HTML(
        html_template=f'<div id="saccade-{place}" class="{css_class}"></div>',
        js_on_load=_MOUNT % module,
        apply_default_css=False,
        elem_id=f"sc-{place}",
        elem_classes=["sc-page"],
        padding=False,
    )
