"""A program that behaves as `launch.py train` does and learns nothing: for tests of how runs are begun, stopped and taken up."""

from __future__ import annotations

import os

TEXT = """
import json, os, signal, sys, time
from pathlib import Path

words = sys.argv[2:]
if "--list" in words:
    print("quick                            A quick one\\nlora   With an adapter")
    sys.exit(0)
given = dict(word.partition("=")[::2] for word in words if word.startswith("--") and "=" in word)
if "--set=bad=1" in words:
    print("a warning of a library", file=sys.stderr)
    print("saccade: there is no key `bad`: did you mean `batch`?", file=sys.stderr)
    sys.exit(1)
if "--dry-run" in words:
    print("A quick one: small\\nsteps    9 of 4 dialogs")
    sys.exit(0)
asked = []
signal.signal(signal.SIGINT, lambda *_: asked.append(1))
folder = Path(given.get("--resume") or Path(given["--runs"]) / given["--name"])
told = {"title": "A quick one", "state": "running", "words": "", "steps": 100000, "pid": os.getpid(), "host": os.uname().nodename}
if "--resume" not in given:
    folder.mkdir(parents=True)
(folder / "recipe.yaml").write_text("title: A quick one")
def note(**more):
    (folder / "draft").write_text(json.dumps(told | more))
    (folder / "draft").replace(folder / "run.json")
note()
print("Loading the weights …", flush=True)
step = sum(1 for line in (folder / "metrics.jsonl").open()) if (folder / "metrics.jsonl").exists() else 0
while not asked:
    step += 1
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, "of": 100000, "loss": 1 / step}) + "\\n")
    time.sleep(0.01)
# The step that runs is brought to its end.
time.sleep(float(os.environ.get("LAST_STEP", "0")))
note(state="stopped", step=step, words=f"Stopped by hand after step {step}.")
time.sleep(float(os.environ.get("LINGERS", "0")))
print("saccade: Stopped", file=sys.stderr)
sys.exit(130)
"""


def ended(pid: int) -> bool:
    """Whether no process has that number any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
