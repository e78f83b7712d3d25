"""A program that behaves as `launch.py improve` does and learns nothing: for tests of what the page makes of it."""

from __future__ import annotations

# A policy called "bad" cannot be tried out, one called "slow" is trained until it is stopped, and is done when it is gone on with; one
# called "broken" comes to no run.
TEXT = """
import json, os, signal, sys, time
from pathlib import Path

name, words = sys.argv[1], sys.argv[2:]
if name == "train":
    kinds = {"words": "sft", "rewards": "grpo"}
    print(json.dumps([{"name": n, "title": f"By {n}", "kind": k, "model": "test/base", "adapter": False} for n, k in kinds.items()]))
    sys.exit(0)
given = dict(word.partition("=")[::2] for word in words if word.startswith("--") and "=" in word)
records = Path(words[0])
if given["--name"] == "bad":
    print("a warning of a library\\nsaccade: A question has no reward: Its truth is unknown.", file=sys.stderr)
    sys.exit(1)
count = len(records.read_text().splitlines())
if "--dry-run" in words:
    print(f"words: test/base\\n{count} records by " + " ".join(word for word in words[1:] if not word.startswith(("--pictures", "--runs"))))
    sys.exit(0)
if given["--name"] == "broken":
    print("saccade: The checkpoint is broken: copy it again.", file=sys.stderr)
    sys.exit(1)
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
last = given["--name"] + ("-grpo" if "--reinforce" in given else "")
folders = [Path(given["--runs"]) / one for one in dict.fromkeys((given["--name"], last))]
again = folders[0].is_dir()
for folder in folders:
    folder.mkdir(parents=True, exist_ok=True)
    kind = "grpo" if folder.name.endswith("-grpo") else "sft"
    told = {"title": "By words", "kind": kind, "model": "test/base", "steps": 9, "step": 3, "pid": os.getpid(), "host": os.uname().nodename}
    def note(**more):
        (folder / "draft").write_text(json.dumps(told | more))
        (folder / "draft").replace(folder / "run.json")
    note(state="running")
    print(f"{folder.name} learns.", flush=True)
    while given["--name"] == "slow" and not again and not asked:
        time.sleep(0.02)
    if given["--name"] == "elsewhere" and not again:
        note(state="stopped", words="Stopped by hand after step 3.")
        print("saccade: The training of elsewhere was stopped by hand.", file=sys.stderr)
        sys.exit(1)
    if asked:
        note(state="stopped", words="Stopped by hand after step 3.")
        print("saccade: Stopped: the same command goes on from there.", file=sys.stderr)
        sys.exit(143)
    (folder / "trained").mkdir(exist_ok=True)
    (folder / "trained" / "config.json").write_text("{}")
    note(state="finished", step=9)
apart = {"n": 40, "difference": 0.175, "interval": [0.05, 0.3], "p_mcnemar": 0.0156, "gained": 7, "lost": 0}
score = {"world": "records", "difficulty": "test", "split": "test", "right": {"share": 0.9, "count": 36, "n": 40, "interval": [0.77, 0.96]}}
score |= {"looks": 1.0, "points_hit": {"n": 0}, "pass_at_k": [], "than": "base", "difference": apart}
(folder / "policy.json").write_text(json.dumps({"scores": [score], "than": "test/base"}))
print("It is offered in the workbench.")
"""
