"""The four kinds of task: what a model is told, what an answer is, how it zooms, and who judges.

The prompts are this project's own words for the rules of the method; the tags and the tool's name come from core.grammar. They are
system messages; the question follows as a user message behind its picture. Points in them are in the model's own numbers.

A truth is judged by its own kind: a visual search whose truth is a box is judged as a point in a box. To add a domain: a name in
core.trace.DomainName and an entry in DOMAINS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.crops import CropRule
from core.errors import TruthError
from core.frames import CoordinateFrame
from core.geometry import Point
from core.grammar import (
    ANSWER_CLOSE,
    ANSWER_OPEN,
    OBSERVATION_CLOSE,
    OBSERVATION_OPEN,
    THINK_CLOSE,
    THINK_OPEN,
    TOOL_NAME,
    call_text,
    read_point,
)
from core.judges import Verdict, judge_point_in_box, judge_point_near, judge_text, judge_web_action, unscored
from core.trace import BROKEN_OFF, DomainName, Trace, Truth, TruthKind

Judge = Callable[[str | None, Truth, CoordinateFrame], Verdict]
"""From an answer's text, the truth, and the frame of the answer's numbers to a verdict."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A kind of task.

    system_prompt      for a single turn of thought and answer
    multi_turn_prompt  for a conversation with the zoom tool; None where the domain has none
    answer_kind        what a truth of this domain usually is
    crop               how the environment zooms; None where it does not
    judge              for truths of `answer_kind`
    """

    name: DomainName
    title: str
    system_prompt: str
    multi_turn_prompt: str | None
    answer_kind: TruthKind
    crop: CropRule | None
    judge: Judge


def judge_answer(name: DomainName, answer: str | None, truth: Truth, frame: CoordinateFrame) -> Verdict:
    """Is the answer right? `answer` is its text, with numbers in the frame's grid; None where the model gave none.

    Unscored where no truth is known. Raises TruthError for a truth that says it is a box or a point and has none.
    """
    domain = DOMAINS[name]
    judge = domain.judge if truth.kind is domain.answer_kind else JUDGES[truth.kind]
    return judge(answer, truth, frame)


def judge_trace(trace: Trace) -> Verdict:
    """Did the trace end with the right answer? Unscored, beside where no truth is known, for what a person stopped or what broke off.

    Such a conversation says nothing of the policy, also where half an answer stands in it. Raises TruthError as `judge_answer` does.
    """
    if trace.stop in BROKEN_OFF:
        return unscored("The conversation was stopped or broke off, so it is not scored.")
    return judge_answer(trace.sample.domain, trace.answer, trace.sample.truth, trace.frame)


def _judge_text(answer: str | None, truth: Truth, frame: CoordinateFrame) -> Verdict:
    return judge_text(answer, truth.text)


def _judge_action(answer: str | None, truth: Truth, frame: CoordinateFrame) -> Verdict:
    return judge_web_action(answer, truth.text)


def _judge_box(answer: str | None, truth: Truth, frame: CoordinateFrame) -> Verdict:
    if truth.box is None:
        raise TruthError(f"The truth “{truth.text}” is said to be a box, and no box was read from it.")
    return judge_point_in_box(_point(answer, frame), truth.box, answer=answer)


def _judge_point(answer: str | None, truth: Truth, frame: CoordinateFrame) -> Verdict:
    if truth.point is None:
        raise TruthError(f"The truth “{truth.text}” is said to be a point, and no point was read from it.")
    return judge_point_near(_point(answer, frame), truth.point, answer=answer)


def _judge_nothing(answer: str | None, truth: Truth, frame: CoordinateFrame) -> Verdict:
    return unscored("No truth is known, so the answer is not scored.")


def _point(answer: str | None, frame: CoordinateFrame) -> Point | None:
    numbers = read_point(answer) if answer is not None else None
    return frame.to_original(*numbers) if numbers else None


JUDGES: Mapping[TruthKind, Judge] = MappingProxyType(
    {
        TruthKind.TEXT: _judge_text,
        TruthKind.BOX: _judge_box,
        TruthKind.POINT: _judge_point,
        TruthKind.ACTION: _judge_action,
        TruthKind.NONE: _judge_nothing,
    }
)

# The shape of a reply in one turn; the rules of each domain follow it.
_ONE_TURN = f"""Reply with exactly one {THINK_OPEN} ... {THINK_CLOSE} block and after it exactly one \
{ANSWER_OPEN} ... {ANSWER_CLOSE} block. Write nothing outside them."""

# The shape of a conversation with the zoom tool.
_MANY_TURNS = f"""You see the picture and may look closer, one place at a time. \
Each reply is exactly one {THINK_OPEN} ... {THINK_CLOSE} block, followed by exactly one action. \
The action is either a call of the tool {TOOL_NAME}, which zooms in on a place you name by its point (x, y):
{call_text(0, 0).replace("[0, 0]", "[x, y]")}
or your answer between {ANSWER_OPEN} and {ANSWER_CLOSE}. After a call you are shown the enlarged place between {OBSERVATION_OPEN} and \
{OBSERVATION_CLOSE}; never write those tags yourself. Points are always counted in the whole picture, not in an enlarged part.

In every reply:
- Reason about one area only: say what you see there and what it means for the question.
- Look somewhere new. Do not call the tool on a point you have used, nor on one within a few pixels of it.
- Do not settle for the first look: check what else could be meant, and answer only when you are confident."""

_SPATIAL = f"""You answer questions about where things are: their places, distances, directions and motion.

{_ONE_TURN}
In the thought:
- Go step by step, and tie each step to the picture: name the object or the relation, and give its point as (x, y).
- Look at every region that could matter, and test other readings of the scene before you settle on one.
- You may be given one picture, or two pictures side by side in one. With two, find the same things in both and compare them.

The answer is the text of the chosen option, exactly as it is worded and without its letter: write {ANSWER_OPEN} right {ANSWER_CLOSE}, \
not {ANSWER_OPEN} A. right {ANSWER_CLOSE}. If the picture does not settle the question, give the most plausible option."""

_SEARCH_ANSWER = f"""The answer is a short text that answers the question: {ANSWER_OPEN} your answer {ANSWER_CLOSE}. \
Where options are given, it is the text of one of them."""

_SEARCH = f"""You answer questions about small things in large pictures.

{_ONE_TURN}
In the thought:
- Begin each step with the point (x, y), in whole pixels, of the place it is about, then say what you see there.
- Explore different parts of the picture first, unlikely ones too; narrow down afterwards.
- Check each candidate against the question before you choose.

{_SEARCH_ANSWER} If it cannot be made out, infer the most likely answer."""

_SEARCH_TURNS = f"""You answer questions about small things in large pictures.

{_MANY_TURNS}
- Look at several candidates before you decide between them.

{_SEARCH_ANSWER} If it stays unclear after looking closer, infer the most likely answer."""

_GROUNDING_ANSWER = f"""The answer is the single point that meets the described element best: \
{ANSWER_OPEN} (x, y) {ANSWER_CLOSE}, two whole numbers. Take the element's centre, or the place a person would click."""

_GROUNDING = f"""You find the element of a screen that a description means.

{_ONE_TURN}
In the thought:
- Go step by step. Each step names one part of the screen with its point (x, y), and says what speaks for it and what against it.
- Verify a step before you build on it.
- If the description is ambiguous, infer what is most likely meant.

{_GROUNDING_ANSWER}"""

_GROUNDING_TURNS = f"""You find the element of a screen that a description means.

{_MANY_TURNS}
{_GROUNDING_ANSWER}"""

_ACTION = f"""You act for a person in a web browser, one action at a time.

You are given the OBJECTIVE, a screenshot on which each element that can be used has a box with a number \
(box and number share a colour), and the PREVIOUS ACTIONS, which name elements by their text instead of their number.

{_ONE_TURN}
In the thought:
- Describe regions of the page with their points (x, y), and judge of each how it serves the objective.
- Look at different regions, and never name the same point twice.
- Then say which action you propose, and why.

The answer is exactly one of these actions:
- click [id]: click the element with that number.
- type [id] [content]: type the content into that element; Enter is pressed afterwards.
- scroll [down] or scroll [up]: scroll the page.
- go_back: return to the page before.
- stop [answer]: the objective is met, or cannot be; give the answer, or empty brackets where none is asked for. Nothing follows a stop."""

# Crop rules: the reference's SFT builder and evaluation (offset, side asked, dot).
DOMAINS: Mapping[DomainName, Domain] = MappingProxyType(
    {
        domain.name: domain
        for domain in (
            Domain(DomainName.SPATIAL, "Spatial reasoning", _SPATIAL, None, TruthKind.TEXT, None, _judge_text),
            Domain(
                DomainName.VISUAL_SEARCH,
                "Visual search",
                _SEARCH,
                _SEARCH_TURNS,
                TruthKind.TEXT,
                CropRule(offset=182, side=672, dot=False),
                _judge_text,
            ),
            Domain(
                DomainName.WEB_GROUNDING,
                "Web grounding",
                _GROUNDING,
                _GROUNDING_TURNS,
                TruthKind.BOX,
                CropRule(offset=100, side=512, dot=True),
                _judge_box,
            ),
            Domain(DomainName.WEB_ACTION, "Web action", _ACTION, None, TruthKind.ACTION, None, _judge_action),
        )
    }
)
