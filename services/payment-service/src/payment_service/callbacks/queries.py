from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.callbacks.models import AccessToken, Callback, ExternalId
from payment_service.callbacks.rules import First, Verdict

FORGOTTEN_A_RUN = 10_000

Key = tuple[UUID, str]
"""Partner and the bank's request id."""


def insert_token(
    session: AsyncSession, *, token_hash: bytes, partner_id: UUID, expires_at: datetime
) -> None:
    session.add(AccessToken(token_hash=token_hash, partner_id=partner_id, expires_at=expires_at))


async def find_token(session: AsyncSession, token_hash: bytes) -> AccessToken | None:
    return await session.get(AccessToken, token_hash)


async def insert_once_external_ids(
    session: AsyncSession, wanted: Iterable[ExternalId]
) -> set[UUID]:
    """Use these X-EXTERNAL-IDs up; return the messages whose id had not been used before.

    Sorted, so that two writers never wait for each other; of two alike the first one counts.
    """
    rows = [
        {
            "partner_id": each.partner_id,
            "scope": each.scope,
            "day": each.day,
            "external_id": each.external_id,
            "callback_id": each.callback_id,
        }
        for each in wanted
    ]
    rows.sort(key=lambda row: (str(row["partner_id"]), row["scope"], row["external_id"]))
    statement = (
        insert(ExternalId).values(rows).on_conflict_do_nothing().returning(ExternalId.callback_id)
    )
    return set((await session.scalars(statement)).all())


async def list_settled(session: AsyncSession, keys: Collection[Key]) -> dict[Key, First]:
    """Return the message that settled each of these requests, with its answer."""
    statement = select(Callback).where(
        tuple_(Callback.partner_id, Callback.request_id).in_(keys),
        Callback.verdict == Verdict.SETTLED,
    )
    rows = await session.scalars(statement)
    return {(row.partner_id, row.request_id or ""): first_of(row) for row in rows}


async def list_refused(
    session: AsyncSession, keys: Collection[tuple[UUID, str, bytes]]
) -> dict[tuple[UUID, str, bytes], First]:
    """Return the first refusal of each request with this very content."""
    statement = (
        select(Callback)
        .where(
            tuple_(Callback.partner_id, Callback.request_id, Callback.content_hash).in_(keys),
            Callback.verdict == Verdict.REFUSED,
            Callback.content_hash.is_not(None),
        )
        .order_by(Callback.id.desc())
    )
    rows = await session.scalars(statement)
    return {
        (row.partner_id, row.request_id or "", row.content_hash or b""): first_of(row)
        for row in rows
    }


async def insert_callbacks(session: AsyncSession, callbacks: Sequence[Callback]) -> None:
    session.add_all(callbacks)
    await session.flush()


async def delete_external_ids(session: AsyncSession, *, before: date) -> None:
    key = (ExternalId.partner_id, ExternalId.scope, ExternalId.day, ExternalId.external_id)
    old = select(*key).where(ExternalId.day < before).limit(FORGOTTEN_A_RUN)
    await session.execute(delete(ExternalId).where(tuple_(*key).in_(old)))


async def delete_tokens(session: AsyncSession, *, before: datetime) -> None:
    old = (
        select(AccessToken.token_hash).where(AccessToken.expires_at < before).limit(FORGOTTEN_A_RUN)
    )
    await session.execute(delete(AccessToken).where(AccessToken.token_hash.in_(old)))


def first_of(row: Callback) -> First:
    return First(
        callback_id=row.id,
        payment_id=row.payment_id,
        external_id=row.external_id,
        content_hash=row.content_hash or b"",
        http_status=row.http_status,
        response_code=row.response_code,
        answer=row.answer,
    )
