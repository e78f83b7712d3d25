"""Progress: from the first line on, with a guess at the time left that follows from a clock that the tests turn."""

from __future__ import annotations

from dataclasses import dataclass

from annotations.importing.clock import ProgressClock
from annotations.importing.reading import RowFile
from annotations.importing.report import Progress
from annotations.importing.run import ImportRequest, run_import
from annotations.importing.tally import Tally
from tests.annotations.importing import lines
from tests.annotations.importing.conftest import Bench


@dataclass
class Hands:
    """A clock that stands until it is set, in seconds."""

    time: float = 1000.0

    def __call__(self) -> float:
        return self.time


def test_the_time_left_follows_from_the_bytes_that_are_done() -> None:
    hands, told, tally = Hands(), list[Progress](), Tally()
    clock = ProgressClock(told.append, [1000, 3000], now=hands)
    clock.tell(1, "a", 100, tally)
    assert told == [], "nothing is told before some time has passed"
    hands.time += 0.5
    clock.tell(1, "a", 200, tally)
    assert (told[-1].seconds_left, told[-1].share, told[-1].lines) == (None, 0.05, 2), "a guess so early would be wild"
    hands.time += 1.5
    clock.tell(1, "a", 500, tally)
    assert told[-1].seconds_left == 14.0, "2 s for 500 of 4,000 bytes"
    clock.finish(1, "a", 1000, tally)
    hands.time += 8
    clock.tell(2, "b", 1000, tally)
    assert told[-1].seconds_left == 10.0, "10 s for 2,000 of 4,000 bytes"
    clock.finish(2, "b", 3000, tally)
    assert (told[-1].seconds_left, told[-1].share, told[-1].lines) == (0.0, 1.0, 4)


def test_a_file_that_grew_leaves_no_time_and_not_less() -> None:
    hands, told, tally = Hands(), list[Progress](), Tally()
    clock = ProgressClock(told.append, [1000], now=hands)
    hands.time += 2
    clock.tell(1, "a", 1500, tally)
    assert (told[-1].seconds_left, told[-1].share) == (0.0, 1.0)


def test_lines_are_counted_as_they_are_read_and_anew_in_a_second_reading() -> None:
    hands, told, tally = Hands(), list[Progress](), Tally()
    clock = ProgressClock(told.append, [20], now=hands)
    for _ in range(2):
        clock.begin()
        hands.time += 1
        clock.tell(1, "a", 5, tally)
        clock.finish(1, "a", 10, tally)
    assert [progress.lines for progress in told] == [1, 1, 1, 1]
    assert [progress.bytes_done for progress in told] == [5, 10, 15, 20]


def test_the_first_progress_of_a_small_file_is_not_its_end(bench: Bench) -> None:
    """All bytes of a small file are read before its first line is given out; that is not how far the import is."""
    path = bench.write("rows.jsonl", lines.jsonl(*(lines.rollout(id=str(n)) for n in range(10, 40))))
    told: list[Progress] = []
    tally, hands = Tally(), Hands()
    clock = ProgressClock(told.append, [path.stat().st_size], now=hands)
    with RowFile(path) as rows:
        for _ in rows:
            hands.time += 1
            clock.tell(1, "rows.jsonl", rows.position, tally)
    assert [round(progress.share * 30) for progress in told] == list(range(1, 31))
    assert [progress.lines for progress in told] == list(range(1, 31))


def test_the_end_of_an_import_counts_all_lines(bench: Bench) -> None:
    path = bench.write("rows.jsonl", lines.jsonl(lines.rollout(), "{broken"))
    told: list[Progress] = []
    run_import(ImportRequest((path,), bench.root), bench.store, bench.pictures, progress=told.append)
    assert (told[-1].share, told[-1].lines, told[-1].refused) == (1.0, 2, 1)
