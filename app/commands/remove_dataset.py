"""`launch.py remove`: a data set out of the store, with everything in it, after a question."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from app.settings import add_store_options, settings_from
from core.errors import ReadOnly

if TYPE_CHECKING:
    from annotations.removing import DatasetContent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which data set, whether to ask, and the options of the store."""
    parser.add_argument("--dataset", required=True, metavar="NAME", help="name of the data set")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_store_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Removes; 0, or 1 where a person did not want it. Raises NotFound for a name that is not there, ReadOnly and StoreError."""
    from app.services import open_services

    with open_services(settings_from(arguments, os.environ), existing=True) as services:
        store = services.store
        if store.database.read_only:
            raise ReadOnly("With --read-only nothing can be removed: leave it out.")
        content = store.dataset_content(arguments.dataset)
        if not arguments.yes and not _agreed(f"Remove {_words(content)} of the data set “{arguments.dataset}” for good? [y/N] "):
            print("Nothing was removed: answer y, or give --yes.")
            return 1
        content = store.remove_dataset(arguments.dataset)
    print(f"Removed {_words(content)} of the data set “{arguments.dataset}”.{_left(content.pictures)}")
    return 0


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _words(content: DatasetContent) -> str:
    from annotations.importing.report import counted

    return f"{counted(content.traces, 'trace')} and {counted(content.samples, 'sample')}"


def _left(pictures: int) -> str:
    from annotations.importing.report import counted

    if not pictures:
        return ""
    verb, them = ("is", "it") if pictures == 1 else ("are", "them")
    return (
        f" {counted(pictures, 'picture')} that no other data set shows {verb} left in the picture folder: an import may need {them} again."
    )
