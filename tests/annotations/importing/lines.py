"""Rows of every kind, as the reference and this program write them, for tests to change."""

from __future__ import annotations

import json
from typing import Any

QUESTION = "<image>\nWhat colour is the lamp?"


def call(x: float, y: float) -> str:
    """A turn with a tool call."""
    return (
        f"<think> The lamp may stand at ({x}, {y}). </think>\n<tool_call>\n"
        f'{{"name": "search_coordinate", "arguments": {{"coordinate": [{x}, {y}]}}}}\n</tool_call>'
    )


def rollout(**changes: Any) -> dict[str, Any]:
    """A single-turn evaluation rollout."""
    row = {
        "question": QUESTION,
        "image": "images/scene.png",
        "true_answer": "blue",
        "thoughts": ["<think>\nThe lamp at (100, 50) is blue.\n</think>"],
        "final_answer": "blue",
        "system_prompt": "SYSTEM",
        "judge_score": 1.0,
        "scale_factor": 1.0,
        "id": "7",
    }
    return row | changes


def tree(*rollouts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A search tree: a root, a node with a thought, and below it an answer."""
    thought = "<think>\nThe lamp is at (100, 50).\n</think>"
    answer = {"thought_text": "blue", "is_terminal": True, "value": 1.0, "visit_count": 2, "children": [], "used_coords": []}
    answer["rollouts"] = [search_rollout("blue", 1.0, [QUESTION, thought, "blue"], depth=0)] * 2
    node = {"thought_text": thought, "is_terminal": False, "value": 0.5, "visit_count": 4, "children": [answer], "used_coords": []}
    node["rollouts"] = list(rollouts) or [search_rollout("blue", True, [QUESTION, thought, "<answer> blue </answer>"])]
    root = {"thought_text": QUESTION, "is_terminal": False, "value": 0.5, "visit_count": 4, "rollouts": [], "children": [node]}
    row = {"question": QUESTION, "image": "images/scene.png", "true_answer": "blue", "tree": root, "system_prompt": "S", "id": "1"}
    return row | changes


def search_rollout(answer: str, reward: float | bool, texts: list[str], **changes: Any) -> dict[str, Any]:
    """A rollout of a node."""
    row = {"final_answer": answer, "reward": reward, "ephemeral_texts": texts, "ephemeral_depth": len(texts) - 1, "depth": 1}
    return row | {"num_same_points": 0, "num_different_points": 1} | changes


def observation(dot: bool = False) -> str:
    """What the SFT builder writes as the environment's answer."""
    words = ", with a red dot at the coordinate location" if dot else ""
    return f"<observation>\nHere is the crop of the image centered on the coordinate{words}:\n<image>\n</observation>"


def dialog(**changes: Any) -> dict[str, Any]:
    """A multi-turn SFT row with two looks."""
    row = {
        "messages": [
            {"role": "system", "content": "SYSTEM"},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": call(100, 50)},
            {"role": "user", "content": observation()},
            {"role": "assistant", "content": call(1900, 900)},
            {"role": "user", "content": observation()},
            {"role": "assistant", "content": "<think> It is blue. </think>\n<answer> blue </answer>"},
        ],
        "images": ["images/scene.png", "images/crop_0.png", "images/crop_1.png"],
    }
    return row | changes


def chain(**changes: Any) -> dict[str, Any]:
    """A single-turn SFT row."""
    row = {
        "id": "file_3",
        "metadata": {},
        "messages": [
            {"role": "system", "content": "SYSTEM"},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": "<think>\nThe lamp at (100, 50) is blue.\n</think>\n<answer> blue </answer>"},
        ],
        "images": ["images/scene.png"],
        "gt_answer": "blue",
    }
    return row | changes


def rl_record(**changes: Any) -> dict[str, Any]:
    """An RL record."""
    return {"problem": QUESTION, "answer": "blue", "images": ["images/scene.png"]} | changes


def eval_record(**changes: Any) -> dict[str, Any]:
    """An evaluation record."""
    said = [{"from": "human", "value": QUESTION}, {"from": "gpt", "value": "(10, 20, 30, 40)"}]
    return {"id": 5, "image": "images/scene.png", "conversations": said} | changes


def error(**changes: Any) -> dict[str, Any]:
    """A line of an error log."""
    return {"id": "9", "error": "timeout", "timeout_seconds": 3600, "idx": 9} | changes


def jsonl(*rows: Any) -> str:
    """Rows as JSON lines; texts are lines as they are."""
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
