"""What `launch.py ask` prints: steps, looks and answers as they come, how far all are, and the whole as one document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from app.durations import at_most, duration, left
from app.live_run import DrawNow, LiveRun, RunState
from app.run_view import agreement_view, pass_view, summary_view, words_of
from app.view import overlay_text
from app.words import STOP_SENTENCES, look_words
from core.rollout.values import Tokens
from core.trace import Trace

Json = dict[str, Any]


class Teller:
    """Prints what is new in a run's conversations, each line with its conversation where there are several.

    out  None: nothing is printed
    """

    def __init__(self, out: TextIO | None) -> None:
        self._out = out
        self._seen = 0
        self._steps: dict[int, int] = {}
        self._looks: dict[int, int] = {}
        self._ended: set[int] = set()

    def tell(self, run: LiveRun) -> None:
        """Print what has been said since the last time."""
        if self._out is None:
            return
        for seq, number in run.changed_after(self._seen):
            self._seen = seq
            mark = f"[{number + 1}] " if run.asked.samples > 1 else ""
            for line in self._news(run.draw(number)):
                self._out.write(f"{mark}{printable(line)}\n")
        self._out.flush()

    def _news(self, draw: DrawNow) -> Iterator[str]:
        if draw.trace is not None:
            yield from self._said(draw, draw.trace)
        if not draw.ended or draw.draw in self._ended:
            return
        self._ended.add(draw.draw)
        if draw.trace is None:
            yield draw.error or "It was not begun."
            return
        verdict = {True: " (right)", False: " (wrong)", None: ""}[draw.correct]
        yield f"Answer: {draw.trace.answer}{verdict}" if draw.trace.answer is not None else "No answer."
        yield draw.error or STOP_SENTENCES[draw.trace.stop]

    def _said(self, draw: DrawNow, trace: Trace) -> Iterator[str]:
        """Steps that are whole: of a turn that is being written, the last one may still grow."""
        whole = len(trace.steps) if draw.ended or _observed(trace) else len(trace.steps) - 1
        places = overlay_text(trace)
        told = self._steps.get(draw.draw, 0)
        looks = 0
        for step in trace.steps[: max(whole, 0)]:
            looks += step.look is not None
            if step.index >= told:
                yield f"Step {step.index + 1}: {step.text}"
                if step.point is not None:
                    yield f"    {_place(places[step.index])}"
            if step.look is not None and looks > self._looks.get(draw.draw, 0):
                yield f"    Look {looks}, at step {step.index + 1}: {look_words(step.look, trace.frame.orientation)}"
                self._looks[draw.draw] = looks
        self._steps[draw.draw] = max(told, whole)


class Meter:
    """How far a run is, on standard error: a line that is written over on a terminal, a line a change elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._last = ""
        self._shown = False

    def tell(self, run: LiveRun) -> None:
        """Say how far it is and how long it will take."""
        now, words = run.now, words_of(run)
        rate = f", {now.tokens / now.seconds:.0f} tokens a second" if now.tokens and now.seconds > 0 else ""
        still = f", {told}" if (told := _time_left(run)) else ""
        if self._live:
            self._out.write(f"\r\x1b[K{printable(words.rstrip('.'))}{rate}{still or _no_estimate(run)}")
            self._shown = True
        elif words != self._last:
            self._out.write(f"{printable(words.rstrip('.'))}{still}\n")
        self._last = words
        self._out.flush()

    def clear(self) -> None:
        """Leave the terminal's line free."""
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = False


def summary_lines(run: LiveRun) -> Iterator[str]:
    """What came of a run, in a few lines."""
    summary = summary_view(run)
    if summary["agreement"]:
        yield printable(summary["agreement"]["words"])
    if summary["pass_at_k"]:
        told = ", ".join(f"pass@{one['k']} {one['value']:.2f}" for one in summary["pass_at_k"])
        yield f"{told} (n = {summary['pass_at_k'][0]['n']})"
    took = f" It took {duration(run.now.seconds)}, {run.now.tokens:,} tokens." if run.rollouts else ""
    yield f"{words_of(run)}{took}"


def document_of(run: LiveRun, *, tokens: bool) -> Json:
    """A run as one JSON document. `tokens`: with the tokens of each conversation and their log-probabilities."""
    now, asked = run.now, run.asked
    rollouts = {rollout.draw: rollout for rollout in run.rollouts}
    stored = dict(run.stored)
    traces = []
    for number in range(asked.samples):
        draw, rollout = run.draw(number), rollouts.get(number)
        if draw.trace is None:
            continue
        at = stored.get(number)
        line: Json = {"draw": number, "state": draw.state.value, "answer": draw.trace.answer, "correct": draw.correct, "error": draw.error}
        line |= {"id": at.id if at else draw.trace.content_hash, "dataset": at.dataset if at else None}
        line |= {"seconds": rollout.seconds if rollout else None, "trace": draw.trace.to_json()}
        if tokens:
            line["tokens"] = _tokens(rollout.tokens) if rollout and rollout.tokens else None
        traces.append(line)
    ended = [rollout.trace for rollout in run.rollouts]
    return {
        "policy": asked.policy,
        "policy_name": now.policy_name,
        "question": asked.sample.question,
        "domain": asked.sample.domain.value,
        "picture": asked.sample.pictures[0].sha256,
        "samples": asked.samples,
        "state": now.state.value,
        "error": now.error or None,
        "not_stored": now.not_stored or None,
        "traces": traces,
        "agreement": agreement_view(ended),
        "pass_at_k": pass_view(ended),
        "seconds": now.seconds,
        "tokens": now.tokens,
        "tokens_per_second": now.tokens / now.seconds if now.seconds > 0 else 0.0,
    }


def _time_left(run: LiveRun) -> str:
    """How long a run still takes; empty where that cannot be told."""
    now = run.now
    if now.state is not RunState.RUNNING or now.ended == run.asked.samples:
        return ""
    if now.seconds_left is not None:
        return left(now.seconds_left)
    return "" if now.seconds_at_most is None else at_most(now.seconds_at_most)


def _no_estimate(run: LiveRun) -> str:
    """Why a run that goes on does not tell how long it takes."""
    now = run.now
    going_on = now.state is RunState.RUNNING and now.ended < run.asked.samples and not run.stopping.is_set()
    return ", no estimate until more is written" if going_on else ""


def printable(words: str) -> str:
    """Text of a model on one line, without what would steer a terminal."""
    return "".join(sign if sign.isprintable() else " " if sign.isspace() else "\ufffd" for sign in words)


def _place(words: str) -> str:
    """Where a step points, from the overlay's words: of its look, which may come later, there is a line of its own."""
    parts = words.partition(": ")[2].split("; ")
    return "; ".join(part for part in parts if not part.startswith("zoomed in"))


def _observed(trace: Trace) -> bool:
    """Whether the last turn has been answered, so that nothing comes to it any more."""
    return bool(trace.turns) and trace.turns[-1].observation is not None


def _tokens(tokens: Tokens) -> Json:
    spans = [{"start": span.start, "end": span.end, "turn": span.turn, "author": span.author.value} for span in tokens.spans]
    return {"prompt": list(tokens.prompt), "ids": list(tokens.ids), "logprobs": list(tokens.logprobs), "spans": spans}
