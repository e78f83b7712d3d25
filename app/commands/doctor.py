"""`launch.py doctor`: what this machine has, which policies load on it, what is missing, and what to type to get it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.settings import DATA_DIR, settings_from

if TYPE_CHECKING:
    from core.policies.checkup import Part, PolicyReport
    from core.policies.machine import Machine
    from core.policies.opening import PolicyOptions

_LABEL = 14
# The workbench itself, with its database and a few pictures.
_LEAST_DISK = 500_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which policies, how they would be opened, and how the answer is told."""
    asked = (
        "a policy to look at: a hub name, a folder, a server as http://host:port/v1#model, or replay; may be repeated (else SACCADE_POLICY)"
    )
    parser.add_argument("--policy", dest="policies", action="append", default=[], metavar="REF", help=asked)
    parser.add_argument("--load", action="store_true", help="really load each of them and ask for one token; downloads what is not here")
    parser.add_argument("--adapter", metavar="REF", help="a LoRA adapter to put on each of them: a hub name or a folder")
    parser.add_argument("--min-pixels", type=int, metavar="N", help="the least area of a picture, in pixels")
    parser.add_argument("--max-pixels", type=int, metavar="N", help="the greatest area of a picture, in pixels")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cuda, cuda:N, mps or cpu (default auto)")
    parser.add_argument("--dtype", default="auto", metavar="NAME", help="auto, bfloat16, float16 or float32 (default auto)")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Looks, and tells; 0 where the workbench can run and every named policy loads, 1 otherwise.

    Raises PolicyError for options that mean nothing.
    """
    from core.policies import checkup
    from core.policies.machine import free_disk, this_machine, versions
    from core.policies.opening import PolicyOptions

    options = PolicyOptions(
        min_pixels=arguments.min_pixels,
        max_pixels=arguments.max_pixels,
        device=arguments.device,
        dtype=arguments.dtype,
        adapter=arguments.adapter,
    )
    machine = this_machine()
    references = settings_from(arguments, os.environ).policies
    named = [_look(reference, options, load=arguments.load) for reference in references]
    others = [checkup.look_at(name) for name in checkup.cached_policies() if name not in references]
    disk = free_disk(DATA_DIR)
    problems = _problems(versions(), disk, named)
    found = {
        "well": not problems,
        "problems": problems,
        "machine": _machine_json(machine, disk),
        "versions": {"python": platform.python_version(), **versions()},
        "keys": checkup.keys_present(),
        "optional": [_part_json(part) for part in checkup.optional_parts(machine)],
        "policies": [report.to_json() for report in named],
        "cached": [report.to_json() for report in others],
    }
    if arguments.json:
        print(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        for line in told(found):
            print("".join(sign if sign.isprintable() else "\ufffd" for sign in line))
    return 0 if found["well"] else 1


def told(found: Mapping[str, Any]) -> Iterator[str]:
    """What was found, as lines for a person."""
    yield from _machine_lines(found["machine"])
    yield _row("Libraries", ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version))
    keys = [name for name, there in found["keys"].items() if there]
    yield _row("Keys", f"{', '.join(keys)}: set (not shown)" if keys else "none set; servers and models that ask for one need it")
    yield ""
    yield "Policies"
    if not found["policies"] and not found["cached"]:
        yield "  None was named, and the hub's cache holds none that can be run. Look at one with, for example:"
        yield "    python3 launch.py doctor --policy Qwen/Qwen2.5-VL-3B-Instruct"
        yield "  Without any, the workbench plays recorded runs back."
    for report in found["policies"]:
        yield from _policy_lines(report)
    if found["cached"]:
        yield "In the hub's cache"
        for report in found["cached"]:
            yield from _policy_lines(report)
    yield ""
    yield "Optional parts"
    for part in found["optional"]:
        yield f"  {'✓' if part['there'] else '–'} {part['name']}: {'installed' if part['there'] else part['words']}"
        if not part["there"] and part["command"]:
            yield f"      {part['command']}"
    yield ""
    yield "All is well." if found["well"] else "What is to be mended:"
    yield from (f"  {problem}" for problem in found["problems"])


def _look(reference: str, options: PolicyOptions, *, load: bool) -> PolicyReport:
    from core.policies.checkup import look_at, try_out

    if load:
        print(f"Loading {reference} ...", file=sys.stderr, flush=True)
        return try_out(reference, options)
    return look_at(reference, options)


def _problems(have: Mapping[str, str | None], disk: int, named: list[PolicyReport]) -> list[str]:
    """Everything for which the exit code is 1."""
    from core.policies.checkup import State

    needed = ("torch", "transformers", "huggingface-hub", "safetensors", "pillow")
    problems = [f"{name} is not installed: python3 -m pip install -r requirements.txt" for name in needed if have[name] is None]
    if disk < _LEAST_DISK:
        problems.append(f"Only {disk / 1e6:.0f} MB are free on the disk of {DATA_DIR}: make room, or use --data-dir on another disk.")
    return problems + [f"{report.reference}: {report.words}" for report in named if report.state is State.FAILS]


def _machine_json(machine: Machine, disk: int) -> dict[str, Any]:
    return {
        "system": machine.system,
        "processor": machine.processor,
        "cores": machine.cores,
        "memory": {"total": machine.memory.total, "free": machine.memory.free},
        "gpus": [
            {
                "device": card.device,
                "name": card.name,
                "memory": {"total": card.memory.total, "free": card.memory.free},
                "bfloat16": card.bfloat16,
            }
            for card in machine.gpus
        ],
        "gpu_seen": machine.gpu_seen,
        "disk": {"folder": str(DATA_DIR), "free": disk, "cache": _cache_place(), "cache_free": _cache_free()},
    }


def _cache_place() -> str:
    from huggingface_hub import constants

    return str(constants.HF_HUB_CACHE)


def _cache_free() -> int:
    from core.policies.machine import free_disk

    return free_disk(Path(_cache_place()))


def _part_json(part: Part) -> dict[str, Any]:
    return {"name": part.name, "there": part.there, "words": part.words, "command": part.command}


def _machine_lines(machine: Mapping[str, Any]) -> Iterator[str]:
    memory, disk = machine["memory"], machine["disk"]
    yield _row("System", machine["system"])
    yield _row("Processor", f"{machine['processor']}, {machine['cores']} {'core' if machine['cores'] == 1 else 'cores'}")
    yield _row("Memory", f"{_size(memory['free'])} free of {_size(memory['total'])}")
    for card in machine["gpus"]:
        numbers = "bfloat16" if card["bfloat16"] else "no bfloat16"
        free = f"{_size(card['memory']['free'])} free of {_size(card['memory']['total'])}"
        yield _row("GPU", f"{card['device']}: {card['name']}, {free}, {numbers}")
    if not machine["gpus"]:
        yield _row(
            "GPU",
            f"none that is used{'; ' + machine['gpu_seen'] + ' is there' if machine['gpu_seen'] else ''}: models run on the processor",
        )
    yield _row("Disk", f"{_size(disk['free'])} free for {disk['folder']}, {_size(disk['cache_free'])} for checkpoints in {disk['cache']}")


def _policy_lines(report: Mapping[str, Any]) -> Iterator[str]:
    sign = {"ready": "✓", "to download": "↓"}.get(report["state"], "✗")
    size = f" ({_size(report['size'])} on the disk)" if report["size"] and report["state"] == "ready" else ""
    yield f"  {sign} {report['reference']}: {report['words']}{size}"
    for entry in report["at"]:
        fits = "fits" if entry["fits"] else "does not fit"
        yield f"      pictures of {entry['pixels']:>10,} pixels: {_size(entry['memory'])} of memory, {fits}"


def _row(label: str, words: str) -> str:
    return f"{label:<{_LABEL}}{words}"


def _size(number: int) -> str:
    from core.policies.local.memory import gigabytes

    return gigabytes(number)
