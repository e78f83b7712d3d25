"""Lines that nobody would write on purpose, and files larger than memory: no traceback, one verdict a line, bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations.importing.report import Outcome
from tests.annotations.importing import lines
from tests.annotations.importing.conftest import Bench

ROWS = [lines.rollout(), lines.tree(), lines.chain(), lines.dialog(), lines.rl_record(), lines.eval_record(), lines.error()]
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["<think>", "(1, 2)", "images/scene.png", "\x00"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def damaged_rows(draw: st.DrawFn) -> Any:
    """A good row with a value somewhere in it replaced by junk."""
    row = json.loads(json.dumps(draw(st.sampled_from(ROWS))))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = row
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            inner = place[key]
            if isinstance(inner, dict | list) and inner and draw(st.booleans()):
                place = inner
                continue
            place[key] = draw(JUNK)
            break
    return row


# One store for all examples: what a row is refused for does not depend on what is there.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=250)
@given(rows=st.lists(damaged_rows() | JUNK, min_size=1, max_size=4))
def test_damaged_rows_get_one_verdict_each(bench: Bench, rows: list[Any]) -> None:
    # A file that begins with a bracket is an array, so these begin with a row.
    report = bench.take(bench.write("rows.jsonl", lines.jsonl(lines.error(), *(json.dumps(row) for row in rows))), dataset="fuzz")
    assert report.lines == len(rows) + 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(data=st.binary(max_size=400))
def test_arbitrary_bytes_get_verdicts(bench: Bench, data: bytes) -> None:
    report = bench.take(bench.write("rows.jsonl", data), dataset="fuzz")
    assert report.count(Outcome.REFUSED) == report.lines > 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(text=st.text(alphabet="<>/thinkaswer(),. 0123456789\n", max_size=200), final=st.none() | st.text(max_size=30))
def test_any_model_output_is_taken(bench: Bench, text: str, final: str | None) -> None:
    row = lines.rollout(thoughts=[text], final_answer=final)
    report = bench.take(bench.write("rows.jsonl", lines.jsonl(row)), dataset="fuzz")
    assert report.refused == ()


def spoilt_line(random: Random, number: int) -> str:
    """A line with one defect of those that are seen in the field, or none."""
    good = json.dumps(random.choice(ROWS) | {"id": number})
    return random.choice(
        [
            good,
            good[: random.randrange(1, len(good))],
            good.replace('"id"', '"id": 1, "id"', 1),
            good.replace(str(number), "NaN", 1),
            good.replace(str(number), "9" * random.randrange(20, 6000), 1),
            good.replace("lamp", "la\\ud800mp", 1),
            good.replace("lamp", "la\\u0000mp", 1),
            good.replace("lamp", "la\tmp", 1),
            good.replace("scene.png", random.choice(["../x.png", "/etc/passwd", "%2e%2e/x", "missing.png", "a\\\\b.png"])),
            good.replace("(100, 50)", random.choice(["(99999, 5)", f"({'8' * 400}, 1)", "(1e5, 3)", "(-1, -1)"])),
            good.replace("true_answer", "truth"),
            good.replace("[", "{", 1),
            good + good,
            "[" * random.randrange(1, 3000),
            random.choice(["null", "[]", "{}", '"text"', "12", "\ufeff" + good, "{'single': 'quotes'}", "thoughts: yaml"]),
        ]
    )


@pytest.mark.slow
def test_ten_thousand_spoilt_lines_get_a_verdict_each(bench: Bench) -> None:
    random = Random(20250601)
    spoilt = [spoilt_line(random, number).replace("\n", " ") for number in range(10_000)]
    path = bench.write("spoilt.jsonl", "\n".join(spoilt))
    file = bench.folder / "verdicts.jsonl"
    report = bench.take(path, report=file, dry_run=True)
    said = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(item["line"] for item in said) == list(range(1, 10_001))
    counts = Counter(item["outcome"] for item in said)
    assert counts == {outcome.value: count for outcome, count in report.counts.items()}
    assert min(counts["taken"], counts["repaired"], counts["refused"]) > 500
    assert all(item["words"] and "Traceback" not in item["words"] for item in said)
    assert len(report.refused) == 200


# Runs in a process of its own, so that the memory of the tests before it does not count.
MEASURE = """
import resource, sys
from pathlib import Path
from annotations.database import open_database
from annotations.importing.run import ImportRequest, run_import
from annotations.pictures import PictureStore
from annotations.store import Store

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

big, small, root, folder = (Path(argument) for argument in sys.argv[1:])
store = Store(open_database(f"sqlite:///{folder / 'memory.db'}"))
pictures = PictureStore(folder / "pictures")
run_import(ImportRequest((small,), root), store, pictures)
before = peak()
report = run_import(ImportRequest((big,), root), store, pictures)
print(report.lines, report.traces_added, peak() - before)
"""


def measured(bench: Bench, big: Path) -> tuple[int, int, float]:
    """Lines, traces added, and megabytes that the memory grew by over an import of a small file."""
    small = bench.write("small.jsonl", lines.jsonl(*ROWS))
    house = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", MEASURE, str(big), str(small), str(bench.root), str(bench.folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=house, timeout=600, check=True)
    rows, traces, grown = done.stdout.split()
    return int(rows), int(traces), float(grown)


@pytest.mark.slow
def test_a_large_array_is_imported_in_bounded_memory(bench: Bench) -> None:
    """200 MB; most of it are system prompts, which are kept and not searched, so that reading is what takes the time."""
    filler = "Tie each step to the picture, and name its point. " * 400
    path = bench.folder / "big.json"
    number = 0
    with path.open("w") as file:
        file.write("[")
        while file.tell() < 200 * 2**20:
            row = lines.rollout(id=str(number), system_prompt=filler)
            file.write(("," if number else "") + json.dumps(row))
            number += 1
        file.write("]")
    rows, traces, grown = measured(bench, path)
    assert (rows, traces) == (number, number)
    assert grown < 150


def test_a_line_of_100_megabytes_is_refused_without_being_held(bench: Bench) -> None:
    path = bench.folder / "long.jsonl"
    with path.open("w") as file:
        file.write(lines.jsonl(lines.rollout()) + '{"thoughts": ["')
        for _ in range(100):
            file.write("x" * 2**20)
        file.write('"]}\n' + lines.jsonl(lines.rollout(id="8")))
    rows, traces, grown = measured(bench, path)
    # The first line is that of the small file too, under another data set's name.
    assert (rows, traces) == (3, 2)
    assert grown < 60
