"""What is wanted of an improvement, as a person fills it in, and as `launch.py improve` is told it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from core.errors import TrainingError

# Ten fewer than a run may have: the second half's name is longer.
_NAME = re.compile(r"\w[\w.,+= -]{0,89}")


@dataclass(frozen=True, slots=True)
class Wish:
    """An improvement that is wanted.

    name          of the new policy, and of its first run
    recipe        by which it learns what was said; "": not at all
    reinforce     by which it then learns by rewards; "": not at all
    policy        the checkpoint that it begins with; "": the recipe's
    changes, reinforce_changes   `KEY=VALUE`, for the one and for the other
    world         what both are compared on: records, their split test; or needle, scenes that are drawn
    difficulties  of those scenes; none: default
    n             questions at most; None: as the command has it
    """

    name: str
    recipe: str = ""
    reinforce: str = ""
    policy: str = ""
    changes: tuple[str, ...] = ()
    reinforce_changes: tuple[str, ...] = ()
    world: str = "records"
    difficulties: tuple[str, ...] = ()
    n: int | None = None

    def checked(self) -> Wish:
        """It, with nothing around its values and between them. Raises TrainingError for one that could not begin."""
        texts = {name: getattr(self, name).strip() for name in ("name", "recipe", "reinforce", "policy")}
        if not _NAME.fullmatch(texts["name"]):
            raise TrainingError(f"{texts['name'][:80]!r} cannot name a policy: take letters, digits, hyphens and dots, 90 at most.")
        if not texts["recipe"] and not texts["reinforce"]:
            raise TrainingError("Choose a recipe: by which it learns what was said, or by rewards, or one of each.")
        changes, later = (tuple(filter(None, map(str.strip, lines))) for lines in (self.changes, self.reinforce_changes))
        wrong = next((change for change in (*changes, *later) if not change.partition("=")[1]), None)
        if wrong is not None:
            raise TrainingError(f"A value is set as KEY=VALUE, such as steps=100, and not as {wrong[:80]!r}.")
        difficulties = self.difficulties if self.world == "needle" else ()
        return Wish(**texts, changes=changes, reinforce_changes=later, world=self.world, difficulties=difficulties, n=self.n)

    @property
    def halves(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Option, recipe and values of each half, in their order. One half alone is the command's `--recipe`, whatever it learns by."""
        wanted = [(self.recipe, self.changes), (self.reinforce, self.reinforce_changes)]
        there = [(recipe, changes) for recipe, changes in wanted if recipe]
        return tuple((option, *half) for option, half in zip(("--recipe", "--reinforce"), there, strict=False))

    def words(self, records: Path, pictures: Path, runs: Path | None) -> list[str]:
        """The command line behind `improve`. Values stand behind their option's equals sign, so that none is taken for an option."""
        words = [str(records), f"--pictures={pictures}", f"--name={self.name}"]
        words += [f"--runs={runs}"] if runs is not None else []
        words += [f"--policy={self.policy}"] if self.policy else []
        for option, recipe, changes in self.halves:
            setting = "--set" if option == "--recipe" else "--reinforce-set"
            words += [f"{option}={recipe}", *(f"{setting}={change}" for change in changes)]
        words += [f"--world={self.world}"] if self.world != "records" else []
        words += [f"--n={self.n}"] if self.n is not None else []
        return words + (["--difficulty", *self.difficulties] if self.difficulties else [])

    def by_hand(self, pictures: Path) -> str:
        """The command line that does the same with the records in records.jsonl."""
        return shlex.join(["python3", "launch.py", "improve", *self.words(Path("records.jsonl"), pictures, None)])

    def to_json(self) -> dict[str, Any]:
        """It as JSON values; `from_json` reads an equal one back."""
        return asdict(self)

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Wish:
        """The wish of JSON values; what is not known any more is passed over."""
        known = {field.name: told[field.name] for field in fields(Wish) if field.name in told}
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
        return Wish(**values)
