"""Servers that are busy, break off, send on, ask for a key or tell their tokens: over a real connection, by script."""

from __future__ import annotations

import json
import logging
import pickle
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core.errors import PolicyError, PolicyNotFound
from core.frames import FrameKind
from core.policies.conversation import Completion, Failed, Finish, Role, Said, Wrote
from core.policies.opening import LoadProgress
from core.policies.protocol import Policy
from core.policies.server import Limits, open_server
from tests.core.policies.scripted_server import CUT, Answer, Asked, ScriptedServer, chunk, says, scripted
from tests.core.policies.server_asking import QUICK, Options, ask, failure, request, shown, until_ended

QWEN = "Qwen/Qwen2.5-VL-3B-Instruct"
SECRET = "sk-very-secret-4711"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SACCADE_API_KEY", "OPENAI_API_KEY", "SACCADE_API_KEY_127_0_0_1"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted() as server:
        yield server


@contextmanager
def opened(server: ScriptedServer, model: str | None = None, options: Options | None = None, limits: Limits = QUICK) -> Iterator[Policy]:
    policy = open_server(server.url, model, options or Options(), limits=limits)
    try:
        yield policy
    finally:
        policy.close()


def test_a_vllm_server_is_recognised_and_its_card_says_all(server: ScriptedServer) -> None:
    with opened(server) as policy:
        card = policy.card
    assert (card.name, card.space, card.factor, card.context) == (QWEN, FrameKind.RESIZED, 28, 4096)
    assert card.details["server"] == "vLLM"
    assert card.details["version"] == "0.11.0"
    assert card.details["address"] == server.url
    assert card.details["at_once"] == 16
    assert server.asked == []


def test_ids_and_logprobs_are_told_where_the_server_tells_them(server: ScriptedServer) -> None:
    def logprobs(value: float) -> dict[str, object]:
        return {"content": [{"token": "token_id:1", "logprob": value, "top_logprobs": []}]}

    server.script(
        Answer(
            stream=(
                chunk("", prompt=[1, 2, 3], delta={"role": "assistant", "content": ""}),
                chunk("<think> a", token_ids=[11], logprobs=logprobs(-0.5)),
                chunk("</think>", token_ids=[12], logprobs=logprobs(-0.25)),
                chunk("", finish="stop", token_ids=[13], logprobs=logprobs(-0.125)),
                "[DONE]",
            )
        )
    )
    with opened(server) as policy:
        (completion,) = ask(policy, request())
    assert completion == Completion("<think> a</think>", Finish.END, (11, 12, 13), (-0.5, -0.25, -0.125), (1, 2, 3), 0)
    assert server.asked[0].body["return_token_ids"] is True
    assert server.asked[0].body["logprobs"] is True


def test_what_stands_between_two_turns_is_told_as_the_context_of_the_second(server: ScriptedServer) -> None:
    first = says("one", token_ids=[11])
    server.script(
        Answer(stream=(chunk("", prompt=[1, 2]), *(first.stream or ()))),
        Answer(stream=(chunk("", prompt=[1, 2, 11, 5, 6]), *(first.stream or ()))),
        Answer(stream=(chunk("", prompt=[1, 9, 9, 9, 9, 9]), *(first.stream or ()))),
    )
    said = request("Where?").messages
    with opened(server) as policy, policy.session() as session:
        completions = []
        for messages in (said, (*said, Said(Role.ASSISTANT, ("one",))), (*said, Said(Role.ASSISTANT, ("one",)))):
            session.submit(0, request("More?", before=messages) if messages is not said else request("Where?"))
            completions.append(until_ended(session, [0])[0][-1].completion)  # type: ignore[union-attr]
    # The third prompt does not go on where the second stood: the server cut it into other tokens, so nothing is claimed.
    assert [completion.context_ids for completion in completions] == [(1, 2), (5, 6), None]


def test_a_prefix_is_continued_and_its_tokens_are_counted(server: ScriptedServer) -> None:
    server.others["/tokenize"] = lambda body: {"tokens": [8, 9], "count": 2}
    server.script(Answer(stream=(chunk("", prompt=[1, 8, 9]), chunk(" blue </answer>", token_ids=[4]))))
    with opened(server) as policy:
        (completion,) = ask(policy, request(prefix="<think> So. </think>\n<answer>"))
    assert completion == Completion(" blue </answer>", Finish.STOP, (4,), None, (1, 8, 9), 2)
    body = server.asked[0].body
    assert body["messages"][-1] == {"role": "assistant", "content": "<think> So. </think>\n<answer>"}
    assert body["continue_final_message"] is True
    assert body["add_generation_prompt"] is False


@pytest.mark.parametrize(
    "written", [" blue </answer> and so on", "<answer> blue </answer>", "<think> Hm. </think>\n<answer> blue </answer>x"]
)
def test_where_nothing_is_continued_the_answer_is_demanded(server: ScriptedServer, written: str) -> None:
    server.models = {"data": [{"id": QWEN, "owned_by": "somebody"}]}
    server.script(says(*[written[start : start + 3] for start in range(0, len(written), 3)]))
    with opened(server) as policy:
        (completion,) = ask(policy, request("Where?", picture=shown(), prefix="<think> So. </think>\n<answer>"))
        assert "demanded" in policy.card.details["prefix"]
    assert completion.text == " blue </answer>"
    assert completion.finish is Finish.STOP
    assert [message["role"] for message in server.asked[0].body["messages"]] == ["user"]
    assert "final answer" in str(server.asked[0].body["messages"])


def test_pictures_travel_without_loss(server: ScriptedServer) -> None:
    import base64
    import io

    from PIL import Image

    picture = shown("x", (56, 84), "teal")
    picture.image.putpixel((3, 4), (1, 2, 3))
    with opened(server) as policy:
        ask(policy, request(picture=picture))
    url = server.asked[0].body["messages"][0]["content"][0]["image_url"]["url"]
    assert url.startswith("data:image/png;base64,")
    sent = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    assert sent.tobytes() == picture.image.tobytes()


def test_a_server_that_resizes_once_more_is_found_out(server: ScriptedServer) -> None:
    server.script(Answer(stream=(chunk("", prompt=[1, *[151655] * 6, 2]), chunk("x", finish="stop"))))
    with opened(server) as policy:
        assert "resized" in str(failure(policy, request(picture=shown(size=(112, 84)))).error)
        ask(policy, request(picture=shown("other", size=(84, 56))))


def test_extras_that_an_unknown_server_refuses_are_left_out_from_then_on(server: ScriptedServer) -> None:
    server.models = {"data": [{"id": QWEN}]}

    def strict(count: int, asked: Asked) -> Answer:
        extra = set(asked.body) & {"top_k", "logprobs", "return_token_ids", "repetition_penalty"}
        return Answer(400, {"error": {"message": f"Unrecognized request arguments: {sorted(extra)}"}}) if extra else says("Yes.")

    server.answer = strict
    with opened(server) as policy:
        assert [completion.text for completion in ask(policy, request())] == ["Yes."]
        assert [completion.text for completion in ask(policy, request())] == ["Yes."]
        assert policy.card.details["dialect"] == "OpenAI protocol alone"
    assert len(server.asked) == 3


def test_a_template_that_cannot_be_continued_is_asked_in_words_and_the_tokens_stay(server: ScriptedServer) -> None:
    refusal = "continue_final_message is set but the final message does not appear in the chat after applying the chat template!"
    server.script(Answer(400, {"error": {"message": refusal}}), says("<answer> b </answer>", token_ids=[1]), says("c", token_ids=[1]))
    with opened(server) as policy:
        assert ask(policy, request(prefix="<think> So. </think>\n<answer>"))[0].text == " b </answer>"
        assert "demanded" in str(policy.card.details["prefix"])
        assert ask(policy, request())[0].ids == (1,)
    assert "final answer" in str(server.asked[1].body["messages"])


def test_opening_can_be_stopped(server: ScriptedServer) -> None:
    server.models, server.routes = None, {"paths": {"/load_model": {}, "/v1/chat/completions": {}}}
    loading = {"status": "loading", "stage": "download", "progress": {"current": 5, "total": 20}}
    server.others |= {"/load_model": Answer(stream=(json.dumps(loading), 5.0)), "/health": {}}
    server.script(Answer(500, "no model"))
    stop, news = threading.Event(), []

    def tell(progress: LoadProgress) -> None:
        news.append(progress)
        stop.set()

    with pytest.raises(PolicyError, match="stopped"):
        open_server(server.url, QWEN, Options(), limits=QUICK, progress=tell, stop=stop)
    assert news == [LoadProgress("The server downloads the model", 5, 20)]


def test_a_busy_server_is_asked_again_when_it_wants_to_be(server: ScriptedServer) -> None:
    server.script(Answer(429, {"error": {"message": "slow down"}}, {"Retry-After": "0.3"}), Answer(503, "busy"), says("Now."))
    with opened(server) as policy:
        assert ask(policy, request())[0].text == "Now."
    first, second, _ = server.asked
    assert second.at - first.at >= 0.3


def test_a_failure_inside_the_server_is_tried_a_few_times_and_then_told(server: ScriptedServer) -> None:
    server.script(Answer(500, {"error": {"message": "CUDA error: " + "x" * 900}}))
    with opened(server) as policy:
        failed = failure(policy, request())
        assert len(server.asked) == 3
        assert "status 500" in str(failed.error)
        assert "CUDA error" in str(failed.error)
        assert len(str(failed.error)) < 450
        server.script(Answer(500, "oh"), says("Again."))
        server.asked.clear()
        assert ask(policy, request())[0].text == "Again."


def test_a_connection_that_breaks_before_the_first_word_is_tried_again(server: ScriptedServer) -> None:
    server.script(Answer(stream=(CUT,)), says("Whole."))
    with opened(server) as policy:
        assert ask(policy, request())[0].text == "Whole."


def test_a_stream_that_breaks_off_fails_and_keeps_what_was_written(server: ScriptedServer) -> None:
    server.script(Answer(stream=(chunk("Half a "), chunk("sent"), CUT)), says("Next."))
    with opened(server) as policy:
        failed = failure(policy, request())
        assert "broke off" in str(failed.error)
        assert failed.partial == "Half a sent"
        assert ask(policy, request())[0].text == "Next."


@pytest.mark.parametrize("last", ['{"error": "a "quoted" word"}', '{"error": {"message": "no memory left"}}', '{"error": "out of work"}'])
def test_an_error_inside_of_a_stream_is_told(server: ScriptedServer, last: str) -> None:
    server.script(Answer(stream=(chunk("Half"), last)))
    with opened(server) as policy:
        failed = failure(policy, request())
    assert failed.partial == "Half"
    assert any(words in str(failed.error) for words in ("quoted", "no memory left", "out of work"))


def test_a_stream_in_large_pieces_is_cut_at_the_stop_text_all_the_same(server: ScriptedServer) -> None:
    server.script(says("<think> a </think>\n<answer> b </answer>\nand on", " and on", token_ids=[1, 2, 3]))
    with opened(server) as policy:
        (completion,) = ask(policy, request())
    assert completion.text == "<think> a </think>\n<answer> b </answer>"
    assert (completion.finish, completion.ids) == (Finish.STOP, None)


def test_a_cancelled_turn_closes_its_stream_at_once_and_is_not_heard_of_again(server: ScriptedServer) -> None:
    server.script(Answer(stream=tuple(piece for _ in range(2000) for piece in (chunk("on "), 0.01))))
    with opened(server) as policy, policy.session() as session:
        session.submit(0, request(stop=()))
        assert any(isinstance(event, Wrote) for event in session.events(20))
        session.cancel(0)
        assert server.left.wait(10)
        assert session.events(0.05) == ()
        server.script(says("Next."))
        session.submit(0, request())
        assert until_ended(session, [0])[0][-1].completion.text == "Next."  # type: ignore[union-attr]


def test_what_had_come_of_a_cancelled_turn_is_not_told_any_more(server: ScriptedServer) -> None:
    server.script(Answer(stream=(*[chunk("old ") for _ in range(50)], 5.0)), says("New."), says("New."))
    with opened(server) as policy, policy.session() as session:
        session.submit(0, request(stop=()))
        assert session.events(20)
        # While another session is answered, the rest of the first turn comes in.
        ask(policy, request())
        session.cancel(0)
        session.submit(0, request())
        heard = until_ended(session, [0])[0]
    assert [event.text for event in heard if isinstance(event, Wrote)] == ["New."]


def test_a_closed_policy_fails_what_runs_and_can_be_asked_nothing_more(server: ScriptedServer) -> None:
    server.script(Answer(stream=tuple(piece for _ in range(2000) for piece in (chunk("on "), 0.01))))
    policy = open_server(server.url, None, Options(), limits=QUICK)
    session = policy.session()
    session.submit(0, request(stop=()))
    assert session.events(20)
    policy.close()
    policy.close()
    last = until_ended(session, [0])[0][-1]
    assert isinstance(last, Failed)
    assert "closed" in str(last.error)
    session.submit(1, request())
    assert isinstance(until_ended(session, [1])[1][-1], Failed)
    session.close()
    session.close()
    with pytest.raises(PolicyError, match="closed"):
        policy.session()
    with pytest.raises(PolicyError, match="closed"):
        session.submit(2, request())


def test_a_row_has_one_request_at_a_time(server: ScriptedServer) -> None:
    server.script(Answer(stream=(0.3, chunk("x", finish="stop"))))
    with opened(server) as policy, policy.session() as session:
        session.submit(0, request())
        with pytest.raises(PolicyError, match="Row 0 is still answering"):
            session.submit(0, request())


def test_so_many_turns_are_asked_for_at_once_and_no_more(server: ScriptedServer) -> None:
    server.script(Answer(stream=(0.02, chunk("x", finish="stop"))))
    with opened(server, options=Options(slots=3)) as policy:
        assert policy.card.details["at_once"] == 3
        assert len(ask(policy, *[request(seed=seed) for seed in range(20)])) == 20
    assert server.busiest == 3


def test_sessions_of_several_threads_hear_their_own_rows_only(server: ScriptedServer) -> None:
    server.answer = lambda count, asked: says(asked.body["messages"][0]["content"][0]["text"])
    heard: dict[int, list[str]] = {}

    def speak(number: int, policy: Policy) -> None:
        heard[number] = [completion.text for completion in ask(policy, *[request(f"{number}-{row}") for row in range(8)])]

    with opened(server) as policy:
        threads = [threading.Thread(target=speak, args=(number, policy)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert heard == {number: [f"{number}-{row}" for row in range(8)] for number in range(4)}


def test_a_turn_that_does_not_fit_any_more_gets_the_room_that_is_left(server: ScriptedServer) -> None:
    message = "'max_tokens' is too large: 100. This model's maximum context length is 4096 tokens and your request has 4050 input tokens"
    server.script(Answer(400, {"error": {"message": message}}), says("Short.", finish="length"))
    with opened(server) as policy:
        (completion,) = ask(policy, request(tokens=100))
        assert completion.finish is Finish.LENGTH
        assert server.asked[1].body["max_tokens"] == 46
        server.script(Answer(400, {"error": {"message": "This model's maximum context length is 4096 tokens, and 5000 were given"}}))
        assert "too long for" in str(failure(policy, request()).error)


def test_a_server_that_says_nothing_is_given_up(server: ScriptedServer) -> None:
    server.script(Answer(stream=(chunk("a"), 3.0, chunk("b", finish="stop"))))
    with opened(server, limits=Limits(silence=0.3, pause=0.01)) as policy:
        failed = failure(policy, request())
    assert "has said nothing for 0.3 seconds" in str(failed.error)
    assert failed.partial == "a"


def test_a_turn_that_takes_too_long_is_given_up(server: ScriptedServer) -> None:
    server.script(Answer(stream=tuple(piece for _ in range(2000) for piece in (chunk("on "), 0.02))))
    with opened(server, limits=Limits(turn=0.5)) as policy:
        failed = failure(policy, request(stop=()))
    assert "took longer than 0.5 seconds" in str(failed.error)
    assert failed.partial.startswith("on ")


def test_nobody_at_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(PolicyError, match=f"Nobody answers at http://127.0.0.1:{port}/v1"):
            open_server(f"http://127.0.0.1:{port}", None, Options(), limits=QUICK)


def test_somebody_else_at_the_address(server: ScriptedServer) -> None:
    server.models, server.routes = Answer(200, "<html>Hello</html>"), Answer(200, "<html>Hello</html>")
    with pytest.raises(PolicyNotFound, match="not an OpenAI-compatible server"):
        open_server(server.url, QWEN, Options(), limits=QUICK)
    server.models = server.routes = None
    with pytest.raises(PolicyNotFound, match="not an OpenAI-compatible server"):
        open_server(server.url, QWEN, Options(), limits=QUICK)


def test_a_model_that_is_not_there_is_told_with_those_that_are(server: ScriptedServer) -> None:
    server.models = {"data": [{"id": f"Qwen/Qwen2.5-VL-{size}B", "owned_by": "vllm"} for size in range(12)]}
    with pytest.raises(PolicyNotFound, match=r"no model called other; it has Qwen/Qwen2.5-VL-0B, .* and 4 more"):
        open_server(server.url, "other", Options(), limits=QUICK)
    with pytest.raises(PolicyNotFound, match=r"several models .* behind a #"):
        open_server(server.url, None, Options(), limits=QUICK)
    with opened(server, "Qwen/Qwen2.5-VL-3B") as policy:
        server.script(Answer(404, {"error": {"message": "The model `Qwen/Qwen2.5-VL-3B` does not exist."}}))
        failed = failure(policy, request())
    assert isinstance(failed.error, PolicyNotFound)


def test_a_name_that_tells_no_space_asks_for_the_option(server: ScriptedServer) -> None:
    server.models = {"data": [{"id": "mine", "owned_by": "vllm"}]}
    with pytest.raises(PolicyError, match="option space"):
        open_server(server.url, None, Options(), limits=QUICK)
    with opened(server, options=Options(space=FrameKind.NORMALISED)) as policy:
        assert policy.card.space is FrameKind.NORMALISED


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_says_which_variable_to_set(server: ScriptedServer, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    server.models = Answer(status, {"error": {"message": f"Incorrect API key provided: {SECRET}"}})
    with pytest.raises(PolicyError, match=r"there is none\. Set SACCADE_API_KEY, or SACCADE_API_KEY_127_0_0_1"):
        open_server(server.url, None, Options(), limits=QUICK)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with pytest.raises(PolicyError, match="the key in OPENAI_API_KEY was refused") as caught:
        open_server(server.url, None, Options(), limits=QUICK)
    assert SECRET not in str(caught.value)


def test_nothing_is_sent_on_to_another_host(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACCADE_API_KEY", SECRET)
    with scripted() as elsewhere:
        target = f"{elsewhere.url}/chat/completions"
        server.script(Answer(307, {}, {"Location": target}))
        with opened(server) as policy:
            failed = failure(policy, request())
        assert f"sends requests on to {target}" in str(failed.error)
        assert elsewhere.asked == []
        server.models = Answer(302, {}, {"Location": f"{elsewhere.url}/models"})
        with pytest.raises(PolicyError, match="sends requests on to"):
            open_server(server.url, None, Options(), limits=QUICK)


def test_the_key_is_sent_and_shown_nowhere(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SACCADE_API_KEY", SECRET)
    produced: list[object] = []
    caplog.set_level(logging.DEBUG)
    server.script(
        says("Hello."),
        Answer(400, {"error": {"message": f"Bad header: Bearer {SECRET}"}}),
        Answer(500, f"Traceback: {SECRET}"),
        Answer(500, f"Traceback: {SECRET}"),
        Answer(500, f"Traceback: {SECRET}"),
        Answer(429, SECRET, {"Retry-After": "99999"}),
        Answer(stream=(chunk("a"), f'{{"error": "{SECRET}"}}')),
        Answer(stream=(chunk("a"), f"{{no json {SECRET}")),
    )
    with opened(server) as policy:
        produced += ask(policy, request(picture=shown()))
        produced += [
            (failed, str(failed.error), "".join(traceback.format_exception(failed.error)))
            for failed in [failure(policy, request()) for _ in range(5)]
        ]
        produced += [policy, policy.card, vars(policy), vars(policy._connection), vars(policy._asker.connection)]  # type: ignore[attr-defined]
        with pytest.raises(PolicyError):
            pickle.dumps(policy)
        with policy.session() as session, pytest.raises((PolicyError, TypeError)):
            pickle.dumps(session)
    assert all(asked.headers["authorization"] == f"Bearer {SECRET}" for asked in server.asked)
    assert len(server.asked) == 8
    assert SECRET not in repr(produced)
    assert caplog.records
    assert SECRET not in caplog.text


def test_without_a_key_none_is_sent(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-mine")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-of-mine")
    with opened(server) as policy:
        ask(policy, request())
    headers = server.asked[0].headers
    assert "authorization" not in headers
    assert "of-mine" not in str(headers)


def test_a_proxy_of_the_environment_is_not_for_this_machine(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with opened(server) as policy:
        assert ask(policy, request())[0].text == "Hello."


def test_sglang_tells_logprobs_at_temperature_one_and_zero_only(server: ScriptedServer) -> None:
    server.models = {"data": [{"id": QWEN, "owned_by": "sglang", "max_model_len": 4096}]}
    server.script(says("a", token_ids=[5], logprobs={"content": [{"token": "a", "logprob": -0.5}]}))
    with opened(server) as policy:
        cold, warm, hot = ask(policy, request(), request(temperature=0.5), request(temperature=1.0))
        assert policy.card.details["server"] == "SGLang"
    assert (cold.logprobs, warm.logprobs, hot.logprobs) == ((-0.5,), None, (-0.5,))
    assert (cold.ids, warm.ids) == ((5,), (5,))
    assert server.asked[0].body["separate_reasoning"] is False


def test_turns_that_the_server_takes_apart_are_told_in_the_card(server: ScriptedServer) -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "search_coordinate", "arguments": '{"coordinate": [1, 2]}'}}
    server.script(
        Answer(
            stream=(
                chunk(delta={"reasoning_content": " I look. "}),
                chunk(delta={"tool_calls": [call]}),
                chunk(finish="tool_calls"),
                "[DONE]",
            )
        )
    )
    with opened(server) as policy:
        (completion,) = ask(policy, request())
        assert "put together" in str(policy.card.details["turns"])
    assert (
        completion.text
        == '<think> I look. </think>\n<tool_call>\n{"name": "search_coordinate", "arguments": {"coordinate": [1, 2]}}\n</tool_call>'
    )
    assert completion.finish is Finish.STOP


def test_many_streams_at_once_are_all_read(server: ScriptedServer) -> None:
    server.answer = lambda count, asked: Answer(stream=(*[chunk(f"{asked.body['seed']} ") for _ in range(50)], chunk(finish="stop")))
    with opened(server, options=Options(slots=32)) as policy:
        completions = ask(policy, *[request(seed=seed) for seed in range(32)])
    assert [completion.text for completion in completions] == [f"{seed} " * 50 for seed in range(32)]
