"""Why a request is not served, as a status that every protocol can put into its own words."""

from dataclasses import dataclass

from ..errors import BusyError, ClosedError, LimitError, QwenTTSError

BROKEN = "something went wrong in the server; its log has this request's id"
STOPPING = "the server is stopping; ask another one, or again in a moment"


class Refusal(QwenTTSError):
    """What is refused by the server rather than by a model.

    Args:
        status: of HTTP.
        message: what was wrong, what is legal, what to do next.
        param: which field of the request.
        code: a short name for programs.
        retry_after: seconds after which to try again.
    """

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.code, self.retry_after = status, param, code, retry_after


@dataclass(frozen=True, slots=True)
class Answer:
    """An error as it is told to a client."""

    status: int
    message: str
    code: str
    param: str | None = None
    retry_after: float | None = None


CODES = {
    400: "invalid_value",
    401: "invalid_api_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    413: "too_large",
    422: "invalid_value",
    429: "rate_limit_exceeded",
    503: "unavailable",
}


def answer(error: QwenTTSError) -> Answer:
    """What a client is told of an error that its request, or the load, has caused."""
    if isinstance(error, Refusal):
        code = error.code or CODES.get(error.status, "server_error")
        return Answer(error.status, str(error), code, error.param, error.retry_after)
    if isinstance(error, BusyError):
        return Answer(429, str(error), CODES[429], retry_after=error.retry_after)
    if isinstance(error, ClosedError):
        return Answer(503, STOPPING, CODES[503], retry_after=1)
    status = 408 if isinstance(error, LimitError) else 400  # nobody took its chunks: no other limit is set here
    return Answer(status, str(error), CODES[status])
