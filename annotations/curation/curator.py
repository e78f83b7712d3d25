"""From a study's ratings to a file of curated records: what would be in it, and the file itself.

The same database, study and recipe give the same bytes: records lie in the order of their traces' content hashes, every figure is exact,
and nothing tells when the file was written. What a study's ratings say is kept until something changes, so that a rule can be tried
out as fast as it is typed.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from pathlib import Path

from annotations.curation.corrections import Hindrance, correct
from annotations.curation.evidence import Judged, TraceEvidence, TraceFacts, gather
from annotations.curation.reading import asked_steps, rating_counts, read_traces, state_of, trace_facts
from annotations.curation.recipes import Corrections, Exported, Passed, Preview, Recipe, SplitCount
from annotations.curation.select import Selection, refuse_unasked, select
from annotations.curation.splitting import picture_keys
from annotations.exporting import write_pictures
from annotations.pictures import PictureStore
from annotations.ratings.store import RatingStore
from annotations.ratings.values import Standing
from annotations.store import Store
from annotations.studies.store import StudyStore
from annotations.studies.values import Study
from core.errors import RecordError, StoreError, StudyError
from core.manifest import Curation
from core.records import CuratedRecord, Provenance, Split, write_records
from core.trace import Trace

# Studies whose evidence is kept.
_KEPT = 4
_NAMED = 10
# A study whose ratings take longer than this many seconds to read is, for a preview, read again only once the time it took has passed
# so many times: while raters are at work it would be read anew at every move of a rule.
_LONG = 0.5
_PATIENCE = 5


class Pool:
    """The evidence of one study in one state of the database, and what is known of the records that its traces would make."""

    def __init__(self, study: Study, state: tuple[int, int, int], evidence: tuple[TraceEvidence, ...], took: float) -> None:
        self.study = study
        self.state = state
        self.evidence = evidence
        self.keys = picture_keys((one.facts.id, one.facts.pictures) for one in evidence)
        # (trace, corrections) -> points moved, and why there can be no record. It depends on no rule, so it is worked out once.
        self.outcomes: dict[tuple[str, Corrections], tuple[int, str]] = {}
        self._patient_until = time.monotonic() + (_PATIENCE * took if took > _LONG else 0.0)

    def learn_from(self, earlier: Pool) -> None:
        """Takes over what is known of the traces about which nothing new was said."""
        before = {one.facts.id: one for one in earlier.evidence}
        same = {one.facts.id for one in self.evidence if before.get(one.facts.id) == one}
        self.outcomes |= {key: outcome for key, outcome in earlier.outcomes.items() if key[0] in same}

    def will_do(self, state: tuple[int, int, int], *, exactly: bool) -> bool:
        """Whether this pool still stands for a study in that state: for a preview it may lack a large study's ratings of the last
        seconds, and nothing else."""
        only_ratings = state[1:] == self.state[1:]
        return state == self.state or (not exactly and only_ratings and time.monotonic() < self._patient_until)

    def split(self, one: TraceEvidence, recipe: Recipe) -> Split:
        return recipe.split.of(self.keys[one.facts.id])

    def select(self, recipe: Recipe) -> Selection:
        refuse_unasked(recipe.rule, self.study.settings)
        return select(self.evidence, recipe.rule)


class Curator:
    """Previews and writes files of records. Safe to share between threads."""

    def __init__(self, store: Store, studies: StudyStore, ratings: RatingStore) -> None:
        self._store, self._studies, self._ratings = store, studies, ratings
        self._lock = threading.Lock()
        self._pools: dict[int, Pool] = {}

    def studies(self) -> tuple[tuple[Study, int], ...]:
        """The studies with ratings, the newest first, and how many ratings each has."""
        with self._store.database.reading() as connection:
            counts = rating_counts(connection)
        return tuple((study, counts[study.id]) for study in self._studies.list() if study.id in counts)

    def study(self, name: str | None) -> Study:
        """The study of that name, or, without a name, the only one that has ratings. Raises NotFound or StudyError."""
        if name is not None:
            return self._studies.by_name(name)
        rated = [study for study, _ in self.studies()]
        if not rated:
            raise StudyError("No study has ratings yet, so no trace is preferred: rate steps first.")
        if len(rated) > 1:
            names = ", ".join(f"“{study.name}”" for study in rated[:_NAMED])
            raise StudyError(f"{len(rated)} studies have ratings, and a rule reads those of one: add --study NAME, with one of {names}.")
        return rated[0]

    def facts(self, study_id: int) -> tuple[TraceFacts, ...]:
        """What is known of the rated traces of a study. Raises NotFound."""
        return tuple(one.facts for one in self._pool(study_id).evidence)

    def preview(self, study_id: int, recipe: Recipe) -> Preview:
        """What an export would hold. Raises NotFound, and RuleError for a condition that the study does not ask about.

        In a study with very many ratings, those of the last seconds may not be in it yet; an export has them.
        """
        pool = self._pool(study_id)
        selection = pool.select(recipe)
        with self._lock:
            self._try_out(pool, selection.passed, recipe)
        passed = tuple(
            Passed(one, recipe.split.of(pool.keys[one.facts.id]), *pool.outcomes[one.facts.id, recipe.corrections])
            for one in selection.passed
        )
        left_out = Counter(one.left_out for one in passed if one.left_out)
        splits = []
        for split in Split:
            mine = [one for one in passed if one.split is split and not one.left_out]
            pictures = {picture for one in mine for picture in one.evidence.facts.pictures}
            splits.append(SplitCount(split, len(mine), len(pictures)))
        return Preview(pool.study, recipe, selection.rated, selection.failed, passed, dict(sorted(left_out.items())), tuple(splits))

    def export(
        self,
        study_id: int,
        recipe: Recipe,
        path: Path,
        *,
        pictures: PictureStore | None = None,
        picture_folder: Path | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Exported:
        """Writes the records and, beside them, their manifest.

        picture_folder  gets the whole pictures of the records, named by their hash; it needs `pictures`. `progress` is told traces
                        done and traces in all. Raises as `preview` does, StoreError where nothing can be written, NotFound for a
                        picture that the store does not hold.
        """
        making = _Making(self._store, self._pool(study_id, exactly=True), recipe, progress)
        try:
            manifest = write_records(path, making.records(), str(recipe.rule), curation=making.curation)
        except OSError as error:
            raise StoreError(f"{path} cannot be written ({error.strerror or error}): make room or choose another place.") from error
        written = write_pictures(sorted(making.pictures), pictures, picture_folder) if pictures and picture_folder else 0
        return Exported(making.pool.study, manifest, written)

    def _pool(self, study_id: int, *, exactly: bool = False) -> Pool:
        with self._lock:
            # The state is asked for first: what changes while the rest is read makes the pool out of date, and never wrongly current.
            with self._store.database.reading() as connection:
                state = state_of(connection, study_id)
            known = self._pools.pop(study_id, None)
            if known is None or not known.will_do(state, exactly=exactly):
                pool = self._read(study_id, state)
                if known is not None:
                    pool.learn_from(known)
                known = pool
            self._pools[study_id] = known
            while len(self._pools) > _KEPT:
                self._pools.pop(next(iter(self._pools)))
            return known

    def _read(self, study_id: int, state: tuple[int, int, int]) -> Pool:
        begun = time.monotonic()
        study = self._studies.study(study_id)
        judged = [
            Judged(one.trace, one.step, one.rating.rater, one.version, one.rating.at, one.rating.judgement)
            for one in self._ratings.ratings(study_id)
            if one.standing is Standing.COUNTS
        ]
        with self._store.database.reading() as connection:
            asked, facts = asked_steps(connection, study_id), trace_facts(connection, (one.trace for one in judged))
        evidence = gather(judged, study.settings, asked, facts)
        return Pool(study, state, evidence, time.monotonic() - begun)

    def _try_out(self, pool: Pool, passed: Sequence[TraceEvidence], recipe: Recipe) -> None:
        """Works out, for the traces of which it is not known, whether they can become records."""
        unknown = [one for one in passed if (one.facts.id, recipe.corrections) not in pool.outcomes]
        for one, record in _records(self._store, pool, unknown, recipe):
            outcome = (0, record) if isinstance(record, str) else (len(record.provenance.corrected), "")
            pool.outcomes[one.facts.id, recipe.corrections] = outcome


class _Making:
    """One file of records in the making: counts as it goes."""

    def __init__(self, store: Store, pool: Pool, recipe: Recipe, progress: Callable[[int, int], None]) -> None:
        self.pool = pool
        self.pictures: set[str] = set()
        self._store, self._recipe, self._progress = store, recipe, progress
        self._selection = pool.select(recipe)
        self._left_out = Counter[str]()
        self._used: list[TraceEvidence] = []

    def records(self) -> Iterator[CuratedRecord]:
        """The records of the traces that pass, ordered by the content hash of the trace that people rated."""
        total = len(self._selection.passed)
        made = _records(self._store, self.pool, self._selection.passed, self._recipe)
        for done, (one, record) in enumerate(made, start=1):
            if isinstance(record, str):
                self._left_out[record] += 1
            else:
                self._used.append(one)
                self.pictures.update(picture.sha256 for picture in record.pictures)
                yield record
            self._progress(done, total)

    def curation(self) -> Curation:
        """How the records were chosen; to be asked once all are made."""
        newest = max((one.newest for one in self._used), default=None)
        return Curation(
            study=self.pool.study.name,
            guidelines=tuple(sorted({version for one in self._used for version in one.guidelines})),
            newest_rating=newest.astimezone(UTC).isoformat(timespec="seconds") if newest else "",
            raters=tuple(f"r{number}" for number in sorted({rater for one in self._used for rater in one.raters})),
            rated=self._selection.rated,
            passed=len(self._selection.passed),
            failed=dict(self._selection.failed),
            left_out=dict(sorted(self._left_out.items())),
            corrections=self._recipe.corrections.value,
            shares=self._recipe.split.shares,
            seed=self._recipe.split.seed,
        )


def _records(
    store: Store, pool: Pool, wanted: Sequence[TraceEvidence], recipe: Recipe
) -> Iterator[tuple[TraceEvidence, CuratedRecord | str]]:
    """The record of each trace, or the reason in words why there can be none; a few traces at a time are held."""
    # The first data set by name of those that the rule asks for: which one came into the store first must not matter.
    datasets = [next((name for name in one.facts.datasets if name in recipe.rule.dataset), one.facts.datasets[0]) for one in wanted]
    traces = read_traces(store.database, [(one.facts.id, dataset) for one, dataset in zip(wanted, datasets, strict=True)])
    for one, dataset, trace in zip(wanted, datasets, traces, strict=True):
        yield one, _record(trace, dataset, one, pool, recipe)


def _record(trace: Trace, dataset: str, evidence: TraceEvidence, pool: Pool, recipe: Recipe) -> CuratedRecord | str:
    facts = evidence.facts
    result = correct(trace, evidence) if recipe.corrections is Corrections.APPLY else None
    if isinstance(result, Hindrance):
        return result.value
    moved = result.steps if result else ()
    provenance = Provenance(
        rule=str(recipe.rule),
        raters=len(evidence.raters),
        dataset=dataset,
        policy=facts.policy,
        study=pool.study.name,
        original=facts.id if moved else "",
        corrected=moved,
    )
    try:
        return CuratedRecord.from_trace(result.trace if result else trace, provenance, split=pool.split(evidence, recipe))
    except RecordError as error:
        # Without its numbers, so that equal reasons count as one.
        return re.sub(r"\d+", "…", str(error)).rstrip(".")
