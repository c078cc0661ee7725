"""What can go wrong for a caller. Every message says what was wrong, what is legal, and what to do next."""


class QwenTTSError(ValueError):
    """Base of all errors that a caller's input can cause."""


class ConfigError(QwenTTSError):
    """A config file is missing, is not JSON, or has an unknown, missing or mistyped key."""


class CheckpointError(QwenTTSError):
    """A weight file is missing, cut short, or its tensors do not match the config."""


class TextError(QwenTTSError):
    """The text cannot be spoken: empty, blank, or longer than the model's context."""


class AudioError(QwenTTSError):
    """The audio cannot be read or used: empty, not finite, unknown format, bad rate."""


class OptionError(QwenTTSError):
    """An argument has no legal value: unknown speaker, language, sampling keyword, or a task that the model cannot do."""


class DataError(QwenTTSError):
    """Training data cannot be used: a line is damaged, lacks something, or names audio that cannot be read."""


class DownloadError(QwenTTSError):
    """A model cannot be fetched: no such name, no permission, no connection and no copy, no room, or wrong content."""


class VoiceError(OptionError):
    """A voice cannot be used: its file is damaged or not ours, it was made with another model, or no voice has that name."""


class BusyError(QwenTTSError):
    """Too much is being spoken at once. `retry_after`: seconds until there should be room, as measured."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LimitError(QwenTTSError):
    """Speech was ended because it took longer than its caller allowed, or because nobody took its chunks."""


class ClosedError(QwenTTSError):
    """The scheduler is closed; what it had not finished is not spoken."""
