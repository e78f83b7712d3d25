"""The real objects of one start, built in one place and handed to whatever shows or serves them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from annotations.database import open_database, sqlite_url
from annotations.pictures import PictureStore
from annotations.store import Store
from app.crops import CropRenderer
from app.settings import DATABASE_FILE, Settings
from app.start import prepare_data_dir

STATIC = Path(__file__).resolve().parent.parent / "static"


@dataclass(frozen=True, slots=True)
class Services:
    """What the workbench and the commands work with.

    scratch  a folder for files in the making (uploads, reports), emptied when the program ends
    """

    settings: Settings
    store: Store
    pictures: PictureStore
    crops: CropRenderer
    scratch: Path


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """The services of `settings`, closed at the end of the block.

    Raises StartError for a data folder that cannot be used, and StoreError, DatabaseTooNew among them, for a database that cannot.
    """
    prepare_data_dir(settings.data_dir, read_only=settings.read_only)
    url = settings.database_url or sqlite_url(settings.data_dir / DATABASE_FILE)
    database = open_database(url, read_only=settings.read_only)
    try:
        # Uploads may be as large as what they are imported into: they lie on the same disk.
        beside = None if settings.read_only else settings.data_dir
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=beside) as scratch:
            # What is only read is not written to, not even for the cache of thumbnails.
            cache = Path(scratch) / "thumbnails" if settings.read_only else None
            pictures = PictureStore(settings.data_dir / "pictures", cache=cache)
            yield Services(settings, Store(database), pictures, CropRenderer(pictures), Path(scratch))
    finally:
        database.close()
