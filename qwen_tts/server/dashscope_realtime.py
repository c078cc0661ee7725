"""DashScope's realtime WebSocket.

    input_text_buffer.append* ─> buffer ── complete sentences (server_commit), or commit ─> turns ── spoken one by one
    session.finish ─> what is left is spoken, session.finished, closed

Text that was committed is a turn, and each turn a response. Sentences that wait while another is spoken become one turn.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from ..errors import QwenTTSError
from .access import CallerOf, SessionOf
from .callers import Caller
from .dashscope import unique
from .dashscope_events import Event, Response, SessionFields, error, event
from .plan import Plan
from .quiet import Quiet
from .refusals import Refusal, answer
from .sentences import Sentences, joined
from .session import Session
from .sockets import JsonSocket, beside, text_of
from .sound import Recorder

router = APIRouter()
TOGETHER = 300  # characters of sentences that one response speaks
WAITING = 256  # turns that may wait, if another is to be committed by hand
STARTED = "Session update error: session already started or finished or failed."


@dataclass(frozen=True, slots=True)
class Turn:
    """Text to be spoken; `announced`: the client was told that it was committed."""

    text: str
    announced: bool


@router.websocket("/api-ws/v1/realtime")
async def realtime(websocket: WebSocket, session: SessionOf, caller: CallerOf) -> None:
    """One session of many responses."""
    socket = JsonSocket(websocket, session.settings.idle_seconds, session.settings.max_body)
    talk = Talk(socket, session, caller, websocket.query_params.get("model", ""))
    try:
        await websocket.accept()
        session.models.check(talk.model)
        await talk.greet()
        await beside(talk.listen(), talk.speak())
    except (WebSocketDisconnect, Quiet):
        pass
    except QwenTTSError as wrong:
        await socket.send(error("ModelNotFound" if answer(wrong).status == 404 else "invalid_value", answer(wrong).message))
    finally:
        await socket.close()


class Talk:
    """What one client has said, and what it is still owed."""

    def __init__(self, socket: JsonSocket, session: Session, caller: Caller, model: str) -> None:
        self.model = model
        self._socket, self._session, self._caller, self._id = socket, session, caller, unique("sess")
        self._fields = SessionFields.model_validate({})
        self._plan: Plan | None = None
        self._buffer, self._turns = Sentences(), deque[Turn]()
        self._held: list[str] = []  # sentences that were not committed
        self._started = self._finished = False
        self._more = asyncio.Event()
        self._cancelled = asyncio.Event()  # the response that is being said
        self._number = 0
        self._actions: dict[str, Callable[[Event], Any]] = {
            "session.update": self._update, "input_text_buffer.append": self._append,
            "input_text_buffer.commit": self._commit, "input_text_buffer.clear": self._clear,
            "response.cancel": self._cancel, "session.finish": self._finish,
        }  # fmt: skip

    async def greet(self) -> None:
        """The first event."""
        fields = self._fields.shown() | {"voice": self._fields.voice or "Cherry"}
        await self._socket.send(event("session.created", session=self._session_object() | fields))

    async def listen(self) -> None:
        """Takes the client's events, for as long as it is there; what is wrong with one, it is told."""
        while True:
            try:
                message = await self._socket.receive()
                action = self._actions.get(message["type"])
                if action is None:
                    raise Refusal(400, f"unknown event type {message['type'][:64]!r}; legal are {', '.join(self._actions)}")
                if self._finished and action != self._cancel:
                    raise Refusal(400, "the session is finished already; only response.cancel is legal now")
                await action(message)
            except QwenTTSError as wrong:
                told = answer(wrong)
                await self._socket.send(error(told.code if told.status != 400 else "invalid_value", told.message))

    async def speak(self) -> None:
        """Speaks the turns; at the end tells the client that all is done."""
        while True:
            self._more.clear()
            if self._turns:
                await self._respond(self._next())
            elif self._finished:
                await self._socket.send(event("session.finished"))
                return
            else:
                await self._more.wait()

    async def _update(self, message: Event) -> None:
        if self._started:
            raise Refusal(400, STARTED)
        try:
            fields = SessionFields.model_validate(message.get("session"))
        except ValidationError as wrong:
            first = wrong.errors()[0]
            raise Refusal(400, f"session.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        self._plan = await self._session.plan(fields.request(self.model), self._caller)
        self._fields, self._buffer = fields, Sentences(self._plan.arguments["language"])
        shown = self._session_object() | fields.shown() | ({} if fields.voice is not None else {"voice": self._plan.voice})
        ignored = [*self._plan.ignored, *fields.unheard()]
        await self._socket.send(event("session.updated", session=shown | ({"ignored": ignored} if ignored else {})))

    async def _append(self, message: Event) -> None:
        text = text_of(message)
        self._started = True
        if self._length() + len(text) > self._session.settings.max_text:
            raise Refusal(413, f"more than {self._session.settings.max_text} characters wait to be spoken; send them later")
        for sentence in self._buffer.add(text):
            self._held.append(sentence)
        if self._fields.mode == "server_commit":
            self._take(announced=False)

    async def _commit(self, message: Event) -> None:
        self._started = True
        if len(self._turns) >= WAITING:
            raise Refusal(429, f"{WAITING} responses are waiting already; commit less often")
        self._held += self._buffer.rest()
        if not self._held:
            raise Refusal(400, "the input text buffer is empty: append text before you commit it")
        await self._socket.send(event("input_text_buffer.committed", item_id=""))
        self._take(announced=True)

    async def _clear(self, message: Event) -> None:
        self._buffer.clear()
        self._held.clear()
        await self._socket.send(event("input_text_buffer.cleared"))

    async def _cancel(self, message: Event) -> None:
        self._cancelled.set()  # where nothing is being said, that is forgotten

    async def _finish(self, message: Event) -> None:
        self._held += self._buffer.rest()
        self._take(announced=False)
        self._finished = True
        self._more.set()

    def _take(self, announced: bool) -> None:
        """Makes a turn of what is held."""
        if not self._held:
            return
        text, self._held = joined(self._held), []
        self._turns.append(Turn(text, announced))
        self._more.set()

    def _length(self) -> int:
        """Characters that wait to be spoken."""
        return self._buffer.length + sum(map(len, self._held)) + sum(len(turn.text) for turn in self._turns)

    def _next(self) -> Turn:
        """The next turn; with those sentences after it that were not committed by hand, if they are short."""
        turn = self._turns.popleft()
        while not turn.announced and self._turns and not self._turns[0].announced:
            if len(turn.text) + len(self._turns[0].text) > TOGETHER:
                break
            turn = replace(turn, text=joined([turn.text, self._turns.popleft().text]))
        return turn

    async def _respond(self, turn: Turn) -> None:
        """One response, from its first event to its last, however it ends and whenever a cancel comes."""
        response, status = Response(self._fields.voice or "Cherry"), "failed"
        self._cancelled.clear()
        self._socket.owed += 1
        try:
            if not turn.announced:
                await self._socket.send(event("input_text_buffer.committed", item_id=""))
            for one in response.begin():
                await self._socket.send(one)
            await beside(self._say(response, turn.text), self._cancelled.wait())
            status = "incomplete" if self._cancelled.is_set() else "completed"
        except QwenTTSError as wrong:
            await self._socket.send(error("invalid_value" if answer(wrong).status == 400 else answer(wrong).code, str(wrong)))
        finally:
            self._socket.owed -= 1
        for one in response.end(turn.text, status):
            await self._socket.send(one)

    async def _say(self, response: Response, text: str) -> None:
        plan = self._plan or await self._session.plan(self._fields.request(self.model), self._caller)
        self._plan, number = plan, self._number
        self._number += 1
        recorder = Recorder(plan.sound, plan.offer.rate)
        async with aclosing(self._session.speak(plan.with_seed(plan.seed + number), text, self._caller)) as chunks:
            async for chunk in chunks:
                for one in response.audio(recorder.add(chunk)):
                    await self._socket.send(one)

    def _session_object(self) -> Event:
        return {"object": "realtime.session", "id": self._id, "model": self.model}
