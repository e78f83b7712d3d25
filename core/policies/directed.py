"""A policy whose looks are chosen for it: the first turns are written here, with a call each, and then it speaks for itself.

For asking whether it matters where a policy looks. The calls go through the ordinary rollout: crops, limits and traces are what they are
for any policy, and to the policy inside the turns stand in the conversation as if it had said them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from core.grammar import TurnText, format_messages, write_number
from core.policies.conversation import Completion, Finish, Finished, PolicyEvent, Request, Role, Wrote
from core.policies.protocol import Policy, PolicyCard, Session

Places = Callable[[int], Sequence[tuple[float, float]]]
"""From a conversation's row to the points that are looked at in it, one after the other, in the policy's own numbers."""


class DirectedPolicy:
    """The policy inside, behind looks that `places` chooses. The one inside stays open when this one is closed.

    The rollout has to allow a turn and a picture for each look. Tokens of the turns that are written here are not told.
    """

    def __init__(self, policy: Policy, places: Places) -> None:
        self._policy = policy
        self._places = places

    @property
    def card(self) -> PolicyCard:
        """What is known of the policy inside."""
        return self._policy.card

    def session(self) -> DirectedSession:
        """New conversations with it. Raises PolicyError where the one inside was closed."""
        return DirectedSession(self._policy.session(), self._places)

    def close(self) -> None:
        """Nothing: who opened the policy inside closes it."""


class DirectedSession:
    """A session of a DirectedPolicy."""

    def __init__(self, session: Session, places: Places) -> None:
        self._session = session
        self._places = places
        self._written: deque[PolicyEvent] = deque()

    def submit(self, row: int, request: Request) -> None:
        """Ask for a turn: a look that is chosen, as long as there are some, and then the policy inside."""
        places = self._places(row)
        turn = sum(said.role is Role.ASSISTANT for said in request.messages)
        if turn >= len(places) or request.prefix:
            self._session.submit(row, request)
            return
        text = look_turn(*places[turn])
        self._written += (Wrote(row, text), Finished(row, Completion(text, Finish.END)))

    def events(self, timeout: float) -> tuple[PolicyEvent, ...]:
        """What was written here and what happened inside since the last call; waits only where nothing was written."""
        written = tuple(self._written)
        self._written.clear()
        return written or self._session.events(timeout)

    def cancel(self, row: int) -> None:
        """Forget the row, at once."""
        self._written = deque(event for event in self._written if event.row != row)
        self._session.cancel(row)

    def close(self) -> None:
        """Cancel every row; may be called twice."""
        self._written.clear()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def look_turn(x: float, y: float) -> str:
    """A turn that looks at a point and says no more than that."""
    said = TurnText(f"Look at ({write_number(x)}, {write_number(y)}).", call=(x, y))
    return format_messages([said])[0].text


def grid(count: int) -> tuple[tuple[float, float], ...]:
    """The middles of `count` equal cells of a picture, row by row, as shares of its width and height.

    As many columns as the root of the count, rounded up, and rows as are needed; the last row may be short, and its cells are wider.
    """
    if count < 1:
        return ()
    columns = -int(-(count**0.5) // 1)
    rows = -(-count // columns)
    middles = list[tuple[float, float]]()
    for row in range(rows):
        here = min(columns, count - row * columns)
        middles += [((column + 0.5) / here, (row + 0.5) / rows) for column in range(here)]
    return tuple(middles)
