"""A program that answers as `launch.py train` does and is done at once: for tests of what is made of several trainings."""

from __future__ import annotations

# A recipe whose name has "rewards" in it learns by rewards, one with "lora" makes an adapter, and "unpaid" cannot be rewarded.
TEXT = """
import json, os, sys
from pathlib import Path

words = sys.argv[2:]
with Path(__file__).with_name("calls.jsonl").open("a") as file:
    file.write(json.dumps(words) + "\\n")
def given(name, default=""):
    return words[words.index(name) + 1] if name in words else default
if "--merge" in words:
    (Path(given("--merge")) / "merged").mkdir()
    sys.exit(0)
recipe = Path(words[0]).stem
facts = {"name": recipe, "title": recipe, "kind": "grpo" if "rewards" in recipe else "sft", "adapter": "lora" in recipe}
facts["model"] = "small" if "from-nothing" in recipe else "test/base"
if "missing" in recipe:
    print(f"saccade: There is no recipe {recipe!r}.", file=sys.stderr)
    sys.exit(1)
if "--list" in words:
    print(json.dumps([facts]))
    sys.exit(0)
if "unpaid" in recipe:
    print("a warning of a library\\nsaccade: A question has no reward: Its truth is unknown.", file=sys.stderr)
    sys.exit(1)
if "--dry-run" in words:
    print(f"{recipe}: {given('--model', facts['model'])}")
    sys.exit(0)
resumed = given("--resume")
folder = Path(resumed or Path(given("--runs")) / given("--name"))
if {"breaks", "stops"} & {*recipe.split("-")} and not resumed:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"state": "failed" if "breaks" in recipe else "stopped"}))
    print("saccade: It broke.", file=sys.stderr)
    sys.exit(1)
(folder / "trained").mkdir(parents=True)
(folder / "trained" / "config.json").write_text("{}")
told = {"title": facts["title"], "kind": facts["kind"], "model": given("--model", facts["model"]), "data_sha256": "d" * 64}
(folder / "run.json").write_text(json.dumps(told | {"state": "finished"}))
"""
