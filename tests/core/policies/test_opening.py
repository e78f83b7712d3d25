"""Opening: from a reference to a policy that answers, options that mean something, and news of how far it is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PIL import Image

from core.errors import PolicyError, PolicyNotFound
from core.frames import FrameKind
from core.policies.conversation import GREEDY, Failed, Finished, Request, Role, Said, Shown
from core.policies.opening import LoadProgress, PolicyOptions, find_policy, open_policy
from core.policies.protocol import PolicyKind


def test_a_folder_becomes_a_policy_that_answers(tiny_qwen2_5_vl: Path) -> None:
    told: list[LoadProgress] = []
    policy = open_policy(str(tiny_qwen2_5_vl), PolicyOptions(slots=2, max_pixels=100_000), progress=told.append)
    try:
        assert (policy.card.kind, policy.card.max_pixels) == (PolicyKind.LOCAL, 100_000)
        with policy.session() as session:
            picture = Shown("grey", Image.new("RGB", (56, 84), (90, 90, 90)))
            session.submit(0, Request((Said(Role.USER, (picture, "Where?")),), GREEDY, max_new_tokens=3))
            last = None
            while last is None:
                last = next((event for event in session.events(timeout=5.0) if isinstance(event, Failed | Finished)), None)
    finally:
        policy.close()
    assert isinstance(last, Finished) and last.completion.ids and len(last.completion.ids) <= 3
    assert told[0].words == "Getting ready" and told[-1].words == "Loading the weights"


def test_a_recording_becomes_a_policy() -> None:
    policy = open_policy("replay")
    assert policy.card.kind is PolicyKind.SCRIPTED
    policy.close()


def test_what_can_be_opened_is_found_without_its_weights(tiny_qwen2_5_vl: Path) -> None:
    told: list[LoadProgress] = []
    find_policy(str(tiny_qwen2_5_vl), PolicyOptions(device="cpu"), progress=told.append)
    assert "Loading the weights" not in [news.words for news in told]
    # Whether somebody answers, or what was recorded, is found out by opening it: that takes no memory.
    for reference in ("http://127.0.0.1:9/v1", "replay:/nowhere/at-all.jsonl"):
        find_policy(reference)


def test_what_is_not_there_or_no_checkpoint_is_not_found(tmp_path: Path, tiny_qwen2_5_vl: Path) -> None:
    with pytest.raises(PolicyNotFound, match="nowhere-at-all is not there: check the path"):
        find_policy("./nowhere-at-all")
    with pytest.raises(PolicyError, match=r"config\.json"):
        find_policy(str(tmp_path))
    with pytest.raises(PolicyError, match="names no policy"):
        find_policy("gpt2")
    stop = threading.Event()
    stop.set()
    with pytest.raises(PolicyError, match="Loading was stopped"):
        find_policy(str(tiny_qwen2_5_vl), stop=stop)


@pytest.mark.parametrize(
    ("reference", "kind", "sentence"),
    [
        ("./nowhere-at-all", PolicyNotFound, "nowhere-at-all is not there: check the path"),
        ("gpt2", PolicyError, "names no policy"),
        ("replay:/nowhere/at-all.jsonl", PolicyError, "at-all.jsonl"),
        ("http://127.0.0.1:9/v1", PolicyError, "Nobody answers"),
    ],
)
def test_what_cannot_be_opened(reference: str, kind: type[PolicyError], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        open_policy(reference)


def test_a_load_that_was_stopped_before_it_began(tiny_qwen2_5_vl: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(PolicyError, match="Loading was stopped"):
        open_policy(str(tiny_qwen2_5_vl), stop=stop)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dtype": "int8"}, "no number type 'int8': it is one of auto, bfloat16, float16, float32"),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"device": "cuda:x"}, "no device"),
        ({"min_pixels": 0}, "min_pixels is at least 1"),
        ({"slots": -1}, "slots is at least 1"),
        ({"min_pixels": 10, "max_pixels": 9}, "at least 10 and at most 9"),
        ({"space": FrameKind.SIDE_LIMIT}, "No policy speaks in side_limit"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        PolicyOptions(**options)  # type: ignore[arg-type]


def test_short_names_of_number_types() -> None:
    assert [PolicyOptions(dtype=name).dtype for name in ("bf16", "fp16", "fp32", "auto")] == ["bfloat16", "float16", "float32", "auto"]
