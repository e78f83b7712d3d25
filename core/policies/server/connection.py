"""The way to one server: an event loop in a thread of its own, and the openai library's client in it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from core.errors import PolicyError
from core.policies.server.keys import Key
from core.policies.server.limits import Limits
from core.policies.server.refusals import Refusal, broken_off, refused, silent, trimmed, unreachable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Result = TypeVar("Result")


class Refused(Exception):
    """A request came to nothing; inside of this package only. Outside it becomes a failed row or the refusal's error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.error)
        self.refusal = refusal


class Connection:
    """Requests to one server. Its coroutines run in its own loop; `run` and `start` may be called from any thread.

    `address` ends in the API's root (…/v1). The key goes to this address alone: redirects are refused.
    """

    def __init__(self, address: str, key: Key, limits: Limits) -> None:
        self.address = address
        self.limits = limits
        self._key = key
        self._client = _client(address, limits)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._turn, name=f"saccade-server-{urlsplit(address).netloc}", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"Connection({self.address})"

    def __reduce__(self) -> NoReturn:
        raise PolicyError("A connection to a server is not written down: open it again.")

    def start(self, work: Coroutine[Any, Any, Result]) -> concurrent.futures.Future[Result]:
        """Begin a coroutine in the loop; cancelling the future cancels it. Raises PolicyError where the connection was closed."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            # The loop was closed; what does not run is to be closed too.
            work.close()
            raise PolicyError(f"The connection to {self.address} was closed: open it again.") from None

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the loop and wait for it."""
        return self.start(work).result()

    def close(self) -> None:
        """Cancel what runs, close every connection, end the thread. May be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    async def fetch(self, path: str) -> object:
        """What a GET answers, as JSON; a path that begins with / is counted from the server's root. Raises Refused."""
        root = urlsplit(self.address)
        url = f"{root.scheme}://{root.netloc}{path}" if path.startswith("/") else path
        return await self._twice(lambda: self._client.get(url, cast_to=object, options={"headers": self._headers()}))

    async def post(self, path: str, body: Mapping[str, Any]) -> object:
        """What a POST answers, as JSON; the path is counted from the server's root. Raises Refused."""
        root = urlsplit(self.address)
        url = f"{root.scheme}://{root.netloc}{path}"
        return await self._twice(lambda: self._client.post(url, cast_to=object, body=dict(body), options={"headers": self._headers()}))

    async def news(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[object, None]:
        """The events that a POST is answered with, as JSON; the path is counted from the server's root. Raises Refused."""
        from openai import AsyncStream

        root = urlsplit(self.address)
        url = f"{root.scheme}://{root.netloc}{path}"
        async with self._refusals():
            events = await self._client.post(
                url, cast_to=object, body=dict(body), options={"headers": self._headers()}, stream=True, stream_cls=AsyncStream[object]
            )
            async with events:
                async for event in events:
                    yield event

    def hide(self, message: str) -> str:
        """A message of the server's on one line, not too long, without the key."""
        return trimmed(message, self._key)

    async def stream(self, model: str, messages: list[dict[str, Any]], fields: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of one answer as they come. Leaving the iteration closes the connection, which frees the server. Raises Refused."""
        import openai

        begun: list[bool] = []
        spoken: Any = messages
        async with self._refusals(model, begun):
            chunks = await self._client.chat.completions.create(
                model=model, messages=spoken, stream=True, extra_body=dict(fields), extra_headers=self._headers()
            )
            async with chunks:
                async for chunk in chunks:
                    begun.append(True)
                    yield chunk.to_dict(mode="json", exclude_unset=True, warnings=False) if isinstance(chunk, openai.BaseModel) else {}

    async def _twice(self, request: Callable[[], Awaitable[object]]) -> object:
        """A connection that was kept may have been closed at the other end just now, so one failure of it says nothing."""
        try:
            async with self._refusals():
                return await request()
        except Refused as refused:
            if refused.refusal.status is not None or not refused.refusal.again:
                raise
        await asyncio.sleep(self.limits.pause)
        async with self._refusals():
            return await request()

    def _headers(self) -> dict[str, Any]:
        from openai import Omit

        return {"Authorization": self._key.header or Omit(), "OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}

    @asynccontextmanager
    async def _refusals(self, model: str = "", begun: Sequence[bool] = ()) -> AsyncIterator[None]:
        """Turns the library's errors into Refused. `begun` is filled once something has come."""
        import openai

        try:
            yield
        except openai.APIStatusError as error:
            words, headers = _words(error.body, error.response.text), error.response.headers
            raise Refused(refused(self.address, model, error.status_code, headers, words, self._key)) from None
        except openai.APITimeoutError as error:
            if type(error.__cause__).__name__ == "ReadTimeout":
                raise Refused(silent(self.address, self.limits.silence)) from None
            raise Refused(unreachable(self.address, "no connection in time")) from None
        except openai.APIConnectionError as error:
            why = trimmed(str(error.__cause__) or "the connection was closed", self._key)
            raise Refused(broken_off(self.address, why) if begun else unreachable(self.address, why)) from None
        except openai.APIError as error:
            why = trimmed(_words(error.body, str(error)), self._key)
            raise Refused(
                Refusal(PolicyError(f"The server at {self.address} failed while it answered. It says: {why}"), message=why)
            ) from None
        except json.JSONDecodeError as error:
            # `transformers serve` writes its errors into JSON without quoting their marks.
            raise Refused(broken_off(self.address, f"it sent what is not JSON: {trimmed(error.doc, self._key)}")) from None
        except UnicodeDecodeError:
            raise Refused(broken_off(self.address, "it sent what is not UTF-8")) from None

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            while left := asyncio.all_tasks(self._loop):
                for task in left:
                    task.cancel()
                self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._client.close())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()


def _client(address: str, limits: Limits) -> AsyncOpenAI:
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

    times = Timeout(limits.silence, connect=limits.connect, pool=None)
    host = urlsplit(address).hostname or ""
    # A proxy of the environment is for other machines than this one.
    outside = host not in ("localhost", "::1") and not host.startswith("127.")
    return AsyncOpenAI(
        base_url=address,
        # Some text is asked for: what is sent is each request's own header. The others keep it from the environment's variables.
        api_key="none",
        admin_api_key="",
        organization="",
        project="",
        max_retries=0,
        timeout=times,
        http_client=DefaultAsyncHttpxClient(timeout=times, follow_redirects=False, trust_env=outside),
    )


def _words(body: object, text: str) -> str:
    """A server's message: where OpenAI, FastAPI and older vLLM put it, else the whole text."""
    if isinstance(body, Mapping):
        error = body.get("error", body)
        if isinstance(error, Mapping):
            for name in ("message", "detail", "error"):
                if error.get(name):
                    return error[name] if isinstance(error[name], str) else json.dumps(error[name])
        elif error:
            return str(error)
    return body if isinstance(body, str) and body else text
