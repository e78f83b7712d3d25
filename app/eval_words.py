"""An evaluation as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.evaluation.beside import Compared
from core.evaluation.shares import Difference, Mean, Share, mean, rate
from core.evaluation.values import Evaluation, Result

_FIRST = 20
_PAIRED = """Each with its 95 % interval; difference: the first less the second on the same questions, whole questions drawn again (BCa).
p: McNemar's exact test that both are right equally often."""
_NOTE = """right: with Wilson's 95 % interval. looks hit: of all looks, those that show the mark of what is asked about. points hit: of all
points in the reasoning, those in some item. than as it is: difference on the same questions, with its 95 % interval (BCa)."""


def table(evaluation: Evaluation, title: str) -> str:
    """A row for each condition, two for guessing, and what the columns mean."""
    kinds = sorted(evaluation.chance_by_kind)
    counted = [f"{kind} ({evaluation.kinds.count(kind)})" for kind in kinds]
    columns = ["right", "", *counted, "looks", "looks hit", "points hit", "no answer", "faulty", "s/trace", "than as it is"]
    first = evaluation.results[0]
    rows = [columns]
    rows += [_row(result, kinds, None if result is first else result.against(first, evaluation.seed)) for result in evaluation.results]
    names = ["", *(result.condition for result in evaluation.results)]
    if evaluation.chance is not None:
        rows.append([_percent(evaluation.chance), "", *(_percent(evaluation.chance_by_kind[kind] or 0.0) for kind in kinds)])
        rows.append([_percent(evaluation.common.value), _interval(evaluation.common)] if evaluation.common.n else ["none"])
        names += ["guessing", "most frequent"]
    lines = _aligned(names, rows) + _passes(first, evaluation.seed)
    broken = sum(result.broken for result in evaluation.results)
    said = f"\n{broken:,} conversations broke off; they count as not right." if broken else ""
    return f"{title}: {evaluation.policy}, {evaluation.n:,} questions\n{lines}\n{_NOTE}{said}\n"


def _passes(result: Result, seed: int) -> str:
    """pass@k, where questions were asked several times."""
    if result.samples == 1:
        return ""
    told = ", ".join(f"pass@{k} {_mean(one, 100, ' %')}" for k, one in result.pass_at(seed).items())
    return f"\nas it is, of {result.samples} answers to each question: {told}"


def beside_table(one: Evaluation, other: Evaluation, found: Sequence[Compared], title: str) -> str:
    """Two policies on the same questions: a block for each condition, a row for each figure."""
    blocks = []
    for compared in found:
        rows = [["", one.policy, other.policy, "difference", "p"]]
        rows += _paired_rows(one.of(compared.condition), other.of(compared.condition), compared, one.seed)
        blocks.append(_aligned([compared.condition, *(row[0] for row in rows[1:])], [row[1:] for row in rows]))
    return f"{title}: {one.policy} beside {other.policy}, {one.n:,} questions\n" + "\n".join(blocks) + f"\n{_PAIRED}\n"


def _paired_rows(one: Result, other: Result, found: Compared, seed: int) -> Iterator[list[str]]:
    yield ["right", _whole(one.accuracy), _whole(other.accuracy), _apart(found.right), _p(found.right.p)]
    if len(found.by_kind) > 1:
        for kind, apart in found.by_kind.items():
            yield [f"  {kind} ({apart.n})", _whole(one.by_kind[kind]), _whole(other.by_kind[kind]), _apart(apart), _p(apart.p)]
    for k, passed in found.pass_at.items() if min(one.samples, other.samples) > 1 else ():
        yield [f"pass@{k}", *(_mean(mean(it.passed(k), seed), 100, " %") for it in (one, other)), _signed(passed, 100)]
    points, looks = (
        [rate(each, seed) for each in pair] for pair in ((one.points_each, other.points_each), (one.looks_each, other.looks_each))
    )
    yield ["points hit", *(_mean(it, 100, " %") for it in points), _signed(found.points_hit, 100)]
    yield ["looks hit", *(_mean(it, 100, " %") for it in looks), _signed(found.looks_hit, 100)]
    yield ["looks", f"{one.looks:.2f}", f"{other.looks:.2f}", _signed(found.looks, 1)]


def difficulties_table(lines: Sequence[tuple[str, Evaluation, Evaluation, Compared]]) -> str:
    """Right answers of two policies as they are, a row for each difficulty. `lines` has each difficulty's name, both and the difference."""
    _, first, second, _ = lines[0]
    rows = [[first.policy, second.policy, "difference", "p"]]
    for _, one, other, found in lines:
        right = found.right
        rows.append([_whole(one.results[0].accuracy), _whole(other.results[0].accuracy), _apart(right), _p(right.p)])
    return "right, as it is\n" + _aligned(["", *(name for name, *_ in lines)], rows) + "\n"


def _whole(share: Share) -> str:
    return f"{_percent(share.value)} {_interval(share)}" if share.n else "none"


def _mean(mean: Mean | None, times: int, unit: str) -> str:
    if mean is None:
        return "none"
    if mean.interval is None:
        return f"{times * mean.value:.1f}{unit}"
    low, high = mean.interval
    return f"{times * mean.value:.1f}{unit} ({times * low:.1f} to {times * high:.1f})"


def _signed(mean: Mean | None, times: int) -> str:
    """A difference: in points where `times` is 100."""
    if mean is None:
        return ""
    places = 1 if times == 100 else 2
    value = f"{times * mean.value:+.{places}f}"
    if mean.interval is None:
        return value
    low, high = mean.interval
    return f"{value} ({times * low:+.{places}f} to {times * high:+.{places}f})"


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _row(result: Result, kinds: list[str], difference: Difference | None) -> list[str]:
    by_kind = result.by_kind
    figures = [_percent(result.accuracy.value), _interval(result.accuracy), *(_percent(by_kind[kind].value) for kind in kinds)]
    figures += [f"{result.looks:.2f}", _percent_of(result.looks_hit), _percent_of(result.points_hit)]
    figures += [_percent_of(result.unanswered), _percent_of(result.faulty), f"{result.seconds / (result.n * result.samples):.3f}"]
    return [*figures, "" if difference is None else _apart(difference)]


def _apart(difference: Difference) -> str:
    value = f"{100 * difference.value:+.1f}"
    if difference.interval is None:
        return value
    low, high = difference.interval
    return f"{value} ({100 * low:+.1f} to {100 * high:+.1f})"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _percent_of(share: Share) -> str:
    return _percent(share.value) if share.n else "none"


def _interval(share: Share) -> str:
    return f"({100 * share.low:.1f} to {100 * share.high:.1f})"


def _aligned(names: list[str], rows: list[list[str]]) -> str:
    most = max(len(row) for row in rows)
    full = [row + [""] * (most - len(row)) for row in rows]
    widths = [max(len(row[at]) for row in full) for at in range(most)]
    lines = []
    for name, row in zip(names, full, strict=True):
        lines.append(f"{name:<{_FIRST}}" + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return "\n".join(lines)
