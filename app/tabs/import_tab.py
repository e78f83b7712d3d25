"""Import: files of traces into the store, looked at first if one likes, with a verdict for every line."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import gradio as gr

from annotations.importing.preview import Preview, draw_preview, preview
from annotations.importing.report import ImportReport, LineVerdict, Outcome, Progress
from app.durations import duration
from app.importing import Form, frame_choices, preview_words, progress_words, request_of, running_import
from app.services import Services
from app.words import DOMAIN_TITLES
from core.errors import SaccadeError

_LEAD = """
Bring in evaluation rollouts, search trees, SFT dialogs, RL and evaluation records, error logs, or what Saccade exported: JSON lines, a JSON
array or parquet, also gzipped. Importing a file twice adds nothing, and a line that cannot be taken never costs another.
"""
_BEFORE = (
    "Look first shows what is in the files, and the first picture with its points in the frame that was recovered, before anything is "
    "imported. A wrong frame puts every point in the wrong place: look for it there."
)
_LEGEND = "Points carry their step's number, a colour for each trace; a red square is outside, shown at the nearest edge."
_FRAMES = [
    ("Find out (args.json, or the file's kind)", "auto"),
    ("Pixels of the picture as stored", "original"),
    ("Pixels as Qwen2.5-VL resizes it", "resized"),
    ("Longest side limited to 1260", "side:1260"),
    ("Thousandths of each side (Qwen3-VL)", "normalised"),
]
# Where they stand in the form's fields.
_FRAME, _STRICT = 5, 6

Updates = dict[Any, Any]


class _Results(NamedTuple):
    """The right half: what was found or done."""

    status: gr.HTML
    pictures: gr.HTML
    frames: gr.Radio
    verdicts: gr.HTML
    report: gr.DownloadButton


class _Buttons(NamedTuple):
    check: gr.Button
    start: gr.Button
    stop: gr.Button


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
    _wire(services, form, _Buttons(check, start, stop), results)


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
        domains = [("Tell each row's domain from its truth", ""), *((title, name.value) for name, title in DOMAIN_TITLES.items())]
        domain = gr.Dropdown(domains, value="", label="Domain")
        frame = gr.Dropdown(
            _FRAMES,
            value="auto",
            label="What the coordinates are measured in",
            allow_custom_value=True,
            elem_id="sc-import-frame",
            info="Also side:N for a limit of the longest side, or budget:N for a limit of the area in pixels.",
        )
        strict = gr.Checkbox(label="All or nothing: one refused line, and nothing is imported", elem_id="sc-import-strict")
    return [files, folder, pictures, dataset, domain, frame, strict]


def _results() -> _Results:
    return _Results(
        status=gr.HTML(_status(_BEFORE), elem_id="sc-import-status", apply_default_css=False),
        pictures=gr.HTML(visible=False, elem_id="sc-import-pictures-seen", apply_default_css=False),
        frames=gr.Radio(label="Read the numbers as", visible=False, elem_id="sc-import-frames"),
        verdicts=gr.HTML(visible=False, elem_id="sc-import-verdicts", apply_default_css=False),
        report=gr.DownloadButton("Download the verdict of every line", visible=False, elem_id="sc-import-report"),
    )


def _wire(services: Services, form: list[Any], buttons: _Buttons, results: _Results) -> None:
    def look(*fields: Any) -> Iterator[Updates]:
        found = preview(request_of(_as_form(fields), services.scratch), services.pictures)
        yield {**_cleared(results), **_found(found, results)}

    def look_in_frame(option: str, *fields: Any) -> Iterator[Updates]:
        forced = (*fields[:_FRAME], option, *fields[_FRAME + 1 :])
        found = preview(request_of(_as_form(forced), services.scratch), services.pictures)
        # The choices stay where they are: what was clicked must not jump away from under the pointer.
        shown = _found(found, results)
        del shown[results.frames]
        yield {**shown, form[_FRAME]: option}

    def run(*fields: Any) -> Iterator[Updates]:
        request = request_of(_as_form(fields), services.scratch)
        yield {**_cleared(results), results.status: _status("Starting."), **_busy(buttons)}
        for told in running_import(request, services.store, services.pictures):
            if isinstance(told, Progress):
                yield {results.status: _status(progress_words(told), share=told.share)}
            else:
                yield {**_done(told, str(request.report), results), **_idle(buttons)}

    def stopped(strict: bool) -> Updates:
        kept = "Nothing was imported, because all or nothing was asked for." if strict else "What was imported before is kept."
        return {results.status: _status(f"Stopped. {kept}"), **_idle(buttons)}

    everything = [*results, buttons.start, buttons.stop]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    buttons.check.click(_in_words(look, results, buttons), form, everything, **quiet)
    results.frames.input(_in_words(look_in_frame, results, buttons), [results.frames, *form], [*everything, form[_FRAME]], **quiet)
    running = buttons.start.click(_in_words(run, results, buttons), form, everything, **quiet)
    # Only then: the import's last word must not come behind this one.
    buttons.stop.click(None, cancels=[running], **quiet).then(stopped, form[_STRICT], everything, **quiet)


def _in_words(handler: Callable[..., Iterator[Updates]], results: _Results, buttons: _Buttons) -> Callable[..., Iterator[Updates]]:
    """The tab's boundary: an error raised on purpose is said in the status, in place of whatever stood there before."""

    def guarded(*fields: Any) -> Iterator[Updates]:
        try:
            yield from handler(*fields)
        except SaccadeError as error:
            yield {**_cleared(results), results.status: _status(str(error), warn=True), **_idle(buttons)}

    return guarded


def _busy(buttons: _Buttons) -> Updates:
    return {buttons.stop: gr.update(visible=True), buttons.start: gr.update(interactive=False)}


def _idle(buttons: _Buttons) -> Updates:
    return {buttons.stop: gr.update(visible=False), buttons.start: gr.update(interactive=True)}


def _cleared(results: _Results) -> Updates:
    """Nothing of an earlier look or import stays beside a new one."""
    return {part: gr.update(visible=False) for part in results[1:]}


def _as_form(fields: tuple[Any, ...]) -> Form:
    files, folder, pictures, dataset, domain, frame, strict = fields
    return Form(tuple(files or ()), folder or "", tuple(pictures or ()), dataset or "", domain or "", frame or "auto", bool(strict))


def _found(found: Preview, results: _Results) -> Updates:
    pictures = [
        _figure(draw_preview(found, picture_index=index), shown.question, shown.words)
        for index, shown in enumerate(found.shown)
        if shown.picture_file is not None
    ]
    warn = bool(found.warnings or found.refused or (found.frame and found.frame.outside))
    choices = frame_choices(found)
    return {
        results.status: _status(" ".join([preview_words(found), *found.warnings]), warn=warn),
        results.pictures: gr.update(value=f"<p>{_LEGEND}</p>{''.join(pictures)}", visible=bool(pictures)),
        results.frames: gr.update(choices=choices, value=choices[0][1] if choices else None, visible=bool(choices)),
        results.verdicts: gr.update(value=_refused(found.refused), visible=bool(found.refused)),
    }


def _done(report: ImportReport, file: str, results: _Results) -> Updates:
    counts = _table(("lines", "count"), [(outcome.value, f"{report.count(outcome):,}") for outcome in Outcome])
    words = " ".join([report.words, f"It took {duration(report.seconds)}.", *report.warnings])
    links = () if report.taken_back else tuple(report.datasets)
    return {
        results.status: _status(words, warn=bool(report.warnings) or report.taken_back, links=links),
        results.verdicts: gr.update(value=counts + _refused(report.refused), visible=True),
        results.report: gr.update(value=file, visible=True),
    }


def _figure(png: bytes, question: str, words: str) -> str:
    """A picture inside the page itself, whole, with its question and its frame as text."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    said = f"<strong>{html.escape(question[:300])}</strong> {html.escape(words)}"
    return f'<figure><img alt="The picture with its points" src="{source}"><figcaption>{said}</figcaption></figure>'


def _refused(verdicts: Sequence[LineVerdict]) -> str:
    if not verdicts:
        return ""
    rows = [(verdict.file, f"{verdict.line:,}" if verdict.line else "", verdict.words) for verdict in verdicts]
    return f"<h3>Refused lines (the first of them)</h3>{_table(('file', 'line', 'why'), rows)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain text: every cell is escaped."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="sc-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _status(words: str, *, share: float | None = None, warn: bool = False, links: tuple[str, ...] = ()) -> str:
    """A line for the eye and for a screen reader; everything in it is escaped text."""
    bar = f'<progress max="100" value="{share * 100:.0f}">{share:.0%}</progress>' if share is not None else ""
    opened = "".join(f'<a href="/?dataset={quote(name, safe="")}">Open “{html.escape(name)}”</a>' for name in links)
    mark = " sc-warn" if warn else ""
    return f'<div class="sc-status{mark}" role="status" aria-live="polite"><p>{html.escape(words)}</p>{bar}{opened}</div>'
