"""Which policies load here, and what is missing: looked at without loading weights, so that it is quick; tried out where that is asked."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from core.errors import PolicyError
from core.policies.conversation import GREEDY, Failed, Finished, Request, Role, Said, Shown
from core.policies.families import FAMILIES
from core.policies.machine import Machine, versions
from core.policies.opening import PolicyOptions, open_policy
from core.policies.protocol import Policy, shown_size
from core.policies.references import Reference, ReferenceKind, read_reference

if TYPE_CHECKING:
    from pathlib import Path

    from core.policies.local.memory import Need

# The area of the paper's single-turn demo (2,850,000 px), and a small one; a policy's own largest is added.
_AREAS = (1_000_000, 2_850_000)
# How long a server, or the hub, is waited for.
_SECONDS = 4.0
# How long the first token may take.
_PATIENCE = 600.0
KEYS = ("HF_TOKEN", "SACCADE_API_KEY", "OPENAI_API_KEY")
"""The variables that may hold a key, beside those for one server alone."""


class State(StrEnum):
    """How a policy stands."""

    READY = "ready"
    """It is here, whole, and fits."""
    TO_DOWNLOAD = "to download"
    """The hub has it; it is downloaded when it is first opened."""
    FAILS = "fails"
    """It cannot be opened; the words say why."""


@dataclass(frozen=True, slots=True)
class AtPixels:
    """The memory in bytes that one conversation about a picture of this area needs, the weights included, and whether it is free."""

    pixels: int
    memory: int
    fits: bool


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """What was found out about a policy.

    words     one sentence
    size      bytes on the disk, or to be downloaded; None where it has none
    about     device, number type and the like
    at        the memory that it needs by the area of its pictures
    """

    reference: str
    state: State
    words: str
    size: int | None = None
    about: Mapping[str, Any] | None = None
    at: tuple[AtPixels, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "state": self.state.value, "at": [asdict(entry) for entry in self.at]}


@dataclass(frozen=True, slots=True)
class Part:
    """An optional part: whether it is there, what it is good for, and what to type to get it."""

    name: str
    there: bool
    words: str
    command: str | None = None


def look_at(text: str, options: PolicyOptions | None = None) -> PolicyReport:
    """What can be said of a policy without loading its weights. Whatever is wrong with it is in the report."""
    options = options or PolicyOptions()
    try:
        named = read_reference(text)
        if named.kind in (ReferenceKind.HUB, ReferenceKind.FOLDER):
            return _look_at_checkpoint(named, options)
        policy = _open_lightly(named, options)
        try:
            return PolicyReport(text, State.READY, _of_card(policy), None, dict(policy.card.details))
        finally:
            policy.close()
    except PolicyError as error:
        return PolicyReport(text, State.FAILS, str(error))


def try_out(text: str, options: PolicyOptions | None = None) -> PolicyReport:
    """The same, with the policy really opened and asked for one token about a small picture. Downloads what is not there."""
    try:
        began = time.monotonic()
        policy = open_policy(text, options)
        loaded = time.monotonic() - began
        try:
            first = _first_token(policy)
            report = look_at(text, options)
            words = f"{_of_card(policy)}; opened in {loaded:.1f} s, first token after {first:.2f} s"
            return PolicyReport(text, State.READY, words, report.size, dict(policy.card.details), report.at)
        finally:
            policy.close()
    except PolicyError as error:
        return PolicyReport(text, State.FAILS, str(error))


def cached_policies() -> tuple[str, ...]:
    """The hub names in the local cache that are of a family that can be run, or adapters."""
    from core.policies.local.checkpoints import ADAPTER_CONFIG, CONFIG
    from core.policies.local.documents import read_json
    from core.policies.local.downloads import cached, cached_names

    found = []
    for name in cached_names():
        folder = cached(name)
        try:
            if folder is not None and (
                read_json(folder / CONFIG).get("model_type") in FAMILIES
                if (folder / CONFIG).is_file()
                else (folder / ADAPTER_CONFIG).is_file()
            ):
                found.append(name)
        except PolicyError:  # broken: told by whoever asks for it
            found.append(name)
    return tuple(found)


def optional_parts(machine: Machine) -> tuple[Part, ...]:
    """What is not needed and can be had, with what to type."""
    have = versions()
    torch_version = (have["torch"] or "").partition("+")[0]
    gpu = any(card.device.startswith("cuda") for card in machine.gpus)
    parts = [
        Part(
            "torchvision",
            have["torchvision"] is not None,
            "not needed: pictures are prepared without it, to the same pixels",
            "python3 -m pip install torchvision" + ("" if gpu else " --index-url https://download.pytorch.org/whl/cpu"),
        ),
        Part(
            "flash-attn",
            have["flash-attn"] is not None,
            "faster encoding of large pictures" if gpu else "faster encoding of large pictures; needs an NVIDIA GPU",
            "python3 -m pip install flash-attn --no-build-isolation" if gpu else None,
        ),
        Part(
            "a server (vLLM)",
            have["vllm"] is not None,
            "many conversations at once on a GPU, best in an environment of its own",
            "python3 -m venv ~/vllm && ~/vllm/bin/pip install vllm && ~/vllm/bin/vllm serve Qwen/Qwen2.5-VL-3B-Instruct, "
            "then: python3 launch.py --policy http://127.0.0.1:8000/v1",
        ),
    ]
    if machine.gpu_seen:
        command = f"python3 -m pip install --force-reinstall torch=={torch_version} --index-url https://download.pytorch.org/whl/cu130"
        parts.insert(0, Part("CUDA in PyTorch", False, f"{machine.gpu_seen} is not used: this PyTorch is built without CUDA", command))
    return tuple(parts)


def keys_present(environment: Mapping[str, str] | None = None) -> dict[str, bool]:
    """Which variables with keys are set. Their values are never read out."""
    values = os.environ if environment is None else environment
    own = sorted(name for name in values if name.startswith("SACCADE_API_KEY_"))
    return {name: bool(values.get(name, "").strip()) for name in (*KEYS, *own)}


def _look_at_checkpoint(named: Reference, options: PolicyOptions) -> PolicyReport:
    from core.policies.local.downloads import on_the_hub
    from core.policies.local.loading import prepare

    try:
        ready = prepare(named, options, _cached_folder)
    except _NotHere as missing:
        remote = on_the_hub(missing.name, _SECONDS)
        if remote.kind is not None and remote.kind not in FAMILIES:
            return PolicyReport(
                named.text, State.FAILS, f"{missing.name} is a model of the kind {remote.kind!r}, which cannot be run here."
            )
        words = f"not on this machine yet: {_bytes(remote.size)} are downloaded when it is first opened"
        which = "" if missing.name == named.place else f"{missing.name} is "
        return PolicyReport(named.text, State.TO_DOWNLOAD, which + words, remote.size)
    checkpoint = ready.found.checkpoint
    device, dtype = str(ready.device), str(ready.dtype).removeprefix("torch.")
    family = checkpoint.family
    adapter = " with an adapter" if ready.found.adapter is not None else ""
    words = f"{family.title}{adapter}, {_numbers(checkpoint.numbers)} parameters, runs on {device} in {dtype}"
    prompt = "its own" if ready.rendering.system_prompt else "the domain's"
    about = {
        "family": family.model_type,
        "device": device,
        "dtype": dtype,
        "min_pixels": ready.area[0],
        "max_pixels": ready.area[1],
        "space": (options.space or family.space).value,
        "system_prompt": prompt,
        "slots": ready.slots,
        "weights": ready.need.weights,
        "free": ready.free,
        "turns": "several" if ready.rendering.turn_end is not None else "one",
    }
    return PolicyReport(named.text, State.READY, words, checkpoint.size, about, _at(ready.need, ready.area, ready.free))


def _at(need: Need, area: tuple[int, int], free: int) -> tuple[AtPixels, ...]:
    areas = sorted({min(max(pixels, area[0]), area[1]) for pixels in (*_AREAS, area[1])})
    return tuple(AtPixels(pixels, need.total(pixels), need.total(pixels) <= free) for pixels in areas)


class _NotHere(Exception):
    """A hub name whose files are not in the cache."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _cached_folder(name: str) -> Path:
    from core.policies.local.downloads import cached, is_whole

    here = cached(name)
    if here is None or not is_whole(here):
        raise _NotHere(name)
    return here


def _open_lightly(named: Reference, options: PolicyOptions) -> Policy:
    if named.kind is ReferenceKind.REPLAY:
        return open_policy(named.text, options)
    from core.policies.server import Limits, open_server

    return open_server(named.place, named.model, options, limits=Limits(connect=_SECONDS, silence=_SECONDS, turn=_PATIENCE, attempts=1))


def _of_card(policy: Policy) -> str:
    card = policy.card
    return f"{card.name} ({card.kind.value}), speaks in {card.space.value}"


def _first_token(policy: Policy) -> float:
    """Seconds until a policy has said one token about a grey picture. Raises PolicyError where it says none."""
    from PIL import Image

    from core.geometry import Size

    size = shown_size(policy.card, Size(112, 112))
    picture = Shown("doctor", Image.new("RGB", (size.width, size.height), (128, 128, 128)))
    began = time.monotonic()
    with policy.session() as session:
        session.submit(0, Request((Said(Role.USER, (picture, "What is this?")),), GREEDY, max_new_tokens=1))
        while (passed := time.monotonic() - began) < _PATIENCE:
            for event in session.events(timeout=1.0):
                if isinstance(event, Failed):
                    raise event.error
                if isinstance(event, Finished):
                    return time.monotonic() - began
    raise PolicyError(f"{policy.card.name} said nothing within {passed:.0f} seconds.")


def _numbers(count: int) -> str:
    return f"{count / 1e9:.2f} billion" if count >= 1e8 else f"{count:,}"


def _bytes(size: int) -> str:
    from core.policies.local.memory import gigabytes

    return gigabytes(size)
