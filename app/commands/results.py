"""`launch.py results`: what the ratings of a study say, as words, as JSON, or as a table in a file."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.settings import add_store_options, settings_from
from core.errors import NotFound, StoreError

if TYPE_CHECKING:
    from annotations.results.study import StudyResults
    from annotations.results.tables import Table
    from annotations.studies.store import StudyStore
    from annotations.studies.values import Study

RESAMPLES = 2000
_ENDINGS = (".csv", ".jsonl", ".ndjson")
# Signs that a label takes, and a cell of a narrow table and of a wide one.
_LABEL, _CELL, _WIDE = 30, 17, 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which study, how it is told, and the options of the store."""
    parser.add_argument("--study", metavar="NAME", help="of this study (may be left out where there is only one)")
    parser.add_argument("--version", type=int, metavar="N", help="only ratings given under this version of the guideline")
    parser.add_argument("--json", action="store_true", help="the figures that the page shows, as JSON")
    parser.add_argument("--table", metavar="NAME", help="one table, written to --out: headline, by_step, agreement, ratings, ...")
    parser.add_argument("--out", type=Path, metavar="FILE", help="file for the table; its name ends in .csv or .jsonl")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draws that the intervals are made of (default 0)")
    parser.add_argument("--resamples", type=int, default=RESAMPLES, metavar="N", help=f"how many draws (default {RESAMPLES})")
    parser.add_argument("--pseudonyms", action="store_true", help="call raters r1, r2, ... as for publishing")
    add_store_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Tells the results; 0.

    Raises NotFound for a study, version or table that is not there, StudyError for a seed or number of draws out of range, StoreError
    for a file that cannot be written.
    """
    if (arguments.table is None) != (arguments.out is None):
        raise StoreError("A table goes to a file: give both --table NAME and --out FILE.")
    if arguments.out and arguments.out.suffix.lower() not in _ENDINGS:
        raise StoreError(f"What {arguments.out.name} should hold is not clear: end its name in .csv or .jsonl.")
    found = _results(arguments)
    if arguments.table:
        table = _table(found, arguments.table)
        _write(table, arguments.out)
        print(f"Wrote {len(table.rows)} row{'' if len(table.rows) == 1 else 's'} of {table.title.lower()} to {arguments.out}.")
    elif arguments.json:
        print(json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        for line in told(found.to_json()):
            # Names and reasons are people's: what would move a terminal's cursor is not passed on.
            print("".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in line))
    return 0


def told(results: dict[str, Any]) -> Iterator[str]:
    """The results as lines for a person, from their JSON."""
    yield from _about(results)
    yield from _headlines(results)
    for breakdown in results["breakdowns"]:
        yield from _breakdown(breakdown)
    yield from _pairs(results["pairs"])
    yield from _agreement(results["agreement"])
    yield from _points(results["points"])
    yield from _raters(results["raters"])
    yield f"Intervals are 95 %, of {results['resamples']:,} resamples with seed {results['seed']}: in the breakdowns over traces and raters"
    yield "at once, with the number of ratings in brackets; of agreement over traces; of models over samples."


def _results(arguments: argparse.Namespace) -> StudyResults:
    from annotations.results.study import results
    from app.services import open_services

    with open_services(settings_from(arguments, os.environ), existing=True) as services:
        return results(
            services.studies,
            services.ratings,
            _study(services.studies, arguments.study).id,
            version=arguments.version,
            seed=arguments.seed,
            resamples=arguments.resamples,
            pseudonyms=arguments.pseudonyms,
        )


def _study(studies: StudyStore, name: str | None) -> Study:
    if name is not None:
        return studies.by_name(name)
    every = studies.list()
    if len(every) == 1:
        return every[0]
    if not every:
        raise NotFound("There is no study yet: begin one in the workbench.")
    raise NotFound(f"There are {len(every)} studies, so name one with --study: {', '.join(study.name for study in every)}.")


def _table(found: StudyResults, name: str) -> Table:
    table = found.tables.get(name)
    if table is None:
        raise NotFound(f"There is no table {name!r}: there are {', '.join(found.tables)}.")
    return table


def _write(table: Table, target: Path) -> None:
    from annotations.durable import whole_file
    from annotations.results.tables import csv_text, jsonl_text

    pieces = csv_text(table) if target.suffix.lower() == ".csv" else jsonl_text(table)
    try:
        with whole_file(target) as file:
            for piece in pieces:
                file.write(piece.encode("utf-8"))
    except OSError as error:
        raise StoreError(f"{target} cannot be written ({error.strerror or error}): make room or choose another place.") from error


def _about(results: dict[str, Any]) -> Iterator[str]:
    study, counts = results["study"], results["counts"]
    versions = ", ".join(str(version) for version in study["versions"]) or str(study["asked"] or study["newest"])
    yield f"Study “{study['name']}”, guideline version {versions}{' (closed)' if study['closed'] else ''}"
    yield (
        f"{_n(counts['counting'], 'rating')} of {_n(counts['steps'], 'step')} of {_n(counts['traces'], 'trace')} "
        f"by {_n(counts['raters'], 'rater')}; {counts['corrections']:,} with a correction, {counts['comments']:,} with a comment"
    )
    beside = [f"{entry['label']} {entry['n']:,} ({entry['question']})" for entry in counts["unscored"]]
    beside += [f"{name.replace('_', ' ')} {counts[name]:,}" for name in ("skipped", "withdrawn", "surplus", "set_apart")]
    yield f"Counted and never scored: {', '.join(beside)}"
    yield from (f"  skipped {entry['n']:,} times: {entry['reason']}" for entry in counts["skip_reasons"])
    yield ""


def _headlines(results: dict[str, Any]) -> Iterator[str]:
    yield _row("", "value", "traces and raters", "by trace", "by rater", "n", "the paper")
    without = {entry["figure"]: entry for entry in results["leave_one_out"]}
    for figure in results["headlines"]:
        paper, unit = figure["paper"], figure["unit"]
        beside = f"{_value(paper['value'], unit)} {_between(paper, unit)}" if paper else ""
        yield _row(*_figure_cells(figure["title"], figure), beside)
        yield from (f"    {words}" for words in _cautions(figure))
        entry = without[figure["id"]]
        if entry["lowest"]:
            low, high = entry["lowest"], entry["highest"]
            ends = f"{_value(low['value'], unit)} without {low['rater']}", f"{_value(high['value'], unit)} without {high['rater']}"
            yield f"    leaving one rater out: {ends[0]} to {ends[1]}"
        elif entry["words"] and entry["value"] is not None:
            yield f"    leaving one rater out: {entry['words']}"
    source = next((figure["paper"]["source"] for figure in results["headlines"] if figure["paper"]), "")
    yield f"The paper: {source}" if source else ""
    yield ""


def _breakdown(breakdown: dict[str, Any]) -> Iterator[str]:
    if breakdown["words"]:
        yield f"{breakdown['title']}: {breakdown['words']}"
        yield ""
        return
    yield _row(breakdown["title"], *(figure["title"] for figure in breakdown["rows"][0]["figures"]), cell=_WIDE)
    for row in breakdown["rows"]:
        cells = []
        for figure in row["figures"]:
            ends = _between(figure["intervals"]["both"], figure["unit"])
            cells.append(f"{_value(figure['value'], figure['unit'])} {ends} ({figure['n']['ratings']:,})".replace("  ", " "))
        yield _row(row["label"], *cells, cell=_WIDE)
    yield ""


def _pairs(pairs: dict[str, Any]) -> Iterator[str]:
    yield "Models in pairs, on the same samples"
    if pairs["words"]:
        yield f"  {pairs['words']}"
    for pair in pairs["rows"]:
        head = f"  {pair['title']}: {pair['a']} against {pair['b']}"
        if pair["difference"] is None:
            yield f"{head}: {pair['words']}"
            continue
        unit, interval = pair["unit"], pair["interval"]
        apart = "points" if unit == "share" else unit
        ends = _between(interval, apart) or interval["words"]
        means = f"{_value(pair['mean_a'], unit)} and {_value(pair['mean_b'], unit)}"
        p = f", p (Holm) {pair['p_holm']:.3g}" if pair["p_holm"] is not None else ""
        yield f"{head}: {means}, difference {_value(pair['difference'], apart)} {ends}{p}, on {_n(pair['samples'], 'sample')}"
    yield ""


def _agreement(found: list[dict[str, Any]]) -> Iterator[str]:
    yield "Agreement"
    for entry in found:
        n = entry["n"]
        yield f"  {entry['title']} ({entry['level']}: {', '.join(entry['answers'])})"
        if entry["words"]:
            yield f"    {entry['words']}"
            continue
        yield f"    on {_n(n['steps'], 'step')} with {_n(n['ratings'], 'rating')} by {_n(n['raters'], 'rater')}"
        for coefficient in entry["coefficients"]:
            if coefficient["value"] is None:
                yield f"    {coefficient['title']}: {coefficient['words']}"
                continue
            unit = "share" if coefficient["id"] == "percent" else "score"
            ends = _between(coefficient["interval"], unit) or coefficient["interval"]["words"]
            yield f"    {coefficient['title']}: {_value(coefficient['value'], unit)} {ends} {coefficient['reading']}".rstrip()
    yield ""


def _points(found: list[dict[str, Any]]) -> Iterator[str]:
    for points in found:
        n = points["n"]
        yield f"{points['title']}: {_n(n['points'], 'point')} on {_n(n['steps'], 'step')}, boxes: {n['boxes']:,}"
        for name, label in (("between", "between two raters"), ("from_model", "from the model's point")):
            pixels, widths = points[name]["pixels"], points[name]["widths"]
            if pixels["value"] is None:
                yield f"  {label}: {pixels['words']}"
                continue
            within = ", ".join(f"{_value(entry['share'], 'share')} within {entry['tolerance']:g}" for entry in points[name]["within"])
            yield f"  {label}: median {pixels['value']:.1f} px, {widths['value']:.3f} widths (n {pixels['n']:,}); {within} widths"
    yield ""


def _raters(found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        return
    heads = (
        "rated",
        "skipped",
        "unsure",
        "seconds (median)",
        "accurate",
        "helpful",
        "same as others",
        "accurate, halves",
        "seconds, halves",
    )
    yield _row("Rater", *heads)
    for rater in found:
        drift = {entry["id"]: entry for entry in rater["drift"]}
        yield _row(
            rater["rater"],
            *(rater["rated"], rater["skipped"], rater["unsure"], _value(rater["seconds"]["median"], "seconds")),
            *(_value(rater["accuracy"]["value"], "share"), _value(rater["helpfulness"]["value"], "score")),
            _value(rater["agreement"][0]["same"] if rater["agreement"] else None, "share"),
            *(_halves(drift.get(name), unit) for name, unit in (("accuracy", "share"), ("seconds", "seconds"))),
        )
    yield ""


def _halves(drift: dict[str, Any] | None, unit: str) -> str:
    """The first half of a rater's ratings in time, and the second."""
    return "-" if drift is None or drift["first"] is None else f"{_value(drift['first'], unit)}, {_value(drift['second'], unit)}"


def _figure_cells(label: str, figure: dict[str, Any]) -> tuple[str, ...]:
    unit, n = figure["unit"], figure["n"]
    ends = (_between(figure["intervals"][per], unit) or "-" for per in ("both", "trace", "rater"))
    return label, _value(figure["value"], unit), *ends, f"{n['ratings']:,} of {n['steps']:,}"


def _cautions(figure: dict[str, Any]) -> list[str]:
    """Why a figure or an interval is not there, or is to be read with care; each once."""
    if figure["words"]:
        return [figure["words"]]
    found = [figure["intervals"][per]["words"] for per in ("both", "trace", "rater")]
    return list(dict.fromkeys(words for words in found if words))


def _value(value: float | None, unit: str) -> str:
    """A share in percent, the difference of two in points of it, seconds with one decimal, everything else with two."""
    if value is None:
        return "-"
    if unit in ("share", "points"):
        return f"{value * 100:.1f} {'%' if unit == 'share' else 'points'}"
    return f"{value:.1f}" if unit == "seconds" else f"{value:.2f}"


def _between(ends: dict[str, Any], unit: str) -> str:
    return "" if ends["low"] is None else f"[{_value(ends['low'], unit)}, {_value(ends['high'], unit)}]"


def _row(label: str, *cells: Any, cell: int = _CELL) -> str:
    # A label that is too long for its column gets a line of its own, so that the cells stay below each other.
    head = f"{label:<{_LABEL}}" if len(label) < _LABEL else f"{label}\n{'':<{_LABEL}}"
    return (head + "".join(f"{entry!s:<{cell}} " for entry in cells)).rstrip()


def _n(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
