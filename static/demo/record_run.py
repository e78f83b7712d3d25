"""Records the run that is played back where no model is at hand: one question, asked four times of a speaker that is a program.

    python static/demo/record_run.py [FILE]      writes a trace a line (default: recorded_run.jsonl beside this file)

No model wrote any of its words; they stand below, and the policy's name and every trace's note say so. Everything else is real: the
words go through the rollout engine, which reads the calls, cuts the crops and writes the traces. The third conversation is wrong
on purpose.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))

from core.geometry import Size  # noqa: E402
from core.grammar import call_text  # noqa: E402
from core.policies.conversation import Role, Said  # noqa: E402
from core.policies.scripted import ScriptedPolicy  # noqa: E402
from core.rollout.engine import roll_out  # noqa: E402
from core.rollout.values import Ended, RolloutSettings, Task  # noqa: E402
from core.trace import DomainName, Picture, Sample, Trace, Truth, TruthKind  # noqa: E402

FILE = HERE / "recorded_run.jsonl"
PICTURE = HERE / "pictures" / "nagasaki_boats.jpg"
SPEAKER = "scripted speaker (no model)"
NOTE = "Recorded from a program that says what it was given: no model wrote this. The calls, crops and limits are the engine's own."
QUESTION = """What does the man in the long boat at the front left wear on his head?
Answer Choices:
A. a hood
B. a headband
C. a straw hat
D. nothing
Answer with the text of the option."""
TRUTH = "a headband"


def _look(thought: str, x: int, y: int) -> str:
    return f"<think> {thought} </think>\n{call_text(x, y)}"


def _answer(thought: str, answer: str) -> str:
    return f"<think> {thought} </think>\n<answer> {answer} </answer>"


# Points are pixels of the picture as Qwen2.5-VL is shown it: 1036 x 812.
DRAWS = (
    (
        _look(
            "There are people in both boats at the front, so I first make sure which one is meant. The long boat at the front left has a "
            "cabin with a pale roof (212, 640). A man sits low behind that cabin (424, 664); his head is small in this view, so I zoom in.",
            424,
            664,
        ),
        _look(
            "The crop shows a pale band of cloth tied around his hair (425, 654), just above the brow. The person in the boat on the right "
            "seems to have the head covered (812, 674), and I compare the two before I answer.",
            812,
            674,
        ),
        _answer(
            "This figure does wear a hood, but it stands in the other boat (786, 710). In the long boat it is only a band (425, 654).",
            "a headband",
        ),
    ),
    (
        _look("A man sits in the long boat at the front left (425, 660). I look at his head.", 425, 656),
        _answer("A light strip runs around his head above the eyes (425, 653), and the hair above it is bare.", "a headband"),
    ),
    (
        _look("A person in striped clothes stands out at the front (786, 710). I look at the head (813, 673).", 813, 673),
        _answer("The head is covered with a pale cloth that leaves only the face free (813, 674).", "a hood"),
    ),
    (
        _look("The boat at the front left is long, with windows along its cabin (190, 675). I look into it.", 190, 675),
        _look("The openings of the cabin are dark, and nobody is to be seen there. Behind the cabin there is a man (424, 668).", 424, 668),
        _look("He has something light around his head (425, 654). I check the other person at the front (812, 676).", 812, 676),
        _answer("That one wears a hood, and stands in the other boat. In the long boat it is a band (425, 654).", "a headband"),
    ),
)


def speak(messages: tuple[Said, ...], row: int) -> str:
    """What the speaker says next: each row has words of its own."""
    return DRAWS[row][sum(said.role is Role.ASSISTANT for said in messages)]


def record() -> Iterator[Trace]:
    """The traces of the run, in the order of its draws."""
    with Image.open(PICTURE) as image:
        picture = Picture(hashlib.sha256(PICTURE.read_bytes()).hexdigest(), Size(*image.size), name=PICTURE.name)
        sample = Sample(QUESTION, DomainName.VISUAL_SEARCH, (picture,), Truth(TruthKind.TEXT, TRUTH), "boats-head")
        policy = ScriptedPolicy(speak, SPEAKER, tells_tokens=False)
        events = list(roll_out(policy, [Task(sample, image.convert("RGB"), samples=len(DRAWS))], RolloutSettings()))
    rollouts = sorted((event.rollout for event in events if isinstance(event, Ended)), key=lambda rollout: rollout.draw)
    for rollout in rollouts:
        yield replace(rollout.trace, settings=rollout.trace.settings | {"note": NOTE})


def main(file: Path) -> None:
    lines = [json.dumps(trace.to_json(), ensure_ascii=False) + "\n" for trace in record()]
    file.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
