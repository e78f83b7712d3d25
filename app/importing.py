"""What the Import tab does, as plain functions of plain values: a form becomes a request, a report becomes rows and sentences."""

from __future__ import annotations

import queue
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotations.importing.frame_recovery import AUTO
from annotations.importing.preview import FrameOption, Preview
from annotations.importing.report import ImportReport, Progress, counted
from annotations.importing.run import ImportRequest, run_import
from annotations.importing.sources import Upload
from annotations.pictures import PictureStore
from annotations.store import Store
from app.durations import duration
from core.errors import ImportRefused, SaccadeError
from core.trace import DomainName

# How often a running import is asked how far it is, in seconds.
_ASK_EVERY = 0.25

_Told = Progress | ImportReport | SaccadeError


@dataclass(frozen=True, slots=True)
class Form:
    """The tab's fields as a person left them: paths of uploaded files, and what was chosen."""

    files: tuple[str, ...]
    folder: str
    pictures: tuple[str, ...]
    dataset: str
    domain: str
    frame: str
    strict: bool


def request_of(form: Form, scratch: Path) -> ImportRequest:
    """The import that the form asks for; uploaded pictures are laid into a folder of their own below `scratch`.

    Raises ImportRefused where there is no file, where pictures come from two places, or two uploaded ones have one name.
    """
    if not form.files:
        raise ImportRefused("There is no file yet: drop one or more files of traces into the first box.")
    uploads = tuple(Upload(Path(path), Path(path).name) for path in form.files)
    folder = form.folder.strip()
    if folder and form.pictures:
        raise ImportRefused(
            "Both a folder of pictures and uploaded pictures are given: leave one of them out, so that it is clear which are meant."
        )
    root = _picture_folder(form.pictures, scratch) if form.pictures else (Path(folder).expanduser() if folder else None)
    scratch.mkdir(parents=True, exist_ok=True)
    report = Path(tempfile.mkdtemp(prefix="report-", dir=scratch)) / "import-report.jsonl"
    return ImportRequest(
        paths=uploads,
        image_root=root,
        dataset=form.dataset.strip() or None,
        domain=DomainName(form.domain) if form.domain else None,
        frame=form.frame.strip() or "auto",
        strict=form.strict,
        report=report,
        pictures_by_name=bool(form.pictures),
    )


def _picture_folder(pictures: Sequence[str], scratch: Path) -> Path:
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="pictures-", dir=scratch))
    for uploaded in map(Path, pictures):
        if (folder / uploaded.name).exists():
            raise ImportRefused(f"Two of the pictures are called {uploaded.name}: import them from a folder of this machine instead.")
        try:
            (folder / uploaded.name).hardlink_to(uploaded)
        except OSError:
            # Another file system has no common links.
            shutil.copyfile(uploaded, folder / uploaded.name)
    return folder


def running_import(request: ImportRequest, store: Store, pictures: PictureStore) -> Iterator[Progress | ImportReport]:
    """Imports in a thread of its own: progress now and then, the report last. Closing the iterator stops the import.

    Raises what `run_import` raises.
    """
    told: queue.Queue[_Told] = queue.Queue()
    stop = threading.Event()

    def work() -> None:
        try:
            told.put(run_import(request, store, pictures, progress=told.put, cancelled=stop.is_set))
        except SaccadeError as error:
            told.put(error)

    worker = threading.Thread(target=work, name="import", daemon=True)
    worker.start()
    try:
        while True:
            latest = _latest(told, worker)
            if isinstance(latest, SaccadeError):
                raise latest
            if latest is not None:
                yield latest
            if isinstance(latest, ImportReport):
                return
    finally:
        stop.set()
        worker.join()


def _latest(told: queue.Queue[_Told], worker: threading.Thread) -> _Told | None:
    """The newest word of the import, passing over older progress; None where nothing came for a while."""
    latest: _Told | None = None
    try:
        latest = told.get(timeout=_ASK_EVERY)
        while isinstance(latest, Progress):
            latest = told.get_nowait()
    except queue.Empty:
        if latest is None and not worker.is_alive() and told.empty():
            raise ImportRefused("The import ended without a report: look at the program's own window for the reason.") from None
    return latest


def progress_words(progress: Progress) -> str:
    """How far an import is, in a line."""
    left = f", about {duration(progress.seconds_left)} left" if progress.seconds_left is not None else ""
    refused = f", {progress.refused:,} refused" if progress.refused else ""
    which = f"file {progress.file_number} of {progress.files}: " if progress.files > 1 else ""
    return f"{which}{progress.share:.0%}".replace("%", " %") + f", {counted(progress.lines, 'line')} read{refused}{left}"


def frame_choices(found: Preview) -> list[tuple[str, str]]:
    """What each frame would make of the points, as (words, option): the one that would be taken first."""
    chosen = [found.frame] if found.frame else []
    return [(f"{option.words} ({_outside(option)} points outside)", option.option) for option in (*chosen, *found.others)]


def _outside(option: FrameOption) -> str:
    return f"{option.outside} of {option.total}" if option.total else "no points"


def preview_words(found: Preview) -> str:
    """What a preview found, in a few sentences."""
    kinds = ", ".join(counted(count, kind) for kind, count in sorted(found.kinds.items(), key=lambda item: -item[1]))
    whole = "its one line was" if found.rows == 1 else "all lines were"
    read = whole if found.whole else f"the first {counted(found.rows, 'line')} were"
    words = [f"Found: {kinds or 'no lines'} ({read} looked at)."]
    if found.frame:
        how = found.frame.words if found.frame.option == AUTO else f"as {found.frame.words}"
        words.append(f"Points are read {how} ({found.known_by}).")
        if found.frame.outside:
            words.append(f"{_outside(found.frame)} points lie outside their picture: see below whether another frame fits better.")
    return " ".join(words)
