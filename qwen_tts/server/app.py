"""The application: all protocols over one session, behind one gate."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from .. import __version__
from ..errors import QwenTTSError
from . import batch, dashscope, dashscope_realtime, dashscope_voices, openai, openai_voices, operations, text_stream
from .gate import Gate
from .logs import log
from .refusals import BROKEN, CODES, Answer, answer
from .session import Session
from .shapes import Json, error_response

DESCRIPTION = "Speech for clients of OpenAI, vLLM-Omni and DashScope. Audio is sent while it is made."
ERROR: dict[str, Any] = {"description": "What was wrong, what is legal, what to do next", "content": {"application/json": {}}}
ERRORS: dict[int | str, dict[str, Any]] = dict.fromkeys((400, 401, 404, 409, 413, 429, 503), ERROR)


def application(session: Session) -> ASGIApp:
    """An ASGI application that serves a session."""
    app = FastAPI(title="qwen-tts", version=__version__, description=DESCRIPTION, responses=ERRORS)
    app.state.session = session
    for module in (openai, openai_voices, batch, text_stream, dashscope, dashscope_realtime, dashscope_voices, operations):
        app.include_router(module.router)
    app.add_exception_handler(QwenTTSError, _wrong)
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _nobody)
    app.add_exception_handler(Exception, _broken)
    gated: ASGIApp = Gate(app, session)
    if session.settings.cors:
        origins = list(session.settings.cors)
        exposed = [
            "x-request-id",
            "x-qwen-tts-ignored",
            "x-qwen-tts-seed",
            "x-qwen-tts-voice",
            "x-qwen-tts-model",
            "retry-after",
        ]
        gated = CORSMiddleware(gated, origins, allow_methods=["*"], allow_headers=["*"], expose_headers=exposed)
    return gated


async def _wrong(request: Request, error: Any) -> Response:
    return error_response(request.url.path, answer(error), request.state.caller.request_id)


async def _misshapen(request: Request, error: Any) -> Response:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    told = Answer(400, f"{place or 'the body'}: {first['msg']}"[:500], "invalid_value", place or None)
    return error_response(request.url.path, told, request.state.caller.request_id)


async def _http(request: Request, error: Any) -> Response:
    told = Answer(error.status_code, str(error.detail), CODES.get(error.status_code, "invalid_value"))
    response = error_response(request.url.path, told, request.state.caller.request_id)
    response.headers.update(error.headers or {})
    return response


async def _nobody(request: Request, error: Any) -> Response:
    return Json({}, 499)  # nobody reads it


async def _broken(request: Request, error: Any) -> Response:
    log(
        "error", 40, request_id=request.state.caller.request_id, path=request.url.path, error=f"{type(error).__name__}: {error}"
    )
    told = Answer(500, BROKEN, "server_error")
    return error_response(request.url.path, told, request.state.caller.request_id)
