"""The real objects of one start, built in one place and handed to whatever shows or serves them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from annotations.addresses import name_of, parse_address
from annotations.database import Database, open_database, sqlite_url
from annotations.pictures import PictureStore
from annotations.raters.store import RaterStore
from annotations.ratings.store import RatingStore
from annotations.store import Store
from annotations.studies.store import StudyStore
from app.crops import CropRenderer
from app.improvements.desk import ImprovementDesk
from app.live_runs import LiveRuns
from app.policy_list import FILE, PolicyList
from app.policy_opener import finder, opener
from app.policy_register import Register
from app.policy_shelf import PolicyShelf
from app.recent_traces import RecentTraces
from app.run_journals import FOLDER, RunJournals
from app.settings import DATABASE_FILE, Settings
from app.start import prepare_data_dir
from app.trainings.desk import TrainingDesk
from core.errors import StartError
from core.policies.references import needle_ships

STATIC = Path(__file__).resolve().parent.parent / "static"


@dataclass(frozen=True, slots=True)
class Services:
    """What the workbench and the commands work with.

    recent        the traces that were read last
    shelf         the policies that can be asked
    runs          what they are asked, and have been asked since the start
    trainings     the runs of training in their folders
    improvements  what people preferred on its way to a policy, in those folders
    scratch       a folder for files in the making (uploads, reports), emptied when the program ends
    """

    settings: Settings
    store: Store
    studies: StudyStore
    ratings: RatingStore
    raters: RaterStore
    pictures: PictureStore
    crops: CropRenderer
    recent: RecentTraces
    shelf: PolicyShelf
    runs: LiveRuns
    trainings: TrainingDesk
    improvements: ImprovementDesk
    scratch: Path

    def close(self) -> None:
        """Ends what is going on: the runs, then the policies. The database belongs to whoever opened it. May be called twice."""
        self.runs.close()
        self.shelf.close()


@contextmanager
def open_services(settings: Settings, *, existing: bool = False) -> Iterator[Services]:
    """The services of `settings`, closed at the end of the block. `existing`: the database must be there, and none is made.

    Raises StartError for a data folder that cannot be used, and StoreError, DatabaseTooNew among them, for a database that cannot.
    """
    _refuse_wrong_place(settings, existing)
    prepare_data_dir(settings.data_dir, read_only=settings.read_only)
    url = settings.database_url or sqlite_url(settings.data_dir / DATABASE_FILE)
    database = open_database(url, read_only=settings.read_only)
    try:
        # Uploads may be as large as what they are imported into: they lie on the same disk.
        beside = None if settings.read_only else settings.data_dir
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=beside) as scratch:
            services = services_over(settings, database, Path(scratch))
            try:
                yield services
            finally:
                services.close()
    finally:
        database.close()


def services_over(settings: Settings, database: Database, scratch: Path) -> Services:
    """The services over a database that is open already; whoever opened it closes it."""
    store = Store(database)
    # What is only read is not written to, not even for the cache of thumbnails.
    cache = scratch / "thumbnails" if settings.read_only else None
    pictures = PictureStore(settings.data_dir / "pictures", cache=cache)
    trained = Register(settings.runs, writes=not settings.read_only)
    listed = PolicyList(settings.policies, None if settings.read_only else settings.data_dir / FILE, trained)
    shelf = PolicyShelf(opener(store), listed, find=finder(), needle=needle_ships())
    journals = None if settings.read_only else RunJournals(settings.data_dir / FOLDER)
    return Services(
        settings=settings,
        store=store,
        studies=StudyStore(database),
        ratings=RatingStore(database),
        raters=RaterStore(database),
        pictures=pictures,
        crops=CropRenderer(pictures),
        recent=RecentTraces(store),
        shelf=shelf,
        runs=LiveRuns(shelf, store, pictures, journals),
        trainings=TrainingDesk(settings.runs, read_only=settings.read_only),
        improvements=ImprovementDesk(settings.runs, pictures.folder, trained, read_only=settings.read_only),
        scratch=scratch,
    )


def _refuse_wrong_place(settings: Settings, existing: bool) -> None:
    """Raises StartError, with the option to mend, where the database's file is not there or its folder is not."""
    if settings.database_url is None:
        if existing and not (settings.data_dir / DATABASE_FILE).is_file():
            raise StartError(f"There is no database in {settings.data_dir}: name the folder that it is in with --data-dir.")
        return
    address = parse_address(settings.database_url)
    if address.get_backend_name() != "sqlite":
        if existing:
            # A database on a server without our tables would be given them; one that is opened for reading is refused.
            open_database(settings.database_url, read_only=True).close()
        return
    file = Path(name_of(address))
    if not file.parent.is_dir():
        raise StartError(f"The folder {file.parent} of the database does not exist: create it, or give another address with --database.")
    if (existing or settings.read_only) and not file.is_file():
        raise StartError(f"There is no database at {file}: give the address of one with --database.")
