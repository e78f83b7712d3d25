"""Import: files of traces into the store, looked at first if one likes, with a verdict for every line."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import gradio as gr
from PIL import Image

from annotations.importing.preview import Preview, draw_preview, preview
from annotations.importing.report import ImportReport, Progress
from app.durations import duration
from app.importing import (
    Form,
    frame_rows,
    outcome_rows,
    preview_words,
    progress_words,
    request_of,
    running_import,
    verdict_rows,
)
from app.services import Services
from app.tabs.errors import as_gradio_error
from app.words import DOMAIN_TITLES

_LEAD = """
Bring in evaluation rollouts, search trees, SFT dialogs, RL and evaluation records, error logs, or what Saccade exported: JSON lines, a JSON
array or parquet, also gzipped. Importing a file twice adds nothing, and a line that cannot be taken never costs another.
"""
_BEFORE = (
    "Look first shows what is in the files, and the first picture with its points in the frame that was recovered, before anything is "
    "imported. A wrong frame puts every point in the wrong place: look for it there."
)
_FRAMES = [
    ("Find out (args.json, or the file's kind)", "auto"),
    ("Pixels of the picture as stored", "original"),
    ("Pixels as Qwen2.5-VL resizes it", "resized"),
    ("Longest side limited to 1260", "side:1260"),
    ("Thousandths of each side (Qwen3-VL)", "normalised"),
]


# Where the frame stands in the form's fields.
_FRAME = 5


class _Results(NamedTuple):
    """The right half: what was found or done."""

    status: gr.HTML
    picture: gr.Image
    frames: gr.Dataframe
    counts: gr.Dataframe
    refused: gr.Dataframe
    report: gr.DownloadButton


def build(services: Services) -> None:
    """Adds the tab's content to the Blocks that are being built."""
    with gr.Column(elem_id="sc-import"):
        gr.HTML(f"<h2>Import traces</h2><p>{_LEAD}</p>", elem_classes="sc-lead", apply_default_css=False)
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=320):
                form = _form()
                with gr.Row():
                    check = gr.Button("Look first", variant="secondary", elem_id="sc-import-check")
                    start = gr.Button("Import", variant="primary", elem_id="sc-import-start")
                    stop = gr.Button("Stop", variant="stop", visible=False, elem_id="sc-import-stop")
            with gr.Column(scale=5, min_width=320):
                results = _results()
    _wire(services, form, check, start, stop, results)


def _form() -> list[Any]:
    files = gr.File(
        label="Files of traces, with their args.json where there is one", file_count="multiple", height=132, elem_id="sc-import-files"
    )
    folder = gr.Textbox(
        label="Folder of the pictures on this machine",
        placeholder="/data/vigorl",
        info="The folder that the picture paths in the files start from. Nothing outside it is read.",
        elem_id="sc-import-folder",
    )
    pictures = gr.File(
        label="or upload the pictures: they are found by their names",
        file_count="multiple",
        file_types=["image"],
        height=132,
        elem_id="sc-import-pictures",
    )
    dataset = gr.Textbox(label="Data set", placeholder="named after the run or the file", elem_id="sc-import-dataset")
    with gr.Accordion("What the files do not say", open=False):
        domains = [("Tell by the truth, row by row", ""), *((title, name.value) for name, title in DOMAIN_TITLES.items())]
        domain = gr.Dropdown(domains, value="", label="Domain")
        frame = gr.Dropdown(
            _FRAMES, value="auto", label="What the coordinates are measured in", allow_custom_value=True, elem_id="sc-import-frame",
            info="Also side:N for a limit of the longest side, or budget:N for a limit of the area in pixels.",
        )  # fmt: skip
        strict = gr.Checkbox(label="All or nothing: one refused line, and nothing is imported", elem_id="sc-import-strict")
    return [files, folder, pictures, dataset, domain, frame, strict]


def _results() -> _Results:
    status = gr.HTML(_status(_BEFORE), elem_id="sc-import-status", apply_default_css=False)
    picture = gr.Image(
        label="The first picture with its points",
        type="pil",
        visible=False,
        interactive=False,
        buttons=["fullscreen"],
        elem_id="sc-import-picture",
    )
    frames = gr.Dataframe(
        headers=["frame", "the numbers would be", "points outside"],
        visible=False,
        interactive=False,
        wrap=True,
        label="Frames that were tried",
    )
    counts = gr.Dataframe(headers=["lines", "count"], visible=False, interactive=False, label="What became of the lines")
    refused = gr.Dataframe(
        headers=["file", "line", "why"], visible=False, interactive=False, wrap=True, label="Refused lines (the first of them)",
        elem_id="sc-import-refused", column_widths=["25%", "10%", "65%"],
    )  # fmt: skip
    report = gr.DownloadButton("Download the verdict of every line", visible=False, elem_id="sc-import-report")
    return _Results(status, picture, frames, counts, refused, report)


def _wire(services: Services, form: list[Any], check: gr.Button, start: gr.Button, stop: gr.Button, results: _Results) -> None:
    def look(*fields: Any) -> dict[Any, Any]:
        with as_gradio_error():
            found = preview(request_of(_as_form(fields), services.scratch), services.pictures)
            return _found(found, results)

    def look_in_frame(event: gr.SelectData, *fields: Any) -> dict[Any, Any]:
        option = str(event.row_value[0])
        return {**look(*fields[:_FRAME], option, *fields[_FRAME + 1 :]), form[_FRAME]: option}

    def run(*fields: Any) -> Iterator[dict[Any, Any]]:
        with as_gradio_error():
            request = request_of(_as_form(fields), services.scratch)
            yield {stop: gr.update(visible=True), start: gr.update(interactive=False), results.status: _status("Starting.")}
            for told in running_import(request, services.store, services.pictures):
                if isinstance(told, Progress):
                    yield {results.status: _status(progress_words(told), share=told.share)}
                else:
                    yield {**_done(told, str(request.report), results), **idle()}

    def idle() -> dict[Any, Any]:
        return {stop: gr.update(visible=False), start: gr.update(interactive=True)}

    check.click(look, form, list(results), api_visibility="private", show_progress="minimal", show_progress_on=results.status)
    results.frames.select(look_in_frame, form, [*results, form[_FRAME]], api_visibility="private", show_progress="minimal")
    running = start.click(run, form, [*results, start, stop], api_visibility="private", show_progress="hidden")
    running.failure(idle, None, [start, stop], api_visibility="private")
    stop.click(
        lambda: {results.status: _status("Stopped. What was imported before is kept."), **idle()},
        None,
        [results.status, start, stop],
        cancels=[running],
        api_visibility="private",
    )


def _as_form(fields: tuple[Any, ...]) -> Form:
    files, folder, pictures, dataset, domain, frame, strict = fields
    return Form(tuple(files or ()), folder or "", tuple(pictures or ()), dataset or "", domain or "", frame or "auto", bool(strict))


def _found(found: Preview, results: _Results) -> dict[Any, Any]:
    shown = found.frame is not None and found.picture_file is not None
    picture = Image.open(io.BytesIO(draw_preview(found))) if shown else None
    words = [preview_words(found), *found.warnings]
    return {
        results.status: _status(" ".join(words), warn=bool(found.warnings or found.refused or (found.frame and found.frame.outside))),
        results.picture: gr.update(value=picture, visible=shown, label=f"The first picture with its points: {found.question[:120]}"),
        results.frames: gr.update(value=frame_rows(found), visible=found.frame is not None),
        results.refused: gr.update(value=verdict_rows(found.refused), visible=bool(found.refused)),
        results.counts: gr.update(visible=False),
        results.report: gr.update(visible=False),
    }


def _done(report: ImportReport, file: str, results: _Results) -> dict[Any, Any]:
    return {
        results.status: _status(
            " ".join([report.words, f"It took {duration(report.seconds)}.", *report.warnings]),
            warn=bool(report.warnings) or report.taken_back,
            links=() if report.taken_back else tuple(report.datasets),
        ),
        results.picture: gr.update(visible=False),
        results.frames: gr.update(visible=False),
        results.counts: gr.update(value=outcome_rows(report), visible=True),
        results.refused: gr.update(value=verdict_rows(report.refused), visible=bool(report.refused)),
        results.report: gr.update(value=file, visible=True),
    }


def _status(words: str, *, share: float | None = None, warn: bool = False, links: tuple[str, ...] = ()) -> str:
    """A line for the eye and for a screen reader; everything in it is escaped text."""
    bar = f'<progress max="100" value="{share * 100:.0f}">{share:.0%}</progress>' if share is not None else ""
    opened = "".join(f'<a href="/?dataset={quote(name, safe="")}">Open “{html.escape(name)}”</a>' for name in links)
    mark = " sc-warn" if warn else ""
    return f'<div class="sc-status{mark}" role="status" aria-live="polite"><p>{html.escape(words)}</p>{bar}{opened}</div>'
