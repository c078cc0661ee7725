"""What the endpoints are given: the session, and who asks."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from .callers import Caller
from .session import Session


def _session(connection: HTTPConnection) -> Session:
    return connection.app.state.session


def _caller(connection: HTTPConnection) -> Caller:
    return connection.state.caller


SessionOf = Annotated[Session, Depends(_session)]
CallerOf = Annotated[Caller, Depends(_caller)]
