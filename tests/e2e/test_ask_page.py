"""Asking a model in the browser, over the real routes: a picture comes in, steps and zooms appear, runs are stopped, compared and kept."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.live_runs import LiveRuns
from tests.e2e.ask_world import BROKEN, COFFEE, HELD, HOSTILE, QUESTION, QUICK, SENTENCE, SLOW, AskWorld, give, opened, running, state
from tests.e2e.hostile_world import ALL, PAYLOADS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskWorld]:
    with running(tmp_path_factory.mktemp("asked")) as made:
        yield made


@pytest.fixture
def asked(page: Page, world: AskWorld) -> Page:
    """The page, with nothing asked yet."""
    return opened(page, world)


def ask(page: Page) -> None:
    page.keyboard.press("Control+Enter")


def done(page: Page) -> None:
    expect(state(page)).to_have_text("Done", timeout=20_000)


def number_of_runs(runs: LiveRuns) -> int:
    return len(runs.runs())


def test_the_time_that_is_left_is_an_estimate_a_bound_or_why_there_is_none(asked: Page) -> None:
    told = asked.evaluate(
        """async () => {
          const { figures } = await import('/ui/ask/words.js');
          const run = { samples: 1, ended: 0, tokens: 0, tokens_per_second: 0, seconds: 3, seconds_left: null, seconds_at_most: null };
          return [figures({ ...run, state: 'running' }), figures({ ...run, state: 'running', seconds_at_most: 130 }),
            figures({ ...run, state: 'running', seconds_left: 12 }), figures({ ...run, state: 'waiting' }), figures({ ...run, state: 'done' }),
          ].map((parts) => parts.at(-1) ?? null);
        }"""
    )
    assert told == ["no estimate until more is written", "at most 2 min 10 s left", "about 12 s left", None, "3 s"]


def test_steps_and_zooms_appear_while_the_model_speaks(asked: Page, world: AskWorld) -> None:
    give(asked, policy=SLOW, truth="a spoon")
    expect(asked.locator(".sc-picture")).to_have_js_property("naturalWidth", 600)
    ask(asked)
    expect(state(asked)).to_have_text("Running")
    # Before a turn has ended there is a bound, and no estimate.
    expect(asked.locator(".ak-run-words")).to_contain_text(re.compile(r"no estimate until more is written|at most [\w ]+ left"))
    # The text comes before the step is whole, and says who writes it.
    expect(asked.locator(".ak-text .sc-segment.is-model").first).to_contain_text("Turn 1 · Model")
    asked.locator(".sc-mark[data-step='0']").wait_for()
    newest = asked.locator(".sc-step:last-child.is-current")
    expect(newest).to_be_visible()
    # The zoom: a window on the picture, the very pixels below it, and the observation in the text.
    expect(asked.locator(".sc-look-picture").first).to_have_js_property("naturalWidth", 672)
    expect(asked.locator(".ak-text .is-observation").first).to_contain_text("Observation, by the environment")
    expect(asked.locator(".ak-run-words")).to_contain_text(re.compile(r"turn \d of at most 5 · \d+ tokens"))
    # The newest step is followed until a person chooses one, and again when they say so.
    expect(newest).to_be_visible()
    asked.locator(".sc-step[data-step='0'] .sc-step-pick").click()
    expect(asked.get_by_role("button", name="Newest")).to_have_attribute("aria-pressed", "false")
    expect(asked.locator(".sc-window.is-current")).to_be_visible()
    asked.locator(".sc-mark[data-step='3']").wait_for()
    expect(asked.locator(".sc-step.is-current")).to_have_attribute("data-step", "0")
    asked.keyboard.press("f")
    expect(newest).to_be_visible()
    # It is stopped in the middle of a sentence; what there is of it is kept.
    asked.keyboard.press("Escape")
    expect(state(asked)).to_have_text("Stopped")
    expect(asked.locator(".sc-summary .sc-stop")).to_have_text("A person stopped the run.")
    assert world.world.services.runs.runs()[0].rollouts[0].trace.steps[0].look is not None
    expect(asked.locator(".ak-run-words")).to_contain_text("1 trace in “asked”")


def test_what_was_asked_is_judged_kept_and_found_again_by_its_address(asked: Page, world: AskWorld) -> None:
    give(asked, truth="a spoon")
    asked.get_by_role("button", name="Ask Ctrl").click()
    done(asked)
    expect(asked.locator(".sc-answer.is-right")).to_contain_text("a spoon")
    expect(asked.locator(".sc-step")).to_have_count(5)
    stored = world.world.services.runs.runs()[0].stored[0][1]
    expect(asked.get_by_role("link", name="Open in Inspect")).to_have_attribute("href", f"{world.url}/?trace={stored.id}&in=asked")
    assert world.world.services.store.trace(stored.id).trace.sample.question == QUESTION
    assert re.search(r"\?run=[0-9a-f]+$", asked.url)
    asked.reload()
    expect(state(asked)).to_have_text("Done")
    expect(asked.locator(".sc-step")).to_have_count(5)
    # The same once more, with the next seed.
    asked.get_by_role("button", name="Ask again").click()
    asked.get_by_role("menuitem", name="With the next seed").click()
    expect(asked.locator(".sc-summary")).to_contain_text("seed 1", timeout=20_000)
    assert world.world.services.runs.runs()[0].asked.sample.truth.text == "a spoon"
    asked.go_back()
    expect(asked.locator(".sc-summary")).to_contain_text("seed 0")


def test_draws_stand_side_by_side_with_what_they_say_together(asked: Page) -> None:
    give(asked, samples=8, truth="a spoon")
    ask(asked)
    expect(asked.locator(".ak-card")).to_have_count(8)
    done(asked)
    expect(asked.locator(".ak-outcomes")).to_contain_text("6 of 8 answer “a spoon”; 54 % of 28 pairs agree.")
    expect(asked.locator(".ak-outcomes")).to_contain_text("6 of 8 right.")
    expect(asked.locator(".ak-passes li").first).to_have_text("75 %pass@1")
    expect(asked.locator(".ak-card.is-wrong")).to_have_count(2)
    fifth = asked.locator(".ak-card[data-draw='4']")
    expect(fifth).to_contain_text("a biscuit")
    expect(fifth).to_contain_text("5 steps · 2 looks · answered")
    expect(fifth.locator(".sc-mark")).to_have_count(4)
    fifth.get_by_role("button").click()
    expect(asked.locator(".sc-answer.is-wrong")).to_contain_text("a biscuit")
    asked.keyboard.press("]")
    expect(asked.get_by_role("button", name=re.compile("Draw 6"))).to_have_attribute("aria-pressed", "true")
    asked.keyboard.press("g")
    expect(asked.locator(".ak-card[data-draw='5'] .ak-card-pick")).to_be_focused()
    # One that was looked at can be compared with every other.
    link = asked.locator(".ak-card[data-draw='4']").get_by_role("link", name="Compare draw 5 with draw 6")
    expect(link).to_have_attribute("href", re.compile(r"trace=[0-9a-f]{64}&in=asked&compare=[0-9a-f]{64}$"))


def test_without_a_right_answer_that_is_said_in_words(asked: Page) -> None:
    give(asked, samples=2)
    ask(asked)
    done(asked)
    expect(asked.locator(".ak-outcomes")).to_contain_text("2 of 2 answer “a spoon”; 100 % of 1 pair agrees.")
    expect(asked.locator(".ak-outcomes")).to_contain_text("need the right answer: give it before asking")


def test_sixty_four_draws_at_once(asked: Page) -> None:
    give(asked, samples=64, truth="a spoon")
    ask(asked)
    expect(asked.locator(".ak-card")).to_have_count(64)
    # The page answers while they all speak.
    asked.locator(".ak-card-pick").nth(63).click()
    expect(asked.get_by_role("button", name=re.compile("Draw 64"))).to_have_attribute("aria-pressed", "true")
    asked.keyboard.press("g")
    done(asked)
    expect(asked.locator(".ak-passes li")).to_have_count(7)


def test_a_run_is_saved_to_a_study(asked: Page, world: AskWorld) -> None:
    services = world.world.services
    give(asked, question="What lies there, to be rated?")
    ask(asked)
    done(asked)
    before = services.studies.study(1).items
    asked.get_by_role("button", name="Save to a study").click()
    asked.get_by_role("button", name="Save", exact=True).click()
    expect(asked.locator(".sc-toast")).to_contain_text("4 steps of this run are asked now")
    assert services.studies.study(1).items == before + 4


def test_a_reload_keeps_the_form(asked: Page, world: AskWorld) -> None:
    give(asked, policy=SLOW, question="First line\nsecond line", samples=7, truth="blue")
    asked.get_by_label("Data set").fill("mine")
    asked.get_by_label("Domain", exact=True).select_option("spatial")
    asked.locator("summary", has_text="Settings").click()
    asked.get_by_label("Temperature").fill("0.8")
    asked.get_by_label("Seed", exact=True).fill("7")
    asked.reload()
    expect(asked.get_by_label("Question", exact=True)).to_have_value("First line\nsecond line")
    expect(asked.get_by_label("Samples")).to_have_value("7")
    expect(asked.get_by_label("Domain", exact=True)).to_have_value("spatial")
    expect(asked.get_by_label("Data set")).to_have_value("mine")
    expect(asked.get_by_label("Right answer (if it is known)")).to_have_value("blue")
    expect(asked.locator(f".ak-policy[data-reference='{SLOW}'] input")).to_be_checked()
    expect(asked.locator(".st-summary-words")).to_have_text("temperature 0.8 · seed 7")
    # Of the picture only its hash was kept: the server has it.
    expect(asked.locator(".ak-picture-name")).to_have_text("coffee.png")
    expect(asked.locator(".sc-picture")).to_have_js_property("naturalWidth", 600)
    asked.locator("summary", has_text="Settings").click()
    asked.get_by_role("button", name="Back to the paper’s").click()
    expect(asked.locator(".st-summary-words")).to_have_text("as in the paper")
    kept = asked.evaluate("localStorage.getItem('saccade-ask')")
    assert world.coffee in kept and len(kept) < 4_000


def _transfer(page: Page, name: str, kind: str, data: str) -> Locator:
    """A drop or a paste of a file with these bytes, as a browser makes it."""
    return page.evaluate_handle(
        """([name, kind, data]) => {
          const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, { type: kind }));
          return transfer;
        }""",
        [name, kind, data],
    )  # type: ignore[return-value]


def test_pictures_are_dropped_pasted_and_refused(asked: Page) -> None:
    coffee = base64.b64encode(COFFEE.read_bytes()).decode()
    asked.get_by_label("Question", exact=True).fill(QUESTION)
    transfer = _transfer(asked, "dropped één.png", "image/png", coffee)
    asked.locator(".ak-centre").dispatch_event("dragenter", {"dataTransfer": transfer})
    expect(asked.get_by_text("Drop the picture here")).to_be_visible()
    asked.locator(".ak-centre").dispatch_event("drop", {"dataTransfer": transfer})
    expect(asked.locator(".ak-picture")).to_contain_text("dropped één.png")
    expect(asked.locator(".ak-picture")).to_contain_text("600 × 400 px")
    expect(asked.get_by_text("Drop the picture here")).to_be_hidden()
    # A file that is no picture costs nothing: the sentence is the server's, the picture and the question stay.
    asked.locator("input[type=file]").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    expect(asked.locator(".ak-block .st-error").first).to_be_visible()
    expect(asked.locator(".ak-block .st-error").first).not_to_be_empty()
    expect(asked.locator(".ak-picture")).to_contain_text("dropped één.png")
    expect(asked.get_by_label("Question", exact=True)).to_have_value(QUESTION)
    pasted = _transfer(asked, "pasted.png", "image/png", coffee)
    asked.evaluate(
        "(data) => document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))", pasted
    )
    expect(asked.locator(".ak-picture")).to_contain_text("pasted.png")
    expect(asked.locator(".ak-block .st-error").first).to_be_hidden()


def test_a_stored_picture_comes_with_its_question(asked: Page) -> None:
    asked.get_by_role("button", name="From the store").first.click()
    asked.get_by_label("Search the stored pictures by their questions").fill("round patch")
    expect(asked.locator(".ak-shelf-pick")).to_have_count(1)
    asked.locator(".ak-shelf-pick").click()
    expect(asked.locator(".ak-picture-name")).to_have_text("astronaut.png")
    expect(asked.get_by_label("Question", exact=True)).to_have_value(re.compile("^Which name stands"))
    expect(asked.get_by_label("Right answer (if it is known)")).to_have_value("Hawley")


def test_what_is_missing_is_said_where_it_is_missing(asked: Page, world: AskWorld) -> None:
    before = number_of_runs(world.world.services.runs)
    ask(asked)
    expect(asked.get_by_text("Give a picture first.")).to_be_visible()
    give(asked, question=" ", samples=99)
    ask(asked)
    expect(asked.get_by_text("Type the question.")).to_be_visible()
    expect(asked.get_by_label("Question", exact=True)).to_be_focused()
    asked.get_by_label("Question", exact=True).fill(QUESTION)
    ask(asked)
    expect(asked.get_by_text("Samples: a whole number from 1 to 64.")).to_be_visible()
    asked.get_by_label("Samples").fill("2")
    asked.locator("summary", has_text="Settings").click()
    asked.get_by_label("Top-p").fill("7")
    asked.locator("summary", has_text="Settings").click()
    ask(asked)
    expect(asked.get_by_label("Top-p")).to_be_focused()
    assert number_of_runs(world.world.services.runs) == before


def test_a_policy_that_cannot_be_loaded_says_why_and_may_be_tried_again(asked: Page, world: AskWorld) -> None:
    give(asked, policy=BROKEN)
    ask(asked)
    expect(state(asked)).to_have_text("Failed")
    expect(asked.locator(".ak-run-words")).to_have_text(SENTENCE)
    row = asked.locator(f".ak-policy[data-reference='{BROKEN}']")
    expect(row).to_contain_text(SENTENCE)
    world.opening.mend.set()
    row.get_by_role("button", name="Try again").click()
    expect(row).to_contain_text("ready")
    asked.get_by_role("button", name="Ask again").click()
    asked.get_by_role("menuitem", name="With the same seed").click()
    done(asked)
    world.opening.mend.clear()


def test_loading_is_told_and_another_visitor_goes_on_meanwhile(asked: Page, world: AskWorld, browser: Browser) -> None:
    give(asked, policy=HELD)
    ask(asked)
    expect(state(asked)).to_have_text("Loading the model")
    expect(asked.locator(".ak-run-words")).to_contain_text("40 %")
    expect(asked.locator(".ak-policy[data-state='loading']")).to_contain_text("40 % · shard 2 of 5 is read")
    # Somebody else sees that it loads, leaves it alone, and replays a recorded run, which needs no model.
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    other = opened(context.new_page(), world)
    expect(other.locator(".ak-policy[data-state='loading']")).to_contain_text("40 %")
    other.get_by_role("tab", name="Recent runs").click()
    other.locator(".ak-run-row").first.click()
    expect(state(other)).to_have_text("Loading the model")
    # One of them stops it, and both see that.
    asked.keyboard.press("Escape")
    expect(state(asked)).to_have_text("Stopped")
    expect(state(other)).to_have_text("Stopped")
    context.close()


def test_two_visitors_watch_the_same_run(asked: Page, world: AskWorld, browser: Browser) -> None:
    give(asked, policy=SLOW, question="What do two people see?")
    ask(asked)
    expect(state(asked)).to_have_text("Running")
    context = browser.new_context(viewport={"width": 900, "height": 900})
    other = context.new_page()
    opened(other, world, f"?{asked.url.partition('?')[2]}")
    for page in (asked, other):
        page.locator(".sc-mark[data-step='0']").wait_for()
    # Whoever leaves does not end it.
    asked.goto("about:blank")
    before = other.locator(".ak-run-words").inner_text()
    expect(other.locator(".ak-run-words")).not_to_have_text(before)
    # The key that stops is for one's own runs; the button is for everybody.
    other.keyboard.press("Escape")
    before = other.locator(".ak-run-words").inner_text()
    expect(other.locator(".ak-run-words")).not_to_have_text(before)
    expect(state(other)).to_have_text("Running")
    other.get_by_role("button", name="Stop").click()
    expect(state(other)).to_have_text("Stopped")
    context.close()


def test_a_lost_connection_is_said_and_taken_up_again(asked: Page) -> None:
    give(asked, policy=SLOW)
    asked.route("**/events?*", lambda route: route.abort())
    ask(asked)
    expect(asked.get_by_text("The connection is lost; the run goes on.")).to_be_visible()
    asked.unroute("**/events?*")
    asked.locator(".sc-mark[data-step='0']").wait_for()
    expect(asked.locator(".ak-lost")).to_be_empty()
    asked.keyboard.press("Escape")
    expect(state(asked)).to_have_text("Stopped")


def test_a_server_that_began_anew_says_that_the_run_is_gone(asked: Page) -> None:
    give(asked, policy=SLOW)
    ask(asked)
    asked.locator(".sc-mark[data-step='0']").wait_for()
    run = asked.url.rpartition("=")[2]
    words = "There is no run any more."
    asked.route(f"**/api/runs/{run}*", lambda route: route.fulfill(status=404, json={"error": words}))
    asked.route("**/events?*", lambda route: route.fulfill(status=404, json={"error": words}))
    # The page is left and found again: the connection is made anew, and refused.
    asked.evaluate("document.querySelector('#saccade-ask').style.display = 'none'")
    asked.evaluate("new Promise((done) => setTimeout(done, 200))")
    asked.evaluate("document.querySelector('#saccade-ask').style.display = ''")
    expect(asked.locator(".ak-lost")).to_have_text(words)
    # What was seen of it is still there.
    expect(asked.locator(".sc-mark[data-step='0']")).to_be_visible()
    asked.unroute_all()
    asked.request.delete(f"{asked.url.partition('/ask')[0]}/api/runs/{run}")


def test_a_run_that_is_no_longer_kept_is_said_to_be_gone(page: Page, world: AskWorld) -> None:
    opened(page, world, "?run=0123456789abcdef")
    expect(page.locator(".sc-toast")).to_contain_text("There is no run")
    expect(page.get_by_text("Ask a model, and watch where it looks")).to_be_visible()
    assert "run=" not in page.url


def test_what_a_model_writes_is_text(asked: Page) -> None:
    give(asked, policy=HOSTILE, question=f"{ALL[:3000]} ?", samples=2, truth=PAYLOADS[3])
    ask(asked)
    done(asked)
    asked.locator(".ak-card-pick").first.click()
    expect(asked.locator(".sc-step-text").first).to_contain_text("<img src=x onerror=window.__xss=3> stands here")
    asked.locator(".sc-demand.is-raw > summary").click()
    expect(asked.locator(".sc-raw").first).to_contain_text("<script>window.__xss=1</script>")
    asked.get_by_role("tab", name="Recent runs").click()
    expect(asked.locator(".ak-run-row .sc-row-question").first).to_contain_text("<script>")
    assert asked.evaluate("window.__xss") is None
    assert asked.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_with_no_model_the_page_says_what_to_do_and_replays(page: Page, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("none"), named=()) as bare:
        opened(page, bare)
        words = page.get_by_role("region", name="No model is at hand")
        expect(words).to_contain_text("python3 launch.py --policy Qwen/Qwen2.5-VL-3B-Instruct")
        expect(words).to_contain_text("python3 launch.py doctor")
        page.get_by_role("button", name="Replay a recorded run").click()
        expect(page.locator(".ak-run")).to_contain_text("recorded run: no model is running")
        page.locator(".sc-mark[data-step='0']").wait_for()
        expect(page.locator(".sc-look-picture").first).to_be_visible()
        # What it can be asked is listed; how a model is named stays a click away.
        assert page.get_by_label("Recorded question").locator("option").count() > 4
        page.keyboard.press("Escape")
        expect(state(page)).to_have_text("Stopped")
        page.get_by_role("button", name="What to do").click()
        expect(words).to_be_visible()
        # One that is added is there to be asked.
        page.locator("summary", has_text="Add a policy").click()
        page.get_by_label("A policy by hub name, folder or server address").fill(QUICK)
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(f".ak-policy[data-reference='{QUICK}'] input")).to_be_checked()
        expect(words).to_be_hidden()
