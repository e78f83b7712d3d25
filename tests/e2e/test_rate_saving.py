"""Nothing is lost: failures stay visible and are tried again, reloads and restarts bring everything back, and nothing is sent twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.e2e.rate_fixture import RateServer
from tests.e2e.rate_viewing import Rate

pytestmark = pytest.mark.browser

UNSAVED = re.compile(r"1 rating not saved yet, trying again")


@pytest.fixture
def leaving(context: BrowserContext, _rate_server: RateServer) -> Iterator[tuple[Rate, list[str]]]:
    """A page on which asking before leaving is no trouble: the questions are collected, and the page is left."""
    _rate_server.renew()
    page, asked = context.new_page(), []

    def ask(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.accept()  # type: ignore[attr-defined]

    page.on("dialog", ask)
    yield Rate(page, _rate_server), asked


def writes(rate: Rate, path: str) -> int:
    return sum(written == path for _, written, _ in rate.world.writes)


def local_clock(page: Page, moment: str) -> str:
    found: str = page.evaluate("iso => new Date(iso).toLocaleTimeString('en-GB')", moment)
    return found


def test_saved_is_said_only_when_it_is_and_at_its_time(rate: Rate) -> None:
    rate.world.delay = 1.0
    rate.open()
    rate.rate("y", "4")
    expect(rate.status()).to_have_text("Saving trace 1, step 1…")
    assert rate.world.ratings == []
    expect(rate.status()).to_have_text(re.compile(r"Trace 1, step 1 saved \d\d:\d\d:\d\d"))
    at = rate.world.ratings[0]["at"]
    assert datetime.fromisoformat(at)
    assert rate.status().inner_text().endswith(local_clock(rate.page, at))


def test_a_failure_stays_in_sight_while_one_goes_on(rate: Rate) -> None:
    rate.world.failing = "/api/rating/ratings"
    rate.open()
    rate.rate("y", "1")
    expect(rate.status()).to_contain_text(UNSAVED)
    expect(rate.status()).to_contain_text("The database is being restored. Go on: nothing is lost.")
    rate.rate("n", "2")
    expect(rate.status()).to_contain_text("2 ratings not saved yet")
    rate.press("y")
    rate.world.failing = ""
    rate.press("t")
    rate.saved(2)
    assert rate.chosen() == ["yes"], "what is being judged is not disturbed"
    assert [one["answers"]["helpful"] for one in rate.given()] == ["1", "2"]


def test_the_server_is_away_and_comes_back(rate: Rate) -> None:
    rate.open()
    rate.server.stop()
    # Two more steps have been fetched ahead.
    rate.rate("y", "1")
    rate.rate("n", "2")
    rate.press("u", "3")
    expect(rate.at(".rt-waiting")).to_contain_text("The next step could not be fetched. The server does not answer.")
    expect(rate.status()).to_contain_text("3 ratings not saved yet")
    rate.server.start()
    rate.wait()
    rate.saved(3)
    expect(rate.step()).to_have_text("Trace 2 of 3 · step 1 of 2")
    assert [one["answers"]["helpful"] for one in rate.given()] == ["1", "2", "3"]


def test_the_server_is_killed_in_the_middle_of_a_step(rate: Rate) -> None:
    rate.open()
    rate.press("n", "c")
    rate.page.keyboard.type("left of")
    rate.server.stop()
    rate.page.keyboard.type(" the cup")
    rate.press("Escape", "m", "ArrowLeft", "Escape")
    rate.server.start()
    rate.until(lambda: rate.world.drafts)
    rate.page.reload()
    rate.wait()
    assert rate.chosen() == ["no"]
    rate.rate("2")
    rate.saved(1)
    assert rate.given()[0]["comment"] == "left of the cup"
    assert rate.given()[0]["correction"]["point"] == {"x": 299, "y": 190}


def test_an_answer_that_is_lost_on_its_way_gives_one_rating(rate: Rate) -> None:
    rate.world.dropping = 2
    rate.open()
    rate.rate("y", "5")
    expect(rate.status()).to_contain_text("not saved yet")
    rate.press("t")
    rate.until(lambda: writes(rate, "/api/rating/ratings") >= 3)
    rate.saved(1)
    assert len({body["token"] for _, path, body in rate.world.writes if path == "/api/rating/ratings"}) == 1


def test_pressing_twice_gives_one_rating(rate: Rate) -> None:
    rate.open()
    rate.press("y", "5", "5", "Enter", "Enter")
    rate.saved(1)
    assert rate.given()[0]["answers"] == {"accurate": "yes", "helpful": "5"}


def test_a_refused_rating_is_kept_until_somebody_decides(rate: Rate) -> None:
    rate.world.refusing = "The study asks no question called 'helpful'."
    rate.open()
    first = rate.sentence()
    rate.rate("n", "5")
    trouble = rate.at(".rt-trouble:visible")
    expect(trouble).to_contain_text("Trace 1, step 1 was not taken. The study asks no question called 'helpful'.")
    rate.page.reload()
    rate.wait()
    expect(trouble).to_be_visible()
    rate.world.refusing = ""
    trouble.get_by_role("button", name="Open it again").click()
    expect(rate.at(".rt-words .rt-sentence")).to_have_text(first)
    assert rate.chosen() == ["no", "5"]
    expect(trouble).to_be_hidden()
    rate.press("Enter")
    rate.saved(1)


def test_a_refused_rating_is_thrown_away_only_when_one_is_sure(rate: Rate) -> None:
    rate.world.refusing = "No."
    rate.open()
    rate.rate("n", "5")
    trouble = rate.at(".rt-trouble:visible")
    trouble.get_by_role("button", name="Discard").click()
    expect(trouble).to_be_visible()
    trouble.get_by_role("button", name="Really discard?").click()
    expect(trouble).to_be_hidden()
    rate.page.reload()
    rate.wait()
    expect(trouble).to_be_hidden()


def test_leaving_asks_first_only_while_something_is_unsaved_and_it_is_sent_after_the_reload(leaving: tuple[Rate, list[str]]) -> None:
    rate, asked = leaving
    rate.open()
    rate.rate("y", "1")
    rate.saved(1)
    rate.page.reload()
    rate.wait()
    assert asked == []
    rate.world.failing = "/api/rating/ratings"
    rate.rate("n", "2")
    expect(rate.status()).to_contain_text(UNSAVED)
    rate.page.reload()
    rate.wait()
    assert asked == ["beforeunload"]
    expect(rate.step()).to_have_text("Trace 1 of 3 · step 3 of 3")
    expect(rate.status()).to_contain_text(UNSAVED)
    rate.world.failing = ""
    rate.press("t")
    rate.saved(2)


def test_two_tabs_share_what_is_unsaved_and_send_it_once(leaving: tuple[Rate, list[str]]) -> None:
    rate, _ = leaving
    rate.world.failing = "/api/rating/ratings"
    rate.open()
    other = rate.another_tab()
    rate.press("y", "1")
    expect(other.status()).to_contain_text("1 rating not saved yet")
    expect(other.at(".sc-toast")).to_have_text("This step was rated in another tab.")
    expect(other.step()).to_have_text("Trace 1 of 3 · step 2 of 3")
    rate.world.failing = ""
    rate.press("t")
    other.press("t")
    expect(other.status()).to_contain_text("Trace 1, step 1 saved")
    expect(rate.status()).to_contain_text("Trace 1, step 1 saved")
    assert len(rate.world.ratings) == 1
    assert len({body["token"] for _, path, body in rate.world.writes if path == "/api/rating/ratings"}) == 1


def test_a_tab_sends_what_a_closed_one_could_not(leaving: tuple[Rate, list[str]]) -> None:
    rate, _ = leaving
    rate.world.failing = "/api/rating/ratings"
    rate.open()
    other = rate.another_tab()
    rate.press("y", "1")
    expect(rate.status()).to_contain_text(UNSAVED)
    rate.page.close()
    rate.world.failing = ""
    expect(other.status()).to_contain_text("Trace 1, step 1 saved")
    assert len(rate.world.ratings) == 1


def test_a_session_that_ends_costs_nothing(rate: Rate) -> None:
    rate.world.passwords = {"r07": "open sesame"}
    rate.open()
    # What is asked for behind the first step would open the dialog as well, before the second key is pressed.
    rate.idle()
    rate.world.sessions.clear()
    rate.press("y", "2")
    dialog = rate.page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_contain_text("Nothing is lost")
    rate.page.keyboard.type("wrong")
    rate.press("Enter")
    expect(dialog).to_contain_text("Name and password do not fit together.")
    rate.page.keyboard.type("open sesame")
    rate.press("Enter")
    expect(dialog).to_be_hidden()
    rate.saved(1)
    rate.rate("n", "3")
    rate.saved(2)


@pytest.mark.parametrize("late", ["**/api/rating/ratings", "**/api/rating/studies/*/next", "**/api/session"])
def test_an_answer_from_before_the_sign_in_asks_for_no_other(rate: Rate, late: str) -> None:
    rate.world.passwords = {"r07": "open sesame"}
    rate.open()
    rate.rate("y", "2")
    rate.saved(1)
    rate.idle()
    held: list[Route] = []
    signing = "/api/session"

    def hold(route: Route) -> None:
        if held or (route.request.method == "POST" and route.request.url.endswith(signing)):
            route.continue_()
        else:
            held.append(route)

    rate.page.route(late, hold)
    rate.world.sessions.clear()
    if late.endswith(signing):
        rate.page.evaluate("dispatchEvent(new Event('focus'))")
    rate.press("n", "3")
    dialog = rate.page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_be_visible()
    rate.until(lambda: held)
    rate.page.keyboard.type("open sesame")
    rate.press("Enter")
    expect(dialog).to_be_hidden()
    if late.endswith(signing):
        held[0].fulfill(json={"rater": None, "guarded": True, "remembered": []})
    else:
        held[0].fulfill(status=401, json={"error": "Sign in first."})
    rate.saved(2)
    rate.rate("y", "4")
    rate.saved(3)
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("kept", ["in the browser", "on the server"])
def test_what_was_begun_comes_back(rate: Rate, kept: str) -> None:
    rate.open()
    rate.press("u", "b", "ArrowUp", "Escape", "c")
    rate.page.keyboard.type("Hard to say.")
    rate.press("Escape", "s", "Tab", "Tab", "Tab", "Tab")
    rate.page.keyboard.type("perhaps")
    if kept == "on the server":
        rate.until(lambda: [one for one in rate.world.drafts.values() if one["content"]["reason"] == "perhaps"])
        rate.page.evaluate("for (const name of Object.keys(localStorage)) if (name.includes('/draft/')) localStorage.removeItem(name)")
    rate.page.reload()
    rate.wait()
    assert rate.chosen() == ["unsure"]
    expect(rate.at(".rt-mark.is-box")).to_be_visible()
    expect(rate.page.get_by_label("Comment")).to_have_value("Hard to say.")
    rate.press("s")
    expect(rate.page.get_by_label("Another reason")).to_have_value("perhaps")
    rate.press("Escape", "1")
    rate.saved(1)
    assert rate.given()[0]["comment"] == "Hard to say."
    assert not rate.world.drafts


@pytest.mark.own_profile
def test_what_is_typed_without_a_pause_reaches_the_server(rate: Rate) -> None:
    rate.open()
    rate.press("c")
    rate.still()

    def comment() -> str:
        return "".join(draft["content"]["comment"] for draft in rate.world.drafts.values())

    for typed in ("abc", "def"):
        before = comment()
        for letter in typed:
            rate.press(letter)
            rate.page.clock.run_for(140)
        assert comment() == before
        rate.page.clock.run_for(40)
        rate.until(lambda before=before, typed=typed: comment() == before + typed)


def test_the_newer_draft_wins(rate: Rate) -> None:
    rate.open()
    rate.press("y")
    rate.until(lambda: rate.world.drafts)
    ((key, draft),) = rate.world.drafts.items()
    rate.world.drafts[key] = {
        "sequence": draft["sequence"] + 1,
        "content": draft["content"] | {"answers": {"accurate": "no"}, "comment": "from elsewhere"},
    }
    rate.page.reload()
    rate.wait()
    assert rate.chosen() == ["no"]
    rate.world.drafts[key] = {"sequence": 1, "content": {"answers": {"accurate": "unsure"}}}
    rate.press("3")
    rate.saved(1)
    assert rate.given()[0]["answers"] == {"accurate": "no", "helpful": "3"}


def test_a_rating_is_taken_back_before_it_was_ever_sent(rate: Rate) -> None:
    rate.open()
    rate.server.stop()
    rate.rate("y", "1")
    expect(rate.status()).to_contain_text("1 rating not saved yet")
    rate.rate("n", "2")
    rate.press("z")
    expect(rate.step()).to_have_text("Trace 1 of 3 · step 2 of 3")
    assert rate.chosen() == ["no", "2"]
    expect(rate.status()).to_contain_text("1 rating not saved yet")
    rate.press("z")
    expect(rate.step()).to_have_text("Trace 1 of 3 · step 1 of 3")
    rate.press("u")
    rate.server.start()
    rate.press("t")
    rate.until(lambda: [row["kind"] for row in rate.world.ratings] == ["rated", "withdrawn"])
    rate.rate("Enter")
    rate.until(lambda: len(rate.world.ratings) == 3)
    assert rate.world.ratings[2]["judgement"]["answers"] == {"accurate": "unsure", "helpful": "1"}


def test_a_rating_that_is_taken_back_and_then_refused_leaves_the_former_one_alone(rate: Rate) -> None:
    rate.open()
    rate.rate("y", "1")
    rate.saved(1)
    held: list[Route] = []
    rate.page.route("**/api/rating/ratings", lambda route: held.append(route))
    rate.rate("n", "2")
    rate.until(lambda: held)
    rate.press("z")
    expect(rate.step()).to_have_text("Trace 1 of 3 · step 2 of 3")
    held[0].fulfill(status=409, json={"error": "The study is closed."})
    rate.until(lambda: not rate.page.evaluate("Object.keys(localStorage).some(name => name.includes('/outbox/'))"))
    assert [row["kind"] for row in rate.world.ratings] == ["rated"]
    assert not writes(rate, "/api/rating/studies/1/undo")
    expect(rate.at(".rt-trouble:visible")).to_have_count(0)
    assert rate.chosen() == ["no", "2"]
    rate.page.unroute("**/api/rating/ratings")
    rate.press("Enter")
    rate.saved(2)


@pytest.mark.parametrize("decided", [False, True])
def test_what_was_refused_is_not_what_is_taken_back(rate: Rate, decided: bool) -> None:
    rate.open()
    rate.rate("y", "1")
    rate.saved(1)
    rate.world.refusing = "No."
    rate.rate("n", "2")
    trouble = rate.at(".rt-trouble:visible")
    expect(trouble).to_contain_text("Trace 1, step 2 was not taken.")
    if decided:
        trouble.get_by_role("button", name="Discard").click()
        trouble.get_by_role("button", name="Really discard?").click()
        expect(trouble).to_be_hidden()
    rate.press("z")
    expect(rate.step()).to_have_text("Trace 1 of 3 · step 1 of 3")
    assert rate.chosen() == ["yes", "1"]
    rate.until(lambda: [row["kind"] for row in rate.world.ratings] == ["rated", "withdrawn"])
    assert rate.world.ratings[1]["item"] == rate.world.ratings[0]["item"]


def test_another_person_s_unsaved_ratings_wait_for_them(leaving: tuple[Rate, list[str]]) -> None:
    rate, _ = leaving
    rate.world.failing = "/api/rating/ratings"
    rate.open()
    rate.rate("y", "1")
    expect(rate.status()).to_contain_text(UNSAVED)
    rate.page.get_by_role("button", name="More").click()
    rate.page.get_by_role("menuitem", name="Rate under another name").click()
    rate.at(".rt-form input").wait_for()
    rate.world.failing = ""
    rate.page.keyboard.type("r08")
    rate.press("Enter")
    expect(rate.at(".rt-page h2")).to_have_text("How to rate")
    rate.press("Enter")
    rate.wait()
    rate.rate("n", "5")
    rate.saved(1)
    assert [row["rater"] for row in rate.world.ratings] == ["r08"]
    rate.page.get_by_role("button", name="More").click()
    rate.page.get_by_role("menuitem", name="Rate under another name").click()
    rate.page.get_by_role("button", name="r07").click()
    rate.until(lambda: [row["rater"] for row in rate.world.ratings] == ["r08", "r07"])


def test_nothing_is_sent_in_the_name_of_somebody_else(leaving: tuple[Rate, list[str]]) -> None:
    rate, _ = leaving
    rate.world.failing = "/api/rating/ratings"
    rate.open()
    rate.rate("y", "1")
    expect(rate.status()).to_contain_text(UNSAVED)
    # In another tab somebody signs in under another name: the tabs share their cookie.
    rate.page.context.request.post(f"{rate.server.url}/api/session", data={"name": "r08"})
    rate.world.failing = ""
    dialog = rate.page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_be_visible()
    assert rate.world.ratings == []
    rate.press("Enter")
    rate.saved(1)
    assert rate.world.ratings[0]["rater"] == "r07"
