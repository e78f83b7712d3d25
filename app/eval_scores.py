"""Scores of policies out of a file of figures that `launch.py eval --json` wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.policy_register import TRAINED, TrainedPolicy
from core.errors import PolicyError
from core.policies.local.fingerprints import fingerprint

_FORMAT = "saccade.evaluation"
_AS_IT_IS = "as-it-is"


def read_figures(file: Path) -> dict[str, Any]:
    """A file of figures. Raises PolicyError for one that is none, or that is of an evaluation that did not come to its end."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise ValueError("`launch.py eval --json` did not write it")
    except (OSError, ValueError) as error:
        raise PolicyError(f"{file} holds no scores ({error}): give a file that `launch.py eval --json` wrote.") from error
    if not found.get("complete"):
        raise PolicyError(f"The evaluation in {file} was stopped: the same command goes on with it, and its scores count when it is over.")
    return found


def scores_of(policy: TrainedPolicy, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a file of figures says of a policy, a score for each difficulty; nothing where it was not asked there.

    Raises PolicyError where the policy's weights are not those any more that were asked.
    """
    found = []
    for told in figures["evaluations"]:
        if _is_of(policy, str(told.get("reference", ""))):
            _check_weights(policy, told["card"].get("details", {}))
            found += [_score(told, figures, result) for result in told["conditions"] if result["condition"] == _AS_IT_IS]
    return found


def _is_of(policy: TrainedPolicy, reference: str) -> bool:
    place = Path(reference).expanduser().absolute()
    return place in (policy.folder / TRAINED, policy.folder)


def _check_weights(policy: TrainedPolicy, details: Mapping[str, Any]) -> None:
    asked = _weights(details)
    try:
        now = fingerprint(policy.folder / TRAINED)
    except OSError as error:
        raise PolicyError(f"The weights of {policy.name} cannot be read ({error.strerror}): its scores are not taken.") from error
    if asked != now:
        raise PolicyError(f"The weights of {policy.name} are not those that were asked ({asked}, now {now}): evaluate it again.")


def _weights(details: Mapping[str, Any]) -> Any:
    """Digest of what a policy's own folder holds: of an adapter, that is not its base."""
    return details.get("adapter_weights") or details.get("weights")


def _score(told: Mapping[str, Any], figures: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    score = {name: told.get(name) for name in ("world", "difficulty", "of", "split")}
    score |= {"seed": told["seed"], "temperature": figures.get("temperature"), "evaluated": figures.get("began")}
    score |= {"weights": _weights(told["card"].get("details", {})), "right": result["accuracy"], "looks": result["looks"]}
    score |= {"points_hit": result["points_hit"], "pass_at_k": result.get("pass_at_k", [])}
    for beside in figures.get("beside", ()):
        if (beside["difficulty"], beside["policy"]) == (told["difficulty"], told["policy"]):
            paired = next(one for one in beside["conditions"] if one["condition"] == _AS_IT_IS)
            score |= {"than": beside["than"], "difference": paired["right"]}
    return score


def score_words(score: Mapping[str, Any]) -> str:
    """A score in words, with its n and interval."""
    right = score["right"]
    where = " ".join(str(score[name]) for name in ("world", "difficulty") if score.get(name))
    low, high = (100 * end for end in right["interval"])
    words = f"{where}, {score['split']}: {100 * right['share']:.1f} % right ({low:.1f} to {high:.1f}, n = {right['n']:,})"
    return words + "".join(_beside_words(score))


def _beside_words(score: Mapping[str, Any]) -> Iterator[str]:
    apart = score.get("difference")
    if not apart:
        return
    yield f"; {100 * apart['difference']:+.1f} than {score['than']}"
    if apart["interval"]:
        low, high = apart["interval"]
        yield f" ({100 * low:+.1f} to {100 * high:+.1f})"
    yield f", p = {apart['p_mcnemar']:.4f}"
