"""The Gradio pages: the frame with its tabs. What a tab holds is in app/tabs, a file each."""

from __future__ import annotations

import gradio as gr

from app.services import Services
from app.tabs import import_tab, module_tab

# System fonts only: a web font would be a request to another machine.
_FONT = ("system-ui", "-apple-system", "Segoe UI", "DejaVu Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "DejaVu Sans Mono", "monospace")

HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/ui/favicon.svg" type="image/svg+xml">
<script type="module" src="/ui/ask/opening.js"></script>
"""

BRAND = """
<h1 class="sc-brand"><a href="/" title="Saccade: see where a model looks, step by step">
  <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
    <circle cx="10" cy="10" r="8.2" fill="none" stroke="currentColor" stroke-width="2"/>
    <circle cx="10" cy="10" r="3.6" fill="currentColor"/>
  </svg>
  <span>Saccade</span>
</a></h1>
"""


# Title, place and folder in static/ of the tabs that run in the browser, in their order.
MODULE_TABS = (
    ("Inspect", "inspect", "viewer"),
    ("Ask", "ask", "ask"),
    ("Rate", "rate", "rate"),
    ("Results", "results", "results"),
    ("Curate", "curate", "curate"),
    ("Train", "train", "train"),
    ("Studies", "studies", "studies"),
    ("Raters", "raters", "raters"),
)


def theme() -> gr.themes.Base:
    """Neutral ground and one accent; every colour that the tabs use is derived from it."""
    base = gr.themes.Base(primary_hue="teal", neutral_hue="stone", font=_FONT, font_mono=_MONO, radius_size="sm")
    # Gradio's own grey for second-rank text is too pale to be read (under 4.5 : 1).
    return base.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        input_background_fill="white",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_600",
        button_primary_background_fill="#0f6e6a",
        button_primary_background_fill_hover="#0b5a57",
        button_primary_text_color="white",
        button_primary_background_fill_dark="#0f6e6a",
        button_primary_background_fill_hover_dark="#14817c",
        button_primary_text_color_dark="white",
    )


def build_ui(services: Services) -> gr.Blocks:
    """The pages over these services."""
    blocks: gr.Blocks
    with gr.Blocks(title="Saccade", analytics_enabled=False, fill_width=True, fill_height=True) as blocks:
        gr.HTML(BRAND, elem_id="sc-brand", apply_default_css=False)
        module_tab.build("who", "session", css_class="sc-who")
        with gr.Tabs(elem_id="sc-tabs"):
            for title, place, module in MODULE_TABS:
                with gr.Tab(title, id=place):
                    module_tab.build(place, module)
            if not services.settings.read_only:
                with gr.Tab("Import", id="import"):
                    import_tab.build(services)
    return blocks
