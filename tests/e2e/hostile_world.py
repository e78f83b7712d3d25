"""A data folder in which every text that a person or a file can give tries to be markup, a script, or a way to another machine."""

from __future__ import annotations

import io
import itertools
import json
from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from annotations.pictures import PictureStore
from annotations.ratings.values import Correction, Judgement, RatingKind
from annotations.studies.settings import Choice, Example, Measure, Question, StudySettings
from annotations.studies.values import Study
from app.services import Services, open_services
from app.settings import settings_from
from core.crops import CropRule
from core.frames import CoordinateFrame
from core.geometry import Box, Point
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.trace import DomainName, Origin, Sample, Trace, Truth, TruthKind

# Each would set window.__xss, open a dialog, load something from another machine, or lead there.
PAYLOADS = (
    "<script>window.__xss=1</script>",
    "</script><script>__xss=2</script>",
    "<img src=x onerror=window.__xss=3>",
    '"><img src=x onerror="__xss=4">',
    "'><img src=x onerror='__xss=5'>",
    "<svg onload=window.__xss=6>",
    "<svg><script>__xss=7</script></svg>",
    "<svg><animate onbegin=__xss=8 attributeName=x dur=1s>",
    "<body onload=__xss=9>",
    '<iframe srcdoc="<script>parent.__xss=10</script>"></iframe>',
    "<iframe src=javascript:parent.__xss=11>",
    "<object data='javascript:__xss=12'></object>",
    "<embed src=javascript:__xss=13>",
    "<a href=javascript:__xss=14 autofocus onfocus=__xss=14>x</a>",
    "javascript:window.__xss=15",
    "<input autofocus onfocus=__xss=16>",
    "<select autofocus onfocus=__xss=17>",
    "<textarea autofocus onfocus=__xss=18></textarea>",
    "</textarea><script>__xss=19</script>",
    "</title><script>__xss=20</script>",
    "</style><script>__xss=21</script>",
    "<details open ontoggle=__xss=22>",
    "<video><source onerror=__xss=23></video>",
    "<audio src=x onerror=__xss=24>",
    "<marquee onstart=__xss=25>",
    "<math><mtext><table><mglyph><style><img src=x onerror=__xss=26>",
    "<template><script>__xss=27</script></template>",
    '<noscript><p title="</noscript><img src=x onerror=__xss=28>">',
    "<!--><img src=x onerror=__xss=29>-->",
    "<style>@import 'http://foreign.example/x.css';</style>",
    "<link rel=stylesheet href=http://foreign.example/x.css>",
    "<img src=http://foreign.example/x.png>",
    "<base href=http://foreign.example/>",
    "<meta http-equiv=refresh content='0;url=http://foreign.example/'>",
    "<form action=http://foreign.example/><button autofocus>x</button></form>",
    "{{constructor.constructor('window.__xss=36')()}}",
    "${window.__xss=37}",
    "`;window.__xss=38;//",
    "'-(window.__xss=39)-'",
    "&lt;img src=x onerror=alert(40)&gt;<img src=x onerror=alert(40)>",
)
ALL = " ".join(PAYLOADS)
# An answer's name has 40 signs at most, and no blank.
VALUES = (
    '"><svg/onload=__xss=51>',
    "'><svg/onload=__xss=52>",
    "<svg/onload=__xss=53>",
    "<img/src=x/onerror=__xss=54>",
    "</script><b/onclick=__xss>",
)
MAIN = f"{PAYLOADS[0]}{PAYLOADS[3]}"
# Who rates in the browser, and has a draft.
BROWSER_RATER = PAYLOADS[2]
SIZE = (320, 240)


@dataclass(frozen=True)
class Hostile:
    """What the tests need to find again. `trace`: the content hash of the trace that holds all payloads."""

    trace: str
    study: int


def make_world(folder: Path) -> Hostile:
    """Fills a data folder; the database is closed again."""
    with open_services(settings_from(Namespace(data_dir=folder), {})) as services:
        traces = [_trace(services.pictures, number, payload) for number, payload in enumerate(PAYLOADS)]
        for trace, payload in zip(traces, PAYLOADS, strict=True):
            services.store.add_traces([trace], dataset=payload)
        whole = _trace(services.pictures, 99, ALL, name=PAYLOADS[1])
        services.store.add_traces([whole], dataset=PAYLOADS[1])
        for payload in PAYLOADS:
            services.studies.create(payload, StudySettings(), actor=payload)
        study = services.studies.create(MAIN, _settings(), actor=PAYLOADS[4])
        study = services.studies.revise(study.id, _settings(f"{ALL} Anew."), actor=PAYLOADS[5])
        _rate(services, study)
        return Hostile(whole.content_hash, study.id)


def _trace(pictures: PictureStore, number: int, payload: str, *, name: str = "") -> Trace:
    """A trace that says `payload` wherever it can, and `name` where there is less room."""
    name = name or payload
    image = Image.new("RGB", SIZE, (number * 2, 90, 150))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    picture = pictures.add_bytes(buffer.getvalue(), f"{payload}.png")
    # What would end a thought is the grammar's own matter; everything else stands in it as it is.
    turns = [
        TurnText(f"The cup {payload} stands here {number}", call=(60, 50), observed=True),
        TurnText(f"Here {payload} at (120, 90) it is, {payload} I think.", answer=payload),
    ]
    sample = Sample(payload, DomainName.VISUAL_SEARCH, (picture,), Truth(TruthKind.TEXT, payload, Box(1, 2, 30, 40)), external_id=payload)
    frame = CoordinateFrame.original(picture.size, known_by=payload)
    made = ground(
        sample, parse(format_turns(turns)), frame, CropRule(20, 56, True), policy=name, origin=Origin(payload, f"{payload}.jsonl", 1, payload),
        settings={"note": payload, "temperature": payload, payload: payload},
    )  # fmt: skip
    return replace(made, system_prompt=payload)


def _settings(instructions: str = ALL) -> StudySettings:
    """Every text of a study, with all payloads where there is room."""
    labels = itertools.cycle(PAYLOADS)
    keys = iter("<>&'\"`{}")
    accurate = tuple(
        Choice(value, f"{next(labels)} {ALL}", next(keys), score) for value, score in zip(VALUES[:3], (1.0, 0.0, None), strict=True)
    )
    helpful = tuple(Choice(f"{number}", f"{next(labels)}", str(number), float(number)) for number in range(1, 6))
    other = tuple(Choice(value, next(labels), key, float(k)) for k, (value, key) in enumerate(zip(VALUES[3:], "()", strict=True)))
    questions = (
        Question("accurate", ALL, Measure.ACCURACY, accurate, ALL, ALL),
        Question("helpful", ALL, Measure.HELPFULNESS, helpful, ALL, ALL),
        Question("other", ALL, Measure.OTHER, other, ALL, ALL),
    )
    examples = (Example("coffee.png", 100, 80, f"{ALL} (x, y) {ALL}", VALUES[0], ALL), Example("coffee.png", 50, 40, ALL, ALL, ALL))
    return StudySettings(
        questions=questions, replacement=f"[{ALL}]", instructions=instructions, examples=examples, ratings_per_item=4, show_question=True,
        skip_reasons=PAYLOADS,
    )  # fmt: skip


def _rate(services: Services, study: Study) -> None:
    """Everybody rates and skips a few steps; who rates in the browser has a draft as well."""
    for number, name in enumerate(PAYLOADS):
        rater = services.raters.open_by_name(name)
        asks = services.ratings.next(study.id, rater.id, count=4)
        for k, ask in enumerate(asks[:3]):
            answers = {"accurate": VALUES[(number + k) % 3], "helpful": str(1 + (number + k) % 5), "other": VALUES[3 + k % 2]}
            correction = Correction(point=Point(100 + k, 80 + number)) if k == 0 else None
            said = Judgement(RatingKind.RATED, answers, correction=correction, comment=ALL, seconds=5.0 + k)
            if k == 2:
                said = Judgement(RatingKind.SKIPPED, reason=f"{name} {ALL}", comment=ALL, seconds=2.0)
            services.ratings.submit(ask.item, rater.id, version_id=ask.version_id, trace=ask.trace, judgement=said, token=f"{number}-{k}")
        if name == BROWSER_RATER:
            content = {**Judgement(RatingKind.RATED, {"accurate": VALUES[0]}, comment=ALL, reason=ALL).to_json(), ALL: ALL}
            services.ratings.save_draft(asks[3].item, rater.id, 1, content)


def rollouts() -> bytes:
    """A file to be imported: a line that can be taken, one that cannot, one without its picture."""
    row = {
        "question": f"<image>\n{ALL}", "image": "square.png", "true_answer": ALL, "thoughts": [f"<think> A square {ALL} at (60, 60). </think>"],
        "final_answer": ALL, "system_prompt": ALL, "judge_score": 1.0, "scale_factor": 1.0, "id": ALL,
    }  # fmt: skip
    lines = [row, {**row, "image": f"{PAYLOADS[3]}.png"}, {ALL: ALL}]
    return "\n".join([*(json.dumps(line) for line in lines), f'{{"question": "{PAYLOADS[2]}']).encode()
