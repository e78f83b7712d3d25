"""The studies of a database: made, revised, looked after, and read.

What a study asks about is found before its rows are locked, so that raters wait for the writing and not for the search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from annotations.database import Database
from annotations.documents import MAX_INTEGER, check_name
from annotations.queries import find_trace
from annotations.rating_schema import ItemRow, StudyRow
from annotations.ratings.current import lock_study
from annotations.ratings.places import settle_places
from annotations.schema import EventRow
from annotations.studies.items import Wanted, bring_in_line, item_page, leave_out, take_back, traces_of
from annotations.studies.progress import study_progress, study_tallies
from annotations.studies.selection import select_steps
from annotations.studies.settings import StudySettings
from annotations.studies.values import (
    AskedStep,
    LeftOut,
    SelectionPreview,
    Share,
    Study,
    StudyItemPage,
    StudyProgress,
    StudyTally,
    StudyVersion,
)
from annotations.studies.versions import add_version, all_versions, known, newest_version, no_study
from core.errors import NameTaken, NotFound, StudyError, TraceError


class StudyStore:
    """The studies of one database. Safe to share between threads.

    Every write is one transaction, recorded in the event log with its actor, and raises ReadOnly or StoreError where nothing can be
    written.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, name: str, settings: StudySettings, *, actor: str = "") -> Study:
        """A new study with the steps that its settings select. Blanks around and doubled inside the name are taken out.

        Raises NameTaken for a name that is taken, StudyError for an empty one and for settings that select no step.
        """
        name = _checked(name, actor)
        wanted = self._wanted(settings, needed=True)
        now = datetime.now(UTC)
        with self.database.writing() as connection:
            taken = NameTaken(f"There is a study “{name:.80}” already: choose another name, or revise that one.")
            if _number(connection, name) is not None:
                raise taken
            try:
                connection.execute(insert(StudyRow).values(name=name, added_at=now, closed_at=None))
            except IntegrityError as error:
                # Another program was faster, after this one had looked.
                raise taken from error
            study_id = _number(connection, name) or 0
            add_version(connection, study_id, 1, settings, actor, now)
            changes = bring_in_line(connection, study_id, wanted, now)
            _record(connection, "study_created", actor, study_id, {"version": 1, "new": settings.to_json(), "items": changes.added})
            return _study(connection, study_id)

    def revise(self, study_id: int, settings: StudySettings, *, actor: str = "") -> Study:
        """The study under a next version with these settings, its steps selected anew; nothing changes where the settings are equal.

        What is no longer selected is left out, and what was left out by hand stays so. Raises NotFound, and StudyError for settings
        that select no step.
        """
        _check_actor(actor)
        if self.study(study_id).settings == settings:
            return self.study(study_id)
        wanted = self._wanted(settings, needed=True)
        now = datetime.now(UTC)
        with self.database.writing() as connection:
            lock_study(connection, study_id)
            before = newest_version(connection, study_id)
            if before.settings != settings:
                add_version(connection, study_id, before.version + 1, settings, actor, now)
                changes = bring_in_line(connection, study_id, wanted, now)
                settle_places(connection, study_id, now=now)
                told = {"version": before.version + 1, "old": before.settings.to_json(), "new": settings.to_json(), **asdict(changes)}
                _record(connection, "study_revised", actor, study_id, told)
            return _study(connection, study_id)

    def refresh(self, study_id: int, *, actor: str = "") -> Study:
        """The study with its steps selected anew by the same settings: new traces come in, and those that are gone are left out.

        A trace that has come back is asked about again. Raises NotFound.
        """
        _check_actor(actor)
        while True:
            version = self.versions(study_id)[-1]
            wanted = self._wanted(version.settings, needed=False)
            now = datetime.now(UTC)
            with self.database.writing() as connection:
                lock_study(connection, study_id)
                # A revision may have come while the traces were looked through.
                if newest_version(connection, study_id).version_id == version.version_id:
                    changes = bring_in_line(connection, study_id, wanted, now)
                    _record(connection, "study_refreshed", actor, study_id, asdict(changes))
                    return _study(connection, study_id)

    def study(self, study_id: int) -> Study:
        """The study as it is now. Raises NotFound."""
        with self.database.reading() as connection:
            return _study(connection, study_id)

    def by_name(self, name: str) -> Study:
        """The study of that name. Raises NotFound, with the names that there are."""
        with self.database.reading() as connection:
            found = _number(connection, name)
            if found is not None:
                return _study(connection, found)
            names = list(connection.scalars(select(StudyRow.name).order_by(StudyRow.id).limit(10)))
        raise NotFound(f"There is no study “{name:.80}”: there {'is' if len(names) == 1 else 'are'} {', '.join(names) or 'none'}.")

    def list(self) -> tuple[Study, ...]:
        """All studies, the newest first."""
        with self.database.reading() as connection:
            ids = connection.scalars(select(StudyRow.id).order_by(StudyRow.id.desc())).all()
            counts = dict(connection.execute(_asked().group_by(ItemRow.study_id)).all())
            return tuple(_study(connection, number, items=counts.get(number, 0)) for number in ids)

    def versions(self, study_id: int) -> tuple[StudyVersion, ...]:
        """The versions of the study, the first one first. Raises NotFound."""
        with self.database.reading() as connection:
            return all_versions(connection, study_id)

    def progress(self, study_id: int) -> StudyProgress:
        """How many ratings the study's items have, and what its raters have done. Raises NotFound."""
        with self.database.reading() as connection:
            return study_progress(connection, study_id)

    def tallies(self) -> dict[int, StudyTally]:
        """How far each study is, by its number; a study that nothing can be counted of is not in it."""
        with self.database.reading() as connection:
            return study_tallies(connection)

    def close(self, study_id: int, actor: str = "") -> Study:
        """The study, which now asks nobody; a rating that comes late is still kept. Raises NotFound."""
        return self._open_or_close(study_id, actor, datetime.now(UTC))

    def reopen(self, study_id: int, actor: str = "") -> Study:
        """The study, which asks again. Raises NotFound."""
        return self._open_or_close(study_id, actor, None)

    def items(self, study_id: int, *, page: int = 1, page_size: int = 50) -> StudyItemPage:
        """One page of the study's items, left out or not, by trace and step. Raises NotFound."""
        with self.database.reading() as connection:
            replacement = newest_version(connection, study_id).settings.replacement
            return item_page(connection, study_id, replacement, page, page_size)

    def leave_out(self, study_id: int, item_ids: Sequence[int], actor: str = "") -> Study:
        """The study without these items, until they are taken back; their ratings are kept. Raises NotFound."""
        return self.choose(study_id, leave_out_ids=item_ids, actor=actor)

    def take_back(self, study_id: int, item_ids: Sequence[int], actor: str = "") -> Study:
        """The study with these items, where they had been left out by hand and its settings still select them. Raises NotFound."""
        return self.choose(study_id, take_back_ids=item_ids, actor=actor)

    def choose(self, study_id: int, *, leave_out_ids: Sequence[int] = (), take_back_ids: Sequence[int] = (), actor: str = "") -> Study:
        """Leave some items out and take others back, as one. Raises NotFound for a number that is no item of the study."""
        _check_actor(actor)
        while True:
            version = self.versions(study_id)[-1]
            with self.database.reading() as connection:
                traces = traces_of(connection, take_back_ids)
                wanted = Wanted(select_steps(connection, version.settings, among=traces) if traces else ())
            with self.database.writing() as connection:
                lock_study(connection, study_id)
                if newest_version(connection, study_id).version_id == version.version_id:
                    out, back = leave_out(connection, study_id, leave_out_ids), take_back(connection, study_id, take_back_ids, wanted)
                    _record_items(connection, "study_items_left_out", actor, study_id, dict.fromkeys(out, LeftOut.BY_HAND), out)
                    _record_items(connection, "study_items_taken_back", actor, study_id, back, dict.fromkeys(back, LeftOut.BY_HAND))
                    return _study(connection, study_id)

    def preview(self, settings: StudySettings) -> SelectionPreview:
        """What a study of these settings would ask about now."""
        traces, steps = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        pictures = set()
        with self.database.reading() as connection:
            for trace in select_steps(connection, settings):
                pictures.add(trace.picture)
                for share in (("", ""), ("domain", trace.domain), ("policy", trace.policy)):
                    traces[share] += 1
                    steps[share] += len(trace.steps)
        shares = {
            kind: tuple(Share(value, traces[of, value], count) for (of, value), count in steps.most_common() if of == kind)
            for kind in ("domain", "policy")
        }
        return SelectionPreview(traces["", ""], steps["", ""], len(pictures), shares["domain"], shares["policy"])

    def asked_of(self, study_id: int, traces: Sequence[str]) -> int:
        """How many steps of these traces, by their content hashes, the study asks now."""
        counted = _asked().where(ItemRow.study_id == study_id, ItemRow.trace_hash.in_(list(traces))).group_by(ItemRow.study_id)
        with self.database.reading() as connection:
            return sum(row[1] for row in connection.execute(counted))

    def asked_step(self, item_id: int) -> AskedStep:
        """All that is needed to show an item, whether or not it is still asked. Raises NotFound where it or its trace is gone."""
        with self.database.reading() as connection:
            wanted = select(ItemRow, StudyRow.closed_at).join(StudyRow, StudyRow.id == ItemRow.study_id)
            found = connection.execute(wanted.where(ItemRow.id == item_id)).one_or_none() if 0 < item_id <= MAX_INTEGER else None
            if found is None:
                raise _no_item(item_id)
            now = newest_version(connection, found.study_id)
            stored = find_trace(connection, found.trace_hash)
        if found.step >= len(stored.trace.steps):
            raise NotFound(f"The trace {found.trace_hash} has no step {found.step + 1}: have the study look at its traces again.")
        step, closed = stored.trace.steps[found.step], found.closed_at is not None
        left_out = LeftOut(found.left_out)
        return AskedStep(item_id, found.study_id, left_out, closed, stored, step, now.version, now.version_id, now.settings)

    def _wanted(self, settings: StudySettings, *, needed: bool) -> Wanted:
        with self.database.reading() as connection:
            wanted = Wanted(select_steps(connection, settings))
        if needed and not wanted.steps:
            raise StudyError(
                "No step is selected: import traces with points in a picture, or choose fewer filters and a smaller number of words."
            )
        return wanted

    def _open_or_close(self, study_id: int, actor: str, closed_at: datetime | None) -> Study:
        _check_actor(actor)
        with self.database.writing() as connection:
            lock_study(connection, study_id)
            before = _study(connection, study_id)
            if before.closed != (closed_at is not None):
                connection.execute(update(StudyRow).where(StudyRow.id == study_id).values(closed_at=closed_at))
                _record(connection, "study_reopened" if before.closed else "study_closed", actor, study_id, {})
            return _study(connection, study_id)


def _checked(name: str, actor: str) -> str:
    _check_actor(actor)
    name = " ".join(name.split())
    if not name:
        raise StudyError("A study needs a name: give it one.")
    try:
        check_name("study", name)
    except TraceError as error:
        raise StudyError(str(error)) from error
    return name


def _check_actor(actor: str) -> None:
    try:
        check_name("actor", actor)
    except TraceError as error:
        raise StudyError(str(error)) from error


def _no_item(item_id: int) -> NotFound:
    return NotFound(f"There is no item {item_id!s:.20}: load the page again.")


def _number(connection: Connection, name: str) -> int | None:
    if "\0" in name or name.encode(errors="ignore").decode() != name:
        # No database holds it, and not every driver would send it.
        return None
    number: int | None = connection.execute(select(StudyRow.id).where(StudyRow.name == name)).scalar()
    return number


def _asked() -> Any:
    return select(ItemRow.study_id, func.count()).where(ItemRow.left_out == LeftOut.ASKED.value)


def _study(connection: Connection, study_id: int, *, items: int | None = None) -> Study:
    row = connection.execute(select(StudyRow).where(StudyRow.id == known(study_id))).one_or_none()
    if row is None:
        raise no_study(study_id)
    if items is None:
        counts = dict(connection.execute(_asked().where(ItemRow.study_id == study_id).group_by(ItemRow.study_id)).all())
        items = counts.get(study_id, 0)
    now = newest_version(connection, study_id)
    return Study(row.id, row.name, now.version, now.version_id, now.settings, row.added_at, row.closed_at is not None, items)


def _record(connection: Connection, kind: str, actor: str, study_id: int, told: dict[str, Any]) -> None:
    name = connection.execute(select(StudyRow.name).where(StudyRow.id == study_id)).scalar_one()
    payload = {"study": name, "id": study_id, **told}
    connection.execute(insert(EventRow).values(at=datetime.now(UTC), kind=kind, actor=actor, payload=payload))


def _record_items(connection: Connection, kind: str, actor: str, study_id: int, new: Mapping[int, str], old: Mapping[int, str]) -> None:
    if new:
        told = [{"item": item, "old": str(old[item]), "new": str(state)} for item, state in new.items()]
        _record(connection, kind, actor, study_id, {"items": told})
