"""The space of a file's numbers is recovered from args.json by the method's rules, with the reason in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from annotations.importing.frame_recovery import alternatives, asked_frame, read_arguments, recover_frame
from annotations.importing.json_values import BadRow
from annotations.importing.kinds import SourceKind
from core.errors import FrameError
from core.frames import FrameKind
from core.geometry import Size
from core.trace import Picture

WIDE = Picture("0" * 64, Size(2548, 1428))
SMALL = Picture("0" * 64, Size(800, 600))
TURNED = Picture("0" * 64, Size(1428, 2548), orientation=6)


def rollout_grid(arguments: dict[str, Any] | None, picture: Picture) -> tuple[int, int]:
    grid = recover_frame(SourceKind.ROLLOUT, arguments).frame(picture).grid
    return grid.width, grid.height


def test_a_side_limit_wins_and_the_stored_scale_is_not_asked() -> None:
    arguments = {"max_image_side": 1260, "max_pixels": None}
    assert rollout_grid(arguments, WIDE) == (1260, 706)
    assert rollout_grid(arguments, SMALL) == (800, 600)
    assert recover_frame(SourceKind.ROLLOUT, arguments).known_by == "args.json: max_image_side 1260"


def test_a_pixel_budget_snaps_to_multiples_of_28_only_above_it() -> None:
    arguments = {"max_image_side": None, "max_pixels": 2_000_000}
    assert rollout_grid(arguments, WIDE) == (1876, 1036)
    assert rollout_grid(arguments, SMALL) == (800, 600)


def test_with_both_limits_the_budget_holds_where_the_side_does_not() -> None:
    arguments = {"max_image_side": 1260, "max_pixels": 300_000}
    assert rollout_grid(arguments, WIDE) == (1260, 706)
    assert rollout_grid(arguments, SMALL) == (616, 448)


@pytest.mark.parametrize("broken", [{"max_image_side": True}, {"max_image_side": "1260"}, {"max_image_side": 0}, {"max_pixels": 1e300}, {}])
def test_a_limit_that_is_none_is_passed_over(broken: dict[str, Any]) -> None:
    rule = recover_frame(SourceKind.ROLLOUT, broken)
    assert rule.kind is FrameKind.ORIGINAL
    assert "neither" in rule.known_by


def test_without_arguments_the_picture_is_taken_as_it_is() -> None:
    rule = recover_frame(SourceKind.ROLLOUT, None)
    assert (rule.kind, rollout_grid(None, WIDE)) == (FrameKind.ORIGINAL, (2548, 1428))
    assert "no args.json" in rule.known_by


@pytest.mark.parametrize("kind", [SourceKind.TREE, SourceKind.CHAIN, SourceKind.DIALOG, SourceKind.RL_RECORD, SourceKind.EVAL_RECORD])
def test_what_is_never_resized_by_its_run_is_original(kind: SourceKind) -> None:
    assert recover_frame(kind, {"max_image_side": 1260}).kind is FrameKind.ORIGINAL


def test_the_orientation_that_the_loader_ignored_goes_into_the_frame() -> None:
    frame = recover_frame(SourceKind.ROLLOUT, {"max_image_side": 1260}).frame(TURNED)
    assert (frame.orientation, frame.grid) == (6, Size(1260, 706))
    # The stored top left is the upright top right.
    upright = frame.to_original(0, 0)
    assert (upright.x, upright.y) == (1428, 0)


@pytest.mark.parametrize(
    ("option", "grid"),
    [
        ("original", Size(2548, 1428)),
        ("resized", Size(2548, 1428)),
        ("side:1000", Size(1000, 560)),
        ("budget:2000000", Size(1876, 1036)),
        ("normalised", Size(1000, 1000)),
    ],
)
def test_a_frame_that_is_asked_for_is_taken(option: str, grid: Size) -> None:
    rule = asked_frame(option)
    assert rule is not None
    assert rule.frame(WIDE).grid == grid
    assert rule.option == option
    assert rule.known_by == f"asked for: --frame {option}"


def test_auto_asks_for_nothing() -> None:
    assert asked_frame("auto") is None


@pytest.mark.parametrize("option", ["", "side", "side:0", "side:-5", "side:1e3", "budget:", "Original", "side:12345678901234567890"])
def test_a_frame_that_is_none_is_refused(option: str) -> None:
    with pytest.raises(FrameError, match=r"original, resized, side:N, budget:N or normalised"):
        asked_frame(option)


def test_the_alternatives_are_named_as_they_are_asked_for() -> None:
    for rule in alternatives():
        asked = asked_frame(rule.option)
        assert asked is not None
        assert asked.frame(WIDE).grid == rule.frame(WIDE).grid


def test_arguments_are_read_with_any_mark_and_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "args.json"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes(json.dumps({"max_pixels": 5}).encode(encoding))
        assert read_arguments(path) == {"max_pixels": 5}
    for broken, reason in ((b"{", "breaks off"), (b"[]", "holds no object"), (b" " * (2**20 + 1), "larger")):
        path.write_bytes(broken)
        with pytest.raises(BadRow, match=reason):
            read_arguments(path)
    with pytest.raises(BadRow, match="cannot be read"):
        read_arguments(tmp_path / "missing.json")
