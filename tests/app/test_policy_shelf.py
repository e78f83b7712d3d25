"""The shelf: policies are opened once for all who wait, one checkpoint at a time, and closed in the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.policy_list import PolicyList
from app.policy_shelf import PolicyShelf, PolicyState, Stopped
from core.errors import NotFound, PolicyError, ReadOnly, StartError, StoreError
from core.policies.protocol import Policy, PolicyKind
from tests.app.asking_world import LOOKER, SLOW_TO_LOAD, Opening, eventually

OTHER, SERVER, FOLDER = "test/other", "http://127.0.0.1:9/v1#model", "./some-folder"
NEVER = threading.Event()


@pytest.fixture
def opening() -> Opening:
    return Opening()


@pytest.fixture
def shelf(opening: Opening) -> Iterator[PolicyShelf]:
    made = PolicyShelf(opening.open, PolicyList((LOOKER, OTHER, SLOW_TO_LOAD, SERVER), None))
    yield made
    made.close()


def in_thread(work: Callable[[], None]) -> tuple[threading.Thread, list[BaseException]]:
    """The work in a thread of its own, and what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except PolicyError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def hold(
    shelf: PolicyShelf, reference: str, until: threading.Event, stop: threading.Event = NEVER
) -> tuple[threading.Thread, list[BaseException]]:
    def work() -> None:
        with shelf.lend(reference, stop):
            until.wait(20)

    return in_thread(work)


def state(shelf: PolicyShelf, reference: str) -> PolicyState:
    return shelf.line(reference).state


def test_what_can_be_asked_and_what_is_asked_where_nobody_chose(tmp_path: Path, opening: Opening) -> None:
    shelf = PolicyShelf(opening.open, PolicyList((), tmp_path / "policies.json"))
    assert (shelf.references, shelf.default) == (("replay",), "replay")
    assert (shelf.line("replay").kind, shelf.line("replay").recorded) == (PolicyKind.SCRIPTED, True)
    shelf.add(f"  {LOOKER} ")
    shelf.add(SERVER)
    shelf.add(LOOKER)
    assert shelf.references == (LOOKER, SERVER, "replay")
    assert shelf.default == LOOKER
    assert json.loads((tmp_path / "policies.json").read_text()) == {"policies": [LOOKER, SERVER]}
    named = PolicyShelf(opening.open, PolicyList((OTHER,), tmp_path / "policies.json"))
    assert named.references == (OTHER, LOOKER, SERVER, "replay")
    assert [(line.name, line.kind) for line in named.lines()][2:3] == [("model", PolicyKind.SERVER)]


def test_the_policy_that_ships_comes_first_and_is_asked_unless_another_was_named(tmp_path: Path, opening: Opening) -> None:
    file = tmp_path / "policies.json"
    PolicyList((), file).add(OTHER)
    shelf = PolicyShelf(opening.open, PolicyList((), file), needle=True)
    assert (shelf.references, shelf.default) == (("needle", OTHER, "replay"), "needle")
    line = shelf.line("needle")
    assert (line.name, line.kind, line.shipped, line.added) == ("Needle", PolicyKind.LOCAL, True, False)
    assert [line.shipped for line in shelf.lines()] == [True, False, False]
    # Whoever names one at the start wants to ask that one.
    named = PolicyShelf(opening.open, PolicyList((LOOKER,), file), needle=True)
    assert (named.references, named.default) == (("needle", LOOKER, OTHER, "replay"), LOOKER)
    without = PolicyShelf(opening.open, PolicyList((), file))
    assert (without.references, without.default) == ((OTHER, "replay"), OTHER)


def test_the_policy_that_ships_stays_and_is_never_kept_as_an_added_one(tmp_path: Path, opening: Opening) -> None:
    shelf = PolicyShelf(opening.open, PolicyList((), tmp_path / "policies.json"), needle=True)
    shelf.add(" needle ")
    assert shelf.references == ("needle", "replay") and not (tmp_path / "policies.json").exists()
    with pytest.raises(PolicyError, match=r"^Needle comes with the program, and stays on the list\.$"):
        shelf.remove("needle")


def test_the_policy_that_ships_takes_no_others_place(opening: Opening) -> None:
    shelf = PolicyShelf(opening.open, PolicyList((LOOKER,), None), needle=True)
    with shelf.lend(LOOKER, NEVER), shelf.lend("needle", NEVER):
        assert opening.opened == [LOOKER, "needle"] and opening.closed == []
    assert [line.state for line in shelf.lines()] == [PolicyState.READY, PolicyState.READY, PolicyState.IDLE]
    shelf.close()


def test_what_is_known_of_a_policy_is_known_from_its_first_opening_on(added: PolicyShelf) -> None:
    assert added.card(OTHER) is None
    with added.lend(OTHER, NEVER) as policy:
        assert added.card(OTHER) == policy.card
    with added.lend(LOOKER, NEVER):
        pass
    assert added.card(OTHER) is not None, "also when another one has taken its place"
    added.remove(OTHER)
    with pytest.raises(NotFound):
        added.card(OTHER)
    added.add(OTHER)
    assert added.card(OTHER) is None


@pytest.fixture
def added(tmp_path: Path, opening: Opening) -> Iterator[PolicyShelf]:
    """One policy was named at the start, and four were added."""
    listed = PolicyList((LOOKER,), tmp_path / "policies.json")
    made = PolicyShelf(opening.open, listed)
    for reference in (OTHER, SLOW_TO_LOAD, SERVER, LOOKER):
        made.add(reference)
    yield made
    made.close()


def kept(folder: Path) -> list[str]:
    """What stands in the file, read anew."""
    return list(PolicyList((), folder / "policies.json").references)


def test_an_added_policy_is_taken_off_the_list_for_good(tmp_path: Path, added: PolicyShelf, opening: Opening) -> None:
    assert [(line.reference, line.added) for line in added.lines()] == [
        (LOOKER, False),
        (OTHER, True),
        (SLOW_TO_LOAD, True),
        (SERVER, True),
        ("replay", False),
    ]
    with added.lend(OTHER, NEVER):
        pass
    added.remove(OTHER)
    assert added.references == (LOOKER, SLOW_TO_LOAD, SERVER, "replay") and kept(tmp_path) == [SLOW_TO_LOAD, SERVER]
    assert opening.closed == [OTHER], "what was ready leaves memory"
    with pytest.raises(NotFound, match="is not on the list"):
        added.remove(OTHER)
    with pytest.raises(NotFound), added.lend(OTHER, NEVER):
        pass
    added.add(OTHER)
    with added.lend(OTHER, NEVER):
        assert opening.opened == [OTHER, OTHER]
    assert kept(tmp_path) == [SLOW_TO_LOAD, SERVER, OTHER]


def test_what_was_named_at_the_start_and_the_recorded_runs_stay(tmp_path: Path, opening: Opening) -> None:
    file = tmp_path / "policies.json"
    PolicyList((), file).add(LOOKER)
    shelf = PolicyShelf(opening.open, PolicyList((LOOKER,), file))
    with pytest.raises(PolicyError, match=r"^test/looker was named at the start, with --policy or SACCADE_POLICY: leave it out there\.$"):
        shelf.remove(LOOKER)
    with pytest.raises(PolicyError, match=r"^The recorded runs come with the program, and stay on the list\.$"):
        shelf.remove("replay")
    assert shelf.references == (LOOKER, "replay") and kept(tmp_path) == [LOOKER]
    with pytest.raises(ReadOnly, match="--read-only no policy can be removed"):
        PolicyList((), None).remove(LOOKER)


def test_a_policy_that_is_asked_or_waited_for_stays(tmp_path: Path, added: PolicyShelf, opening: Opening) -> None:
    until = threading.Event()
    with added.lend(OTHER, NEVER):
        waiting = hold(added, SLOW_TO_LOAD, until)
        eventually(lambda: state(added, SLOW_TO_LOAD) is PolicyState.LOADING)
        for reference in (OTHER, SLOW_TO_LOAD):
            with pytest.raises(
                PolicyError, match=f"^{reference} is in use by 1 run: wait until it has ended, or stop it, then remove the policy\\.$"
            ):
                added.remove(reference)
    assert opening.closed == [] and kept(tmp_path) == [OTHER, SLOW_TO_LOAD, SERVER]
    opening.hold.set()
    until.set()
    waiting[0].join(10)
    assert waiting[1] == []
    added.remove(SLOW_TO_LOAD)
    assert opening.closed == [OTHER, SLOW_TO_LOAD]


def test_an_opening_that_nobody_asked_for_is_given_up_with_its_policy(added: PolicyShelf, opening: Opening) -> None:
    added.begin_loading(SLOW_TO_LOAD)
    eventually(lambda: added.line(SLOW_TO_LOAD).percent == 50.0)
    added.remove(SLOW_TO_LOAD)
    assert SLOW_TO_LOAD not in added.references
    with added.lend(OTHER, NEVER):
        pass  # the next checkpoint is opened when that one's opening has ended
    assert opening.opened == [OTHER]


def test_a_policy_that_is_there_too_late_to_be_given_up_is_closed(tmp_path: Path) -> None:
    class Deaf(Opening):
        def open(self, reference: str, progress: Callable[[str, float | None], None], stop: threading.Event) -> Policy:
            return super().open(reference, progress, threading.Event())

    opening = Deaf()
    shelf = PolicyShelf(opening.open, PolicyList((), tmp_path / "policies.json"))
    shelf.add(SLOW_TO_LOAD)
    shelf.begin_loading(SLOW_TO_LOAD)
    eventually(lambda: shelf.line(SLOW_TO_LOAD).percent == 50.0)
    shelf.remove(SLOW_TO_LOAD)
    opening.hold.set()
    eventually(lambda: opening.closed == [SLOW_TO_LOAD])
    shelf.close()


def test_a_list_that_cannot_be_written_keeps_what_it_has(tmp_path: Path, added: PolicyShelf) -> None:
    (tmp_path / "policies.json").unlink()
    (tmp_path / "policies.json").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        added.remove(OTHER)
    assert OTHER in added.references


@pytest.mark.parametrize("reference", ["", "   ", "no policy at all", "x" * 501, "http://me:secret@host/v1", "http://secret@host/v1#m", "http://host/v1?key=secret"])  # fmt: skip
def test_what_names_no_policy_or_holds_a_key_is_refused_and_not_kept(tmp_path: Path, reference: str) -> None:
    kept = PolicyList((), tmp_path / "policies.json")
    with pytest.raises(PolicyError) as refused:
        kept.add(reference)
    assert str(refused.value).endswith(".") and "me:secret" not in str(refused.value) and "secret@" not in str(refused.value)
    assert not (tmp_path / "policies.json").exists()


def test_a_list_that_cannot_be_read_is_told_when_it_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "policies.json"
    for broken in ("{", '{"policies": 3}', "[]", '{"policies": ["no policy at all"]}'):
        file.write_text(broken)
        kept = PolicyList((), file)
        with pytest.raises(StartError, match=r"policies\.json cannot be read .* mend it, or take it away\.$"):
            assert kept.references
    with pytest.raises(ReadOnly):
        PolicyList((), None).add(LOOKER)


def test_a_policy_is_opened_once_for_all_who_wait(shelf: PolicyShelf, opening: Opening) -> None:
    until = threading.Event()
    waiting = [hold(shelf, SLOW_TO_LOAD, until) for _ in range(5)]
    eventually(lambda: shelf.line(SLOW_TO_LOAD).percent == 50.0)
    assert (shelf.line(SLOW_TO_LOAD).words, state(shelf, SLOW_TO_LOAD)) == ("weights are read", PolicyState.LOADING)
    opening.hold.set()
    eventually(lambda: shelf.line(SLOW_TO_LOAD).words == "is asked by 5 runs")
    assert opening.opened == [SLOW_TO_LOAD] and state(shelf, SLOW_TO_LOAD) is PolicyState.BUSY
    until.set()
    for thread, raised in waiting:
        thread.join(10)
        assert raised == []
    assert state(shelf, SLOW_TO_LOAD) is PolicyState.READY
    with shelf.lend(SLOW_TO_LOAD, NEVER):
        assert opening.opened == [SLOW_TO_LOAD]


def test_one_checkpoint_at_a_time_and_never_one_that_is_asked_goes(shelf: PolicyShelf, opening: Opening) -> None:
    until = threading.Event()
    with ExitStack() as stack:
        first = stack.enter_context(shelf.lend(LOOKER, NEVER))
        thread, raised = hold(shelf, OTHER, until)
        eventually(lambda: "waits while test/looker is asked" in shelf.line(OTHER).words)
        with shelf.lend(SERVER, NEVER):
            pass  # a server takes no memory here, and nobody waits for it
        assert opening.opened == [LOOKER, SERVER] and opening.closed == []
        # Whoever comes now for the first is behind the one who waits for the other.
        late, late_raised = hold(shelf, LOOKER, until)
        assert first.session() is not None
    eventually(lambda: opening.opened == [LOOKER, SERVER, OTHER])
    eventually(lambda: state(shelf, LOOKER) is PolicyState.LOADING)
    assert opening.closed == [LOOKER]
    until.set()
    for one in (thread, late):
        one.join(10)
    assert (raised, late_raised) == ([], [])
    assert opening.opened == [LOOKER, SERVER, OTHER, LOOKER] and opening.closed == [LOOKER, OTHER]


class Finding:
    """Looks for policies before they are opened: `missing` are not there, and `hold` keeps it looking until it is set."""

    def __init__(self) -> None:
        self.missing: set[str] = set()
        self.found: list[str] = []
        self.hold = threading.Event()
        self.hold.set()

    def find(self, reference: str, progress: Callable[[str, float | None], None], stop: threading.Event) -> None:
        progress("is looked for", None)
        while not self.hold.wait(0.01):
            if stop.is_set():
                raise PolicyError("Looking was stopped.")
        if reference in self.missing:
            raise PolicyError(f"{reference} is not there: check the path.")
        self.found.append(reference)


@pytest.fixture
def finding() -> Finding:
    return Finding()


@pytest.fixture
def careful(opening: Opening, finding: Finding) -> Iterator[PolicyShelf]:
    """A shelf that looks for a checkpoint before another one leaves memory for it."""
    made = PolicyShelf(opening.open, PolicyList((LOOKER, OTHER, SERVER), None), find=finding.find)
    yield made
    made.close()


def test_what_is_not_there_costs_nobody_the_checkpoint_in_memory(careful: PolicyShelf, opening: Opening, finding: Finding) -> None:
    finding.missing.add(OTHER)
    with careful.lend(LOOKER, NEVER):
        pass
    with pytest.raises(PolicyError, match="is not there: check the path"), careful.lend(OTHER, NEVER):
        pass
    assert (state(careful, OTHER), state(careful, LOOKER)) == (PolicyState.FAILED, PolicyState.READY)
    with careful.lend(LOOKER, NEVER):
        assert (opening.opened, opening.closed) == ([LOOKER], [])
    finding.missing.clear()
    with careful.lend(OTHER, NEVER):
        assert (opening.opened, opening.closed, finding.found) == ([LOOKER, OTHER], [LOOKER], [OTHER])


def test_only_a_checkpoint_that_sends_another_away_is_looked_for_first(careful: PolicyShelf, opening: Opening, finding: Finding) -> None:
    with careful.lend(LOOKER, NEVER), careful.lend(SERVER, NEVER):
        assert (opening.opened, finding.found) == ([LOOKER, SERVER], [])


def test_who_asks_the_checkpoint_in_memory_meanwhile_keeps_it(careful: PolicyShelf, opening: Opening, finding: Finding) -> None:
    with careful.lend(LOOKER, NEVER):
        pass
    finding.hold.clear()
    stop, until, done = threading.Event(), threading.Event(), threading.Event()
    leaver, _ = hold(careful, OTHER, done, stop)
    eventually(lambda: careful.line(OTHER).words == "is looked for")
    asker, asked = hold(careful, LOOKER, until)
    eventually(lambda: state(careful, LOOKER) is PolicyState.READY)
    stayer, stayed = hold(careful, OTHER, done)
    stop.set()
    leaver.join(10)
    # The first in the line is now the one who asks what is in memory still.
    eventually(lambda: state(careful, LOOKER) is PolicyState.BUSY)
    finding.hold.set()
    eventually(lambda: "waits while test/looker is asked" in careful.line(OTHER).words)
    assert opening.closed == []
    until.set()
    done.set()
    for thread in (asker, stayer):
        thread.join(10)
    assert (asked, stayed, opening.opened, opening.closed) == ([], [], [LOOKER, OTHER], [LOOKER])


def test_a_search_that_nobody_waits_for_any_more_sends_nothing_away(careful: PolicyShelf, opening: Opening, finding: Finding) -> None:
    with careful.lend(LOOKER, NEVER):
        pass
    finding.hold.clear()
    stop = threading.Event()
    thread, raised = hold(careful, OTHER, NEVER, stop)
    eventually(lambda: careful.line(OTHER).words == "is looked for")
    stop.set()
    thread.join(10)
    eventually(lambda: state(careful, OTHER) is PolicyState.IDLE)
    assert [type(error) for error in raised] == [Stopped]
    assert (state(careful, LOOKER), opening.closed) == (PolicyState.READY, [])


def test_a_failure_is_told_to_all_who_wait_and_can_be_tried_again(shelf: PolicyShelf, opening: Opening) -> None:
    opening.broken[LOOKER] = "The checkpoint is broken: load it anew."
    with pytest.raises(PolicyError, match="is broken"), shelf.lend(LOOKER, NEVER):
        pass
    assert (state(shelf, LOOKER), shelf.line(LOOKER).words) == (PolicyState.FAILED, "The checkpoint is broken: load it anew.")
    opening.broken.clear()
    with shelf.lend(LOOKER, NEVER) as policy:
        assert policy.card.name == LOOKER
    assert state(shelf, LOOKER) is PolicyState.READY


def test_who_no_longer_wants_to_wait_goes_at_once_and_the_opening_is_given_up(shelf: PolicyShelf, opening: Opening) -> None:
    stop = threading.Event()
    thread, raised = hold(shelf, SLOW_TO_LOAD, threading.Event(), stop)
    eventually(lambda: state(shelf, SLOW_TO_LOAD) is PolicyState.LOADING)
    stop.set()
    thread.join(10)
    assert [type(error) for error in raised] == [Stopped]
    eventually(lambda: state(shelf, SLOW_TO_LOAD) is PolicyState.IDLE)
    assert opening.opened == []


def test_an_opening_goes_on_for_those_who_still_wait(shelf: PolicyShelf, opening: Opening) -> None:
    stop, until = threading.Event(), threading.Event()
    leaver, left = hold(shelf, SLOW_TO_LOAD, until, stop)
    stayer, stayed = hold(shelf, SLOW_TO_LOAD, until)
    eventually(lambda: state(shelf, SLOW_TO_LOAD) is PolicyState.LOADING)
    stop.set()
    leaver.join(10)
    opening.hold.set()
    until.set()
    stayer.join(10)
    assert len(left) == 1 and stayed == [] and opening.opened == [SLOW_TO_LOAD]


def test_a_policy_is_made_ready_by_hand_and_that_can_be_stopped(shelf: PolicyShelf, opening: Opening) -> None:
    shelf.begin_loading(SLOW_TO_LOAD)
    shelf.begin_loading(SLOW_TO_LOAD)
    eventually(lambda: shelf.line(SLOW_TO_LOAD).percent == 50.0)
    shelf.stop_loading(SLOW_TO_LOAD)
    eventually(lambda: state(shelf, SLOW_TO_LOAD) is PolicyState.IDLE)
    opening.hold.set()
    shelf.begin_loading(SLOW_TO_LOAD)
    eventually(lambda: state(shelf, SLOW_TO_LOAD) is PolicyState.READY)
    assert opening.opened == [SLOW_TO_LOAD]
    opening.broken[OTHER] = "There is no such checkpoint."
    shelf.begin_loading(OTHER)
    eventually(lambda: shelf.line(OTHER).words == "There is no such checkpoint.")


def test_a_policy_that_is_not_on_the_shelf_is_not_opened(shelf: PolicyShelf, opening: Opening) -> None:
    for ask in (shelf.line, shelf.begin_loading, shelf.stop_loading):
        with pytest.raises(NotFound, match="is not on the list"):
            ask("test/unknown")
    with pytest.raises(NotFound), shelf.lend("test/unknown", NEVER):
        pass
    assert opening.opened == []


def test_in_the_end_everything_is_closed_and_nothing_is_opened_any_more(shelf: PolicyShelf, opening: Opening) -> None:
    with shelf.lend(LOOKER, NEVER), shelf.lend(SERVER, NEVER):
        pass
    thread, raised = hold(shelf, SLOW_TO_LOAD, threading.Event())
    eventually(lambda: state(shelf, SLOW_TO_LOAD) is PolicyState.LOADING)
    shelf.close()
    shelf.close()
    thread.join(10)
    assert sorted(opening.closed) == sorted([LOOKER, SERVER]) and opening.opened == [LOOKER, SERVER]
    assert [type(error) for error in raised] == [Stopped]
    with pytest.raises(Stopped, match="is ending"), shelf.lend(LOOKER, NEVER):
        pass
