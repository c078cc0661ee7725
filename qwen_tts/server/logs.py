"""The server's log: one JSON object a line. Texts are in it only if the operator wants that."""

import json
import logging
import sys
import time
from typing import Any

LOGGER = logging.getLogger("qwen_tts.server")


class JsonLines(logging.Formatter):
    """A record and its `fields` as one line."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {"time": f"{stamp}.{int(record.msecs):03d}Z", "level": record.levelname.lower()}
        line |= {"event": record.getMessage(), **getattr(record, "fields", {})}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Writes one line; fields that are None are left out."""
    LOGGER.log(level, event, extra={"fields": {name: value for name, value in fields.items() if value is not None}})


def start(level: str = "info") -> None:
    """Sends our log, and uvicorn's warnings, to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, least in (("qwen_tts.server", level.upper()), ("uvicorn", "WARNING"), ("uvicorn.error", "WARNING")):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler] if name != "uvicorn.error" else [], name == "uvicorn.error"
        logger.setLevel(least)
