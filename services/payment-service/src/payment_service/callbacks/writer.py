"""Where payment flags enter the books: one transaction a flag, tried again where it only collided.

The one seam for taking many at once: `service.take` is given a batch and answers each in order.
"""

from sqlalchemy.exc import DBAPIError

from payment_service.callbacks import service
from payment_service.callbacks.schemas import Message
from perisai_kit.db import Database
from perisai_kit.log import get_logger
from snap_bi.answers import Answer

MAX_ATTEMPTS = 3
# Deadlock and serialization failure: PostgreSQL has rolled back and says to try again.
RETRIED = frozenset({"40P01", "40001"})

log = get_logger()


class Writer:
    """One an app."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, message: Message) -> Answer:
        """Return the answer once it is committed."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                async with self._database.begin() as session:
                    (answer,) = await service.take(session, [message])
                return answer
            except DBAPIError as error:
                if attempt == MAX_ATTEMPTS or _state(error) not in RETRIED:
                    raise
                log.warning("callback.collided", callback_id=str(message.signed.id))
        raise AssertionError("the last attempt returns or raises")


def _state(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None
