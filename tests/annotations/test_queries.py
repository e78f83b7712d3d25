"""Lists, facets, searches and streams agree with a plain count over the same traces; on all back ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations.database import Database, open_database
from annotations.facets import Facets, FacetValue
from annotations.fulltext import MANY
from annotations.queries import Correctness, Sort, TraceQuery
from annotations.scores import Scores, score_trace
from annotations.store import Store
from annotations.synthetic import DATASETS, POLICIES, fill, make_traces
from annotations.words import sort_key, words_of
from core.errors import NotFound
from core.trace import DomainName, StopReason, Trace, Truth, TruthKind
from tests.annotations.conftest import migrated_url

SORTS: tuple[Sort, ...] = ("newest", "oldest", "question", "steps", "looks", "reward", "faults")
TRACES = 240
ANY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Model:
    """The same traces in a list: what the store must say, said slowly."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, str, Trace, Scores]] = []

    def add(self, trace: Trace, dataset: str) -> None:
        self.entries.append((len(self.entries) + 1, dataset, trace, score_trace(trace)))

    def ids(self, query: TraceQuery) -> list[str]:
        return [entry[2].content_hash for entry in self._sorted(query)]

    def facet(self, query: TraceQuery, value_of: Callable[[tuple[int, str, Trace, Scores]], str]) -> tuple[FacetValue, ...]:
        counts = Counter(value_of(entry) for entry in self._sorted(query))
        return tuple(FacetValue(value, count) for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def looks(self, query: TraceQuery) -> list[int]:
        return [len(entry[2].looks) for entry in self._sorted(query)]

    def _sorted(self, query: TraceQuery) -> list[tuple[int, str, Trace, Scores]]:
        def key(entry: tuple[int, str, Trace, Scores]) -> tuple[object, ...]:
            number, _, trace, scores = entry
            reward = (scores.strict is None, -(scores.strict or 0.0))
            return {
                "newest": (-number,),
                "oldest": (number,),
                "question": (sort_key(trace.sample.question, 80).encode(), number),
                "steps": (-len(trace.steps), -number),
                "looks": (-len(trace.looks), -number),
                "reward": (*reward, -number),
                "faults": (-len(trace.faults), -number),
            }[query.sort]

        return sorted((entry for entry in self.entries if self._wanted(entry, query)), key=key)

    def _wanted(self, entry: tuple[int, str, Trace, Scores], query: TraceQuery) -> bool:
        _, dataset, trace, scores = entry
        return all(
            (
                not query.dataset or dataset in query.dataset,
                not query.domain or trace.sample.domain in query.domain,
                not query.policy or trace.policy in query.policy,
                not query.stop or trace.stop in query.stop,
                query.correct is None or query.correct == correctness(scores),
                query.faults is None or query.faults is bool(trace.faults),
                query.min_looks is None or len(trace.looks) >= query.min_looks,
                query.max_looks is None or len(trace.looks) <= query.max_looks,
                query.picture is None or query.picture in [picture.sha256 for picture in trace.sample.pictures],
                self._says(trace, query.text),
            )
        )

    def _says(self, trace: Trace, text: str) -> bool:
        said = {word for part in (trace.sample.question, trace.answer or "") for word in words_of(part)}
        for turn in trace.turns:
            for span in (turn.thought, turn.answer):
                said |= set(words_of(span.of(turn.text))) if span else set()
        *whole, last = words_of(text) or [""]
        return said.issuperset(whole) and any(word.startswith(last) for word in said)


def correctness(scores: Scores) -> Correctness:
    return {True: "right", False: "wrong", None: "unscored"}[scores.correct]  # type: ignore[return-value]


def some_traces() -> list[tuple[Trace, str]]:
    """Traces of every kind that a filter can ask for, and some whose question has no word at all."""
    made = []
    for index, trace in enumerate(make_traces(TRACES, 4, seed=3)):
        changed = trace
        if index % 7 == 0:
            changed = replace(changed, stop=StopReason.UNKNOWN, steps=trace.steps[:1])
        if index % 11 == 0:
            changed = replace(changed, sample=replace(trace.sample, question="???", truth=Truth(TruthKind.NONE)))
        made.append((changed, DATASETS[index % 3 // 2]))
    return sorted(made, key=lambda entry: DATASETS.index(entry[1]))


@pytest.fixture(scope="module")
def model() -> Model:
    model = Model()
    for trace, dataset in some_traces():
        model.add(trace, dataset)
    return model


def fill_with(store: Store, model: Model) -> Store:
    """All traces of the model, in the store."""
    for name in DATASETS[:2]:
        assert all(store.add_traces((trace for _, dataset, trace, _ in model.entries if dataset == name), dataset=name))
    return store


@pytest.fixture(scope="module")
def kept() -> Iterator[dict[str, tuple[Database, Store]]]:
    """Filled stores by back end, which nobody writes to; each is filled when it is first asked for."""
    stores: dict[str, tuple[Database, Store]] = {}
    yield stores
    for database, _ in stores.values():
        database.close()


@pytest.fixture
def filled(
    back_end: str,
    kept: dict[str, tuple[Database, Store]],
    model: Model,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Store:
    """A store with all traces of the model, to be read."""
    if back_end not in kept:
        database = open_database(migrated_url(back_end, request, tmp_path_factory.mktemp("filled")))
        kept[back_end] = (database, fill_with(Store(database), model))
    return kept[back_end][1]


@st.composite
def queries(draw: st.DrawFn) -> TraceQuery:
    """Any combination of filters, most of which leave something over."""

    def few(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(draw(st.lists(st.sampled_from((*values, "unknown")), max_size=2, unique=True)))

    words = st.sampled_from(["", "", "rubo", "RUBO sage", "gozu ponati ru", "which number", "12", "nothing-has-this", "???"])
    seldom = st.one_of(st.none(), st.none())
    return TraceQuery(
        text=draw(words),
        dataset=few(DATASETS),
        domain=few(tuple(DomainName)),
        policy=few(POLICIES),
        correct=draw(seldom | st.sampled_from(("right", "wrong", "unscored"))),
        faults=draw(seldom | st.booleans()),
        stop=few(("answered", "max_tokens")),
        min_looks=draw(seldom | st.integers(-1, 4)),
        max_looks=draw(seldom | st.integers(-1, 4)),
        picture=draw(seldom | st.sampled_from([f"{3:032x}{number:032x}" for number in (0, 1, 99)])),
        sort=draw(st.sampled_from(SORTS)),
        page_size=draw(st.sampled_from((1, 7, 50, 500))),
    )


def pages(store: Store, query: TraceQuery) -> list[str]:
    """The ids of all pages, one page after the other."""
    first = store.list_traces(query)
    return [item.id for page in range(1, first.pages + 1) for item in store.list_traces(replace(query, page=page)).items]


@pytest.mark.parametrize("many", [MANY, 2])
def test_lists_streams_and_facets_agree_with_a_plain_count(
    filled: Store, model: Model, back_end: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 2, words in two traces are looked up in the way that is meant for words in thousands."""
    if many == 2 and back_end != "sqlite":
        pytest.skip("only SQLite looks up common words in another way")
    monkeypatch.setattr("annotations.fulltext.MANY", many)

    @ANY
    @given(query=queries())
    def agree(query: TraceQuery) -> None:
        expected = model.ids(query)
        page = filled.list_traces(query)
        assert page.total == len(expected)
        assert page.pages == max(1, -(-len(expected) // query.page_size))
        assert [item.id for item in page.items] == expected[: query.page_size]
        last = filled.list_traces(replace(query, page=page.pages))
        assert [item.id for item in last.items] == expected[(page.pages - 1) * query.page_size :]
        assert [stored.id for stored in filled.iter_traces(query)] == expected
        assert filled.facets(query) == facets(model, query)

    agree()


def facets(model: Model, query: TraceQuery) -> Facets:
    looks = model.looks(replace(query, min_looks=None, max_looks=None))
    return Facets(
        datasets=model.facet(replace(query, dataset=()), lambda entry: entry[1]),
        domains=model.facet(replace(query, domain=()), lambda entry: entry[2].sample.domain.value),
        policies=model.facet(replace(query, policy=()), lambda entry: entry[2].policy),
        stops=model.facet(replace(query, stop=()), lambda entry: entry[2].stop.value),
        correct=model.facet(replace(query, correct=None), lambda entry: correctness(entry[3])),
        faults=model.facet(replace(query, faults=None), lambda entry: "yes" if entry[2].faults else "no"),
        min_looks=min(looks, default=0),
        max_looks=max(looks, default=0),
    )


def test_pages_together_are_the_whole_list(filled: Store, model: Model) -> None:
    for sort in SORTS:
        for size in (7, 50):
            query = TraceQuery(sort=sort, page_size=size, correct="right")
            assert pages(filled, query) == model.ids(query)


def test_a_line_says_what_the_trace_says(filled: Store, model: Model) -> None:
    items = filled.list_traces(TraceQuery(sort="oldest", page_size=500)).items
    for item, (number, dataset, trace, scores) in zip(items, model.entries, strict=True):
        assert (item.id, item.number, item.dataset) == (trace.content_hash, number, dataset)
        assert (item.question, item.domain, item.policy, item.stop) == (
            trace.sample.question,
            trace.sample.domain,
            trace.policy,
            trace.stop,
        )
        assert (item.turns, item.steps, item.looks, item.faults) == (
            len(trace.turns),
            len(trace.steps),
            len(trace.looks),
            len(trace.faults),
        )
        assert item.scores == scores
        assert item.picture == trace.sample.pictures[0].sha256


def test_every_trace_opens(filled: Store, model: Model) -> None:
    for number, _, trace, _ in model.entries:
        stored = filled.trace(trace.content_hash)
        assert (stored.number, stored.trace) == (number, trace)


HOSTILE = (
    *('"', "'", "rubo'", "AND", "rubo OR", "NOT rubo", "NEAR(rubo sage)", "rubo*", "*", "(rubo", "words:rubo", "^rubo", "-rubo"),
    *("rubo & ", "!rubo", "rubo | sage", "rubo <-> sage", "'rubo':*", "rubo\\", "%rubo_", "rubo\n\tsage"),
)


def test_nothing_that_is_typed_is_a_syntax_error(filled: Store, model: Model) -> None:
    for text in HOSTILE:
        query = TraceQuery(text=text, page_size=500)
        assert [item.id for item in filled.list_traces(query).items] == model.ids(query), text


def test_any_text_can_be_searched_for(filled: Store) -> None:
    @ANY
    @given(text=st.text(), value=st.text())
    def search(text: str, value: str) -> None:
        filled.list_traces(TraceQuery(text=text))
        assert filled.list_traces(TraceQuery(text=text, dataset=(value,), policy=(value,), picture=value)).total == 0
        assert filled.list_traces(TraceQuery(domain=(value,), stop=(value,))).items == ()
        with pytest.raises(NotFound):
            filled.trace(value)

    search()


@pytest.mark.parametrize("value", ["\0", "half \ud83d", "x" * 100_000])
def test_values_that_no_database_holds_find_nothing(filled: Store, value: str) -> None:
    for query in (TraceQuery(dataset=(value,)), TraceQuery(policy=(value,)), TraceQuery(picture=value), TraceQuery(stop=(value,))):
        assert filled.list_traces(query).total == 0
        assert list(filled.iter_traces(query)) == []
    filled.list_traces(TraceQuery(text=value))


@pytest.mark.parametrize("number", [10**30, -(10**30)])
def test_numbers_beyond_all_counts_are_taken(filled: Store, number: int) -> None:
    assert filled.list_traces(TraceQuery(min_looks=number)).total == (0 if number > 0 else TRACES)
    assert filled.list_traces(TraceQuery(max_looks=number)).total == (TRACES if number > 0 else 0)
    assert len(list(filled.iter_traces(TraceQuery(min_looks=number)))) == (0 if number > 0 else TRACES)
    page = filled.list_traces(TraceQuery(page=number, page_size=number))
    assert page.total == TRACES
    assert len(page.items) in (0, 1)


def test_an_empty_store_has_one_empty_page(store: Store) -> None:
    for sort in SORTS:
        page = store.list_traces(TraceQuery(sort=sort, text="x"))
        assert (page.total, page.pages, page.items) == (0, 1, ())
    assert store.facets(TraceQuery()) == Facets((), (), (), (), (), (), 0, 0)
    assert list(store.iter_traces(TraceQuery())) == []


def test_counts_follow_every_change_of_the_data(store: Store, database_url: str) -> None:
    """Also a change by another program, which is a second database object here."""
    other = Store(open_database(database_url))
    traces = list(make_traces(6, 2))
    for number, trace in enumerate(traces):
        writer = (store, other)[number % 2]
        writer.add_trace(trace, dataset="demo")
        for reader in (store, other):
            assert reader.list_traces(TraceQuery()).total == number + 1
            assert reader.list_traces(TraceQuery(text="which")).total == number + 1
            assert reader.facets(TraceQuery()).datasets == (FacetValue("demo", number + 1),)
    other.database.close()


def test_traces_of_a_second_picture_are_found(store: Store) -> None:
    trace = next(make_traces(1))
    second = replace(trace.sample.pictures[0], sha256="f" * 64)
    both = replace(trace, sample=replace(trace.sample, pictures=(*trace.sample.pictures, second)))
    store.add_traces([trace, both], dataset="demo")
    assert [item.id for item in store.list_traces(TraceQuery(picture="f" * 64)).items] == [both.content_hash]
    assert store.list_traces(TraceQuery(picture=trace.sample.pictures[0].sha256)).total == 2


def test_a_stream_can_be_left_early_and_written_beside(store: Store, model: Model) -> None:
    stream = fill_with(store, model).iter_traces(TraceQuery(sort="oldest"))
    first = next(stream)
    store.add_traces(make_traces(3, 1, seed=99), dataset="later")
    rest = list(stream)
    assert first.number == 1
    assert [stored.number for stored in rest] == list(range(2, TRACES + 1))


def test_the_synthetic_database_is_whole_and_repeatable(database: Database) -> None:
    store = Store(database)
    assert fill(store, traces=60, steps_per_trace=10) == 60
    assert fill(store, traces=60, steps_per_trace=10) == 0
    stored = list(store.iter_traces(TraceQuery()))
    assert {len(entry.trace.steps) for entry in stored} == {10}
    assert all(entry.trace.content_hash == entry.id for entry in stored)
    values = store.facets(TraceQuery())
    assert [facet.count for facet in values.datasets] == [20, 20, 20]
    assert {facet.value for facet in values.correct} == {"right", "wrong"}
    assert values.max_looks > 0
