"""A ladder's report as Markdown, as it stands in docs/results.md; and its rungs before they are run, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.durations import duration
from app.ladder.claims import Claim
from app.ladder.plan import Plan, little_left
from app.ladder.report import Place, Report, Row, Tested
from app.ladder.rungs import Rung, harder, training_named
from app.ladder.times import seconds_of
from core.evaluation.seeds import OverSeeds


def markdown(report: Report) -> str:
    """The tables of the rungs, of the claims and of the curves, and what is missing."""
    if not report.rows:
        return "Nothing of this ladder was trained and judged yet.\n"
    plan = report.plan
    head = (
        f"World `{plan['difficulty']}`, harder world `{harder(plan['difficulty']).name}`; {plan['steps']} steps from one start "
        f"({plan['start_steps']} steps from {plan['base']})."
    )
    parts = [head, _table(report.rows), _guessing(report), *_left(report.rows), _claims(report.claims)]
    for what, name in (("items", "Items"), ("size", "Size of the items, px")):
        if report.curves[what]:
            parts.append(_curve(report.curves[what], name))
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(rows: Sequence[Row]) -> str:
    passed = max((k for row in rows for k in row.passed), default=0)
    columns = ["Rung", "seeds × n", "right", "points hit", "looks", "looks hit", *([f"pass@{passed}"] if passed else [])]
    columns += ["than", "right", "p", "looks", "masked"]
    lines = [_line(columns), "|" + "---|" * len(columns)]
    for row in rows:
        cells = [f"{row.rung.title} (`{row.rung.name}`)", f"{row.seeds} × {row.n}"]
        cells += [_percent(row.right), _percent(row.points), _number(row.looks), _percent(row.looks_hit)]
        cells += [_percent(row.passed.get(passed))] if passed else []
        right, looks = row.against.get("right"), row.against.get("looks")
        cells += [f"`{row.rung.than}`" if row.against else "", _points(right), _p(right), _number(looks, signed=True)]
        lines.append(_line([*cells, "" if row.masked is None else f"{100 * row.masked:.1f} %"]))
    return "\n".join(lines)


def _guessing(report: Report) -> str:
    """What guessing is worth in the worlds that the rungs are asked in."""
    home = str(report.plan["difficulty"])
    told = [(name, report.chances[name]) for name in (home, harder(home).name) if name in report.chances]
    return "Guessing: " + ", ".join(f"{name} {100 * chance:.1f} %" for name, chance in told) + "." if told else ""


def _left(rows: Sequence[Row]) -> Iterator[str]:
    """A word about a start that leaves little to gain."""
    yield from (little_left(row.right.value) for row in rows if row.rung.name == "start-looks")


def _claims(claims: Sequence[Tested]) -> str:
    lines = []
    for title, paper in (("The paper's claims", True), ("Others, and controls", False)):
        lines += ["", _line([title, "reported", "source", "tested by", "here", "p", "verdict"]), "|" + "---|" * 7]
        lines += [_claim(tested) for tested in claims if tested.claim.paper is paper]
    return "\n".join(lines[1:])


def _claim(tested: Tested) -> str:
    claim, apart = tested.claim, tested.apart
    here = _points(apart) if claim.measure.value == "right" else _number(apart, signed=True, unit=" looks")
    return _line([claim.words, claim.figure, claim.source, _by(claim), here, _p(apart), f"**{tested.verdict.value}**"])


def _by(claim: Claim) -> str:
    return f"`{claim.more}` less `{claim.less}`"


def _curve(places: Sequence[Place], name: str) -> str:
    """A row for each place, a column for each rung."""
    rungs = list(dict.fromkeys(place.rung.name for place in places))
    lines = [_line([name, *(f"`{rung}`" for rung in rungs), "guessing"]), "|" + "---|" * (len(rungs) + 2)]
    for at in sorted({place.at for place in places}):
        here = {place.rung.name: place for place in places if place.at == at}
        chance = next(iter(here.values())).chance
        cells = [_percent(here[rung].right) if rung in here else "" for rung in rungs]
        lines.append(_line([str(at), *cells, "" if chance is None else f"{100 * chance:.1f} %"]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _percent(told: OverSeeds | None) -> str:
    if told is None:
        return ""
    return f"{100 * told.value:.1f} %" + (
        "" if told.interval is None else " ({:.1f} to {:.1f})".format(*(100 * end for end in told.interval))
    )


def _points(told: OverSeeds | None) -> str:
    """A difference of shares, in points."""
    if told is None:
        return ""
    between = "" if told.interval is None else " ({:+.1f} to {:+.1f})".format(*(100 * end for end in told.interval))
    return f"{100 * told.value:+.1f}{between}"


def _number(told: OverSeeds | None, *, signed: bool = False, unit: str = "") -> str:
    if told is None:
        return ""
    sign = "+" if signed else ""
    between = "" if told.interval is None else " ({:{s}.2f} to {:{s}.2f})".format(*told.interval, s=sign)
    return f"{told.value:{sign}.2f}{between}{unit}"


def _p(told: OverSeeds | None) -> str:
    if told is None or told.p is None:
        return ""
    return "< 0.0001" if told.p < 0.0001 else f"{told.p:.4f}"


def listed(plan: Plan, rungs: Sequence[Rung], jobs: int) -> str:
    """The rungs, what each differs in, and about how long all of it takes with so many trainings beside each other."""
    width = max(len(rung.name) for rung in rungs)
    lines = []
    for rung in rungs:
        training = training_named(rung.training)
        than = f", than {rung.than}: {rung.differs}" if rung.than else ""
        lines.append(f"{rung.name:<{width}}  {rung.title} ({training.recipe}){than}")
    told, seeds = duration(seconds_of(plan, rungs) / jobs), f"{plan.seeds} seed{'s' if plan.seeds > 1 else ''}"
    cores = f"{jobs} core{'s' if jobs > 1 else ''}"
    lines.append(
        f"{seeds}, {plan.steps} steps, {plan.n} questions on {plan.difficulty}: about {told} from nothing, on {cores} of the machine of "
        "docs/rl.md."
    )
    return "\n".join(lines)
