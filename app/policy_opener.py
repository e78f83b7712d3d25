"""How what a reference names is opened, for the shelf: what runs models is loaded only when one is opened."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from annotations.store import Store
from app.asking import recorded_traces
from app.durations import left
from app.policy_shelf import Finder, Opener, Progress
from core.policies.references import REPLAY

if TYPE_CHECKING:
    from core.policies.opening import LoadProgress, PolicyOptions
    from core.policies.protocol import Policy


def opener(store: Store, options: PolicyOptions | None = None) -> Opener:
    """Opens policies with these options; recorded runs are those of the store."""

    def open_one(reference: str, progress: Progress, stop: threading.Event) -> Policy:
        if reference == REPLAY:
            from core.policies.replay import replay_policy

            return replay_policy(recorded_traces(store))
        from core.policies.opening import open_policy

        return open_policy(reference, options, progress=lambda news: progress(*_told(news)), stop=stop)

    return open_one


def finder(options: PolicyOptions | None = None) -> Finder:
    """Makes sure, before a checkpoint is opened with these options, that it is there, whole and readable."""

    def find_one(reference: str, progress: Progress, stop: threading.Event) -> None:
        from core.policies.opening import find_policy

        find_policy(reference, options, progress=lambda news: progress(*_told(news)), stop=stop)

    return find_one


def _told(news: LoadProgress) -> tuple[str, float | None]:
    still = "" if news.seconds_left is None else f", {left(news.seconds_left)}"
    return news.words + still, None if not news.total else min(100.0, 100.0 * news.done / news.total)
