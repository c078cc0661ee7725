"""What goes wrong in a thread of ours belongs to whoever waits for its work: kept here, to be raised there."""

from types import TracebackType


class Caught:
    """`with caught: work()` keeps what the work raised in `error`; None if it went well."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> "Caught":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        self.error = error
        return error is not None
