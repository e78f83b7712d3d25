"""From a YAML file, or a shipped recipe's name, to a recipe; and what is said of one that means nothing.

recipe = read_recipe("qwen2.5-vl-3b-spatial", {"data.records": ["curated.jsonl"]})
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from core.errors import TrainingError
from training.recipe import DrawnScenes, Lora, Recipe, RecordFiles, Stage, Zoom, recipe_adapter
from training.reinforcement import Entropy, Grpo, Vllm

FOLDER = Path(__file__).resolve().parent / "recipes"
_KINDS = ("records", "world")


def shipped() -> dict[str, Path]:
    """The recipes that come with the program, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def read_recipe(named: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a file, or the shipped one of that name, with `changes`: dotted keys and their values.

    Raises TrainingError for a recipe that is not there, is no YAML, or has a key or a value that means nothing; the sentence names both.
    """
    path = _path_of(named)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"The recipe {path} cannot be read ({getattr(error, 'strerror', None) or 'it is not UTF-8'}).") from error
    document = _parse(text, path)
    if "data.records" in (changes or {}) and _is_world(document.get("data")):
        # Records come in the place of a world that would be drawn: the two have no key in common.
        document["data"] = {}
    for key, value in (changes or {}).items():
        _change(document, key.split("."), value, key)
    return _checked(document, str(path))


def _is_world(data: Any) -> bool:
    return isinstance(data, dict) and "world" in data


def _checked(document: Any, name: str) -> Recipe:
    try:
        recipe = recipe_adapter().validate_python(document)
    except ValidationError as error:
        raise TrainingError(f"{name}: {_finding(error)}") from error
    recipe.planned()
    if recipe.grpo is not None:
        recipe.grpo.checked()
        if recipe.answers_only:
            raise TrainingError(
                f"{name}: rewards are paid for whole rollouts, and `answers_only` is for records: leave one of the two out."
            )
    return recipe


def _path_of(named: str) -> Path:
    path = Path(named).expanduser()
    if path.is_file():
        return path
    known = shipped()
    if named in known:
        return known[named]
    if path.suffix in (".yaml", ".yml") or "/" in named:
        raise TrainingError(f"There is no recipe file {named}: check the path, or take a shipped one: {', '.join(known)}.")
    close = difflib.get_close_matches(named, known, n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    raise TrainingError(f"There is no recipe {named!r}.{meant} Shipped are {', '.join(known) or 'none'}; or give a YAML file.")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML in which a key stands once: of two, the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands there twice", node.value[place][0].start_mark)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise TrainingError(f"{path}{line}: not a recipe in YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise TrainingError(f"{path}: not a recipe in YAML: {str(error).splitlines()[0]}.") from error
    if not isinstance(document, dict):
        raise TrainingError(f"{path}: a recipe is keys with their values, such as `model: Qwen/Qwen2.5-VL-3B-Instruct`.")
    return document


def parse_value(text: str) -> Any:
    """A value as YAML reads it: a number, true, a list. Raises TrainingError for text that is none."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise TrainingError(f"{text!r} is no value in YAML: put a text that holds a colon or a bracket in quotes.") from error


def _change(document: Any, place: list[str], value: Any, key: str) -> None:
    """Set the value at a place. A list is entered by a number; a list of one, as `data` may be, also without."""
    for at, name in enumerate(place[:-1]):
        if isinstance(document, list) and len(document) == 1 and not name.isdigit():
            _change(document[0], place[at:], value, key)
            return
        if isinstance(document, list):
            document = document[_index(document, name, key)]
            continue
        if document.get(name) is None:
            document[name] = {}
        document = document[name]
        if not isinstance(document, dict | list):
            raise TrainingError(f"{key}: {name} is a value and holds no keys, so nothing under it can be set.")
    if isinstance(document, list) and len(document) == 1 and not place[-1].isdigit():
        document[0][place[-1]] = value
    elif isinstance(document, list):
        document[_index(document, place[-1], key)] = value
    else:
        document[place[-1]] = value


def _index(items: list[Any], name: str, key: str) -> int:
    if not name.isdigit() or int(name) >= len(items):
        raise TrainingError(f"{key}: there is a list of {len(items)}, entered by a number from 0 to {len(items) - 1}, not by {name!r}.")
    return int(name)


def _finding(error: ValidationError) -> str:
    """What a recipe was refused for first, in a sentence."""
    findings = error.errors()
    # A mistyped key comes first: what is missing is then missing for that.
    first = next((finding for finding in findings if finding["type"] == "unexpected_keyword_argument"), findings[0])
    # Behind a number in a list of sources stands their kind, which nobody wrote.
    names = [str(part) for at, part in enumerate(first["loc"]) if not (at and isinstance(first["loc"][at - 1], int) and part in _KINDS)]
    place = ".".join(names) or "the recipe"
    if first["type"] == "unexpected_keyword_argument":
        known = sorted(_known_keys())
        close = difflib.get_close_matches(names[-1], known, n=1)
        return f"there is no key `{place}`" + (
            f": did you mean `{close[0]}`?" if close else ". docs/training.md and docs/rl.md list the keys."
        )
    if first["type"] in ("missing", "missing_argument"):
        return f"`{place}` is missing."
    return f"`{place}`: {first['msg'].rstrip('.')}, not {first.get('input')!r:.80}."


def _known_keys() -> set[str]:
    return {
        name for kind in (Recipe, Stage, RecordFiles, DrawnScenes, Lora, Zoom, Grpo, Vllm, Entropy) for name in kind.__dataclass_fields__
    }
