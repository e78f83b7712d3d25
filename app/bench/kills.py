"""Kills of the server in the middle of its work: every rating that was acknowledged must be in the table, exactly once.

The server is ended by SIGKILL at moments that are drawn, while people rate without a pause. Whoever was not answered sends the same
rating with the same token to the next server, until it is acknowledged.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from annotations.database import open_database
from annotations.ratings.auditing import Audit, audit
from app.bench.rating_clients import Rater, Unanswered, all_at_once
from app.bench.report import Figure
from app.bench.serving import free_port, serving
from core.errors import StartError

_RATERS = 10
# Seconds from the last rating that a kill has to wait for to the kill: drawn up to this.
_LONGEST = 1.0
_PAUSE = 0.02


class _Load:
    """People who rate until they are told to stop, whatever happens to the server."""

    def __init__(self, address: str, study: int, seed: int) -> None:
        self.raters = [Rater(address, study, number, seed) for number in range(1, _RATERS + 1)]
        self.enough = threading.Event()
        self._thread = threading.Thread(target=all_at_once, args=(self.raters, self._work), daemon=True)

    def begin(self) -> None:
        """Sign in and rate; where that has begun, it goes on by itself."""
        if not self._thread.ident:
            for rater in self.raters:
                rater.sign_in()
            self._thread.start()

    def wait_for(self, acknowledged: int, *, seconds: float = 0.0) -> None:
        """Until the time has passed and so many ratings have been acknowledged. Raises StartError where nobody rates any more."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or self.acknowledged < acknowledged:
            if not self._thread.is_alive():
                errors = [error for rater in self.raters for error in rater.taken.errors]
                raise StartError(f"The raters ended after {self.acknowledged:,} ratings: {errors[:1] or 'nothing was left to rate'}.")
            time.sleep(0.001)

    def end(self) -> None:
        """Nobody begins another rating; what is on its way is brought to its end."""
        self.enough.set()
        self._thread.join()

    @property
    def acknowledged(self) -> int:
        return sum(len(rater.taken.acknowledged) for rater in self.raters)

    def _work(self, rater: Rater) -> None:
        while not self.enough.is_set():
            try:
                item = rater.next()
            except Unanswered:
                time.sleep(_PAUSE)
                continue
            if item is None:
                return
            body = rater.judged(item)
            while not self._saved(rater, body):
                time.sleep(_PAUSE)

    def _saved(self, rater: Rater, body: dict[str, object]) -> bool:
        """Whether it was answered; an answer that is no success counts as an error, and is not sent again."""
        try:
            rater.save(body)
        except Unanswered:
            return False
        return True


def measure_kills(
    folder: Path, options: Sequence[str], url: str, study: int, name: str, *, kills: int, acknowledged: int, places: int, seed: int
) -> list[Figure]:
    """Ratings lost in so many kills with at least so many acknowledged ratings, and seconds from the next start to its first answer.

    Raises StartError where the raters came to an end before that.
    """
    draw, port = Random(f"kills:{seed}"), free_port()
    load = _Load(f"http://127.0.0.1:{port}", study, seed)
    before = _looked_through(url, study)
    back: list[float] = []
    for number in range(1, kills + 1):
        with serving(folder, *options, port=port) as server:
            back.append(server.seconds_to_answer)
            load.begin()
            load.wait_for(-(-acknowledged * number // kills))
            load.wait_for(0, seconds=draw.uniform(0, _LONGEST))
            server.kill()
    with serving(folder, *options, port=port):
        load.end()
    return _figures(load, before, _looked_through(url, study), name, back, places)


def _figures(load: _Load, before: Audit, after: Audit, name: str, back: Sequence[float], places: int) -> list[Figure]:
    taken = [rater.taken for rater in load.raters]
    told = {token: rating["id"] for each in taken for token, rating in each.acknowledged.items()}
    lost, wrong = wrong_in(told, before, after, places=places)
    errors = [error for each in taken for error in each.errors]
    for what in (*(f"lost: {token}" for token in lost[:3]), *errors[:3], *after.integrity[:3]):
        print(f"error: {what}", file=sys.stderr)
    during = f"{len(back)} kills ({name})"
    figures = [
        Figure(f"ratings acknowledged, {during}", (float(len(told)),), ""),
        Figure(f"of these, answered only when sent again, {during}", (float(sum(each.repeated for each in taken)),), ""),
        Figure(f"acknowledged ratings lost, {during}", (float(len(lost)),), "", "0"),
        Figure(f"rows too many or too few, places given twice, {during}", (float(wrong),), "", "0"),
        Figure(f"answers that were errors, {during}", (float(len(errors)),), "", "0"),
    ]
    if after.checked:
        figures.append(Figure(f"complaints of integrity_check, {during}", (float(len(after.integrity)),), "", "0"))
    return [*figures, Figure(f"from a start to the first answer after a kill ({name})", tuple(back), "s")]


def wrong_in(told: Mapping[str, int], before: Audit, after: Audit, *, places: int) -> tuple[list[str], int]:
    """The tokens that were acknowledged with a row that is not there, and how much else in the tables is not as it should be.

    told  the row of every token that was acknowledged between the two looks through the tables
    """
    lost = [token for token, number in told.items() if after.tokens.get(token) != number]
    # Rows that nobody was told of, or missing; of the same token twice; that the log does not know; and places given twice.
    surplus = abs(after.rows - before.rows - len(told))
    return lost, surplus + after.rows - len(after.tokens) + after.rows - after.logged + max(0, after.most - places)


def _looked_through(url: str, study: int) -> Audit:
    database = open_database(url)
    try:
        return audit(database, study)
    finally:
        database.close()
