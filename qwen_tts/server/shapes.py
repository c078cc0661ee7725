"""Errors and other small things in the words of each protocol; which one it is, the path says."""

import json
import re
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from .refusals import Answer

DASHSCOPE = "/api/"
IGNORED = "x-qwen-tts-ignored"
FIELD = re.compile(r"[\w.-]{1,64}", re.ASCII)
DASHSCOPE_CODES = {
    401: "InvalidApiKey",
    404: "ModelNotFound",
    408: "RequestTimeOut",
    413: "BadRequest.TooLarge",
    429: "Throttling",
    503: "ServiceUnavailable",
}


def as_json(content: Any) -> bytes:
    """JSON in ASCII: text that is not valid Unicode can be in what a client sent, and so in what it is told."""
    return json.dumps(content, allow_nan=False).encode("ascii")


class Json(Response):
    """An answer in JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return as_json(content)


def openai_error(told: Answer) -> dict[str, Any]:
    """The object that OpenAI's and vLLM's clients read."""
    kind = "server_error" if told.status >= 500 else "rate_limit_error" if told.status == 429 else "invalid_request_error"
    return {"error": {"message": told.message, "type": kind, "param": told.param, "code": told.code}}


def dashscope_error(told: Answer, request_id: str) -> dict[str, Any]:
    """The object that DashScope's clients read."""
    code = DASHSCOPE_CODES.get(told.status, "InvalidParameter" if told.status < 500 else "InternalError")
    code = told.code if told.code[:1].isupper() else code
    return {"code": code, "message": told.message, "request_id": request_id}


def error_response(path: str, told: Answer, request_id: str) -> Response:
    """An error as the answer to a request to this path."""
    body = dashscope_error(told, request_id) if path.startswith(DASHSCOPE) else openai_error(told)
    headers = {"retry-after": str(max(1, round(told.retry_after)))} if told.retry_after is not None else {}
    if told.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Json(body, told.status, headers)


def ignored_header(names: Iterable[str]) -> dict[str, str]:
    """The header that tells a client which of its wishes were not heard."""
    shown = list(dict.fromkeys(name for name in names if FIELD.fullmatch(name)))[:32]
    return {IGNORED: ", ".join(shown)} if shown else {}


def event(data: dict[str, Any], name: str | None = None) -> bytes:
    """One event of server-sent events."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()
