"""Preferred traces, between the store and a person: a rule from a text or a file, a manifest in words, and the command for a recipe."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from annotations.curation.recipes import Corrections, Recipe
from annotations.curation.rules import MAX_LENGTH, Rule, parse_rule
from annotations.curation.splitting import SHARES
from app.settings import DATA_DIR, Settings
from core.errors import RuleError
from core.manifest import Manifest


def read_rule(text: str) -> Rule:
    """The rule in the file of that path, where there is one, or else the rule that the text says. Raises RuleError."""
    if not os.path.isfile(text):
        return parse_rule(text)
    try:
        with Path(text).open(encoding="utf-8-sig") as file:
            written = file.read(MAX_LENGTH + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise RuleError(f"{text}: the rule cannot be read ({reason}).") from error
    try:
        return parse_rule(written)
    except RuleError as error:
        raise RuleError(f"{text}: {error}") from error


def written_shares(shares: tuple[float, ...]) -> str:
    """Shares as the command line takes them: 0.9,0.05,0.05."""
    return ",".join(f"{share:.9f}".rstrip("0").rstrip(".") for share in shares)


def manifest_words(manifest: Manifest) -> str:
    """What a file of records holds and how that was chosen, in a few lines; empty where the manifest does not tell."""
    curation = manifest.curation
    if curation is None:
        return ""
    passed = f"{curation.passed} {'passes' if curation.passed == 1 else 'pass'}"
    lines = [f"Of {counted(curation.rated, 'rated trace')} of the study “{curation.study}”, {passed} the rule {manifest.rule}."]
    lines += [f"  {counted(count, 'trace')} turned down by {condition}" for condition, count in curation.failed.items() if count]
    lines += [f"  {counted(count, 'trace')} left out: {reason}" for reason, count in curation.left_out.items()]
    if manifest.corrected:
        lines.append(f"  {counted(manifest.corrected_steps, 'point')} moved by people, in {counted(len(manifest.corrected), 'trace')}")
    splits = ", ".join(f"{count} {split}" for split, count in manifest.splits.items())
    lines.append(f"By picture: {splits}. The ratings of {counted(len(curation.raters), 'person', 'people')} were used.")
    return "\n".join(lines)


def export_command(study: str, recipe: Recipe, settings: Settings) -> str:
    """The command line that writes the file of a recipe. A database's address is not in it: it may hold a password."""
    words = ["python3", "launch.py", "export", "--preferred", str(recipe.rule), "--study", study, "--out", "records.jsonl"]
    if recipe.corrections is not Corrections.APPLY:
        words += ["--corrections", recipe.corrections.value]
    if recipe.split.shares != SHARES:
        words += ["--split", written_shares(recipe.split.shares)]
    if recipe.split.seed:
        words += ["--seed", str(recipe.split.seed)]
    if settings.data_dir != DATA_DIR:
        words += ["--data-dir", str(settings.data_dir)]
    return shlex.join(words)


def counted(number: int, noun: str, nouns: str = "") -> str:
    """A number with its noun: 1 trace, 2 traces."""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"
