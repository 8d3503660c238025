"""Structured JSON logs: events named `noun.past_participle`, ids, never personal data."""

import asyncio
import atexit
import logging
import sys
import traceback
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger


class _Stderr:
    """The present `sys.stderr`, because loggers outlive a stream.

    Lines keep their order, also if they are written at the end of the event loop's turn.
    """

    def __init__(self) -> None:
        self._held: list[str] = []

    def write(self, text: str) -> int:
        self.flush_held()
        return sys.stderr.write(text)

    def write_soon(self, text: str) -> None:
        """Write at the end of the event loop's turn, together with its other lines."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self.flush_held)
        self._held.append(text)

    def flush_held(self) -> None:
        if self._held:
            held, self._held = self._held, []
            sys.stderr.write("".join(held))

    def flush(self) -> None:
        self.flush_held()
        sys.stderr.flush()


_stderr = _Stderr()
write_soon = _stderr.write_soon
atexit.register(_stderr.flush_held)


def configure_logging(*, service: str) -> None:
    """Send every log line of this process to standard error as one JSON object."""

    def add_service(_: object, __: str, event: EventDict) -> EventDict:
        # Not a context variable: requests and tasks do not inherit those of the start.
        return {**event, "service": service}

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_service,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[structlog.typing.Processor] = [
        structlog.processors.ExceptionRenderer(_frames),
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _stderr)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast("TextIO", _stderr))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # Our access line has no query string; uvicorn's has. httpx logs complete URLs.
    for noisy in ("uvicorn.access", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _frames(exc_info: ExcInfo) -> list[dict[str, object]]:
    # Only class and frames, because texts and locals may contain personal data.
    causes: list[dict[str, object]] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(causes) < 5:
        frames = traceback.extract_tb(error.__traceback__)[-20:]
        causes.append(
            {
                "type": type(error).__qualname__,
                "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        error = error.__cause__ or error.__context__
    return causes


def get_logger() -> FilteringBoundLogger:
    """Return a logger: `log.info("bill.issued", bill_id=str(bill.id))`."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger
