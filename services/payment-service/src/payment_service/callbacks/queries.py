from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.rules import SOURCE_LENGTH, TARGET_LENGTH, plain
from payment_service.bank_access.schemas import Signed
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import (
    CallbackOutcome,
    First,
    external_id_scope,
    kept_headers,
)
from payment_service.callbacks.schemas import EarlierMessages, Judged, Message, Outcome
from perisai_kit.db.sql import CountedStatement, Executor, Rows, SqlStatement
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.privacy.keyring import Keyring
from snap_bi.answers import Answer

# One order for all writers, so that none waits for another; of two equal ids the first counts.
_USE_EXTERNAL_IDS = """
    INSERT INTO snap_external_ids (partner_id, scope, day, external_id, callback_id)
    SELECT partner_id, scope, day, external_id, callback_id
    FROM unnest($1::uuid[], $2::text[], $3::date[], $4::text[], $5::uuid[]) WITH ORDINALITY
        AS used (partner_id, scope, day, external_id, callback_id, place)
    ORDER BY partner_id, scope, day, external_id, place
    ON CONFLICT DO NOTHING
    RETURNING callback_id
"""


def _select_earlier(partner_ids: str, request_ids: str, content_hashes: str) -> str:
    return f"""
    SELECT kept.verdict, kept.id, kept.partner_id, kept.request_id, kept.payment_id,
           kept.external_id, kept.content_hash, kept.http_status, kept.response_code, kept.answer
    FROM unnest({partner_ids}::uuid[], {request_ids}::text[], {content_hashes}::bytea[])
        AS asked (partner_id, request_id, content_hash)
    CROSS JOIN LATERAL (
        SELECT callbacks.* FROM payment_requests AS request
        JOIN callbacks ON callbacks.id = request.callback_id
        WHERE request.partner_id = asked.partner_id AND request.request_id = asked.request_id
        UNION ALL
        SELECT * FROM callbacks
        WHERE partner_id = asked.partner_id AND request_id = asked.request_id
            AND content_hash = asked.content_hash
            AND verdict = 'refused' AND content_hash IS NOT NULL
    ) AS kept
"""  # noqa: S608 - numbers of arguments


_LIST_EARLIER = _select_earlier("$1", "$2", "$3")
# The second half does not see rows that the first had to wait for: see `service.take_payments`.
_TAKE_UP = f"""
    WITH unused AS ({_USE_EXTERNAL_IDS})
    SELECT NULL AS verdict, callback_id AS id, NULL AS partner_id, NULL AS request_id,
           NULL AS payment_id, NULL AS external_id, NULL AS content_hash, NULL AS http_status,
           NULL AS response_code, NULL AS answer
    FROM unused
    UNION ALL
    {_select_earlier("$1", "$6", "$7")}
"""  # noqa: S608 - both texts are ours
_LIST_OUTCOMES = """
    SELECT id, http_status, response_code, answer, verdict, payment_id, first_id
    FROM callbacks WHERE id = ANY($1::uuid[])
"""
_INSERT = """
    INSERT INTO callbacks (
        id, partner_id, service, received_at, source, target, headers, external_id, signed_over,
        body, request_id, content_hash, verdict, http_status, response_code, answer, payment_id,
        first_id, dropped_fields
    )
    SELECT id, partner_id, service, received_at, source, target, headers::jsonb, external_id,
           signed_over, body, request_id, content_hash, verdict, http_status, response_code,
           answer, payment_id, first_id, string_to_array(dropped_fields, ',')
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::bytea[], $11::text[], $12::bytea[], $13::text[],
        $14::bigint[], $15::text[], $16::bytea[], $17::uuid[], $18::uuid[], $19::text[]
    ) AS kept (
        id, partner_id, service, received_at, source, target, headers, external_id, signed_over,
        body, request_id, content_hash, verdict, http_status, response_code, answer, payment_id,
        first_id, dropped_fields
    )
    RETURNING id
"""


async def insert_once_external_ids(run: Executor, messages: Sequence[Signed]) -> set[UUID]:
    """Use up the X-EXTERNAL-IDs of messages; return the ids of messages that had an unused one."""
    rows = await run(SqlStatement(_USE_EXTERNAL_IDS, _external_ids(messages)))
    return {id_ for (id_,) in rows}


async def take_up(
    run: Executor, keyring: Keyring, messages: Sequence[Message]
) -> tuple[set[UUID], EarlierMessages]:
    """Use up the X-EXTERNAL-IDs of messages, and list what they repeat as `list_earlier` does.

    Return the ids of the messages whose X-EXTERNAL-ID was unused, and the earlier messages.
    """
    columns = (*_external_ids([each.signed for each in messages]), *_contents(messages))
    unused, earlier = set(), []
    for row in await run(SqlStatement(_TAKE_UP, columns)):
        verdict, id_, *_ = row
        if verdict is None:
            unused.add(id_)
        else:
            earlier.append(row)
    return unused, _read_earlier(keyring, earlier)


async def list_earlier(
    run: Executor, keyring: Keyring, messages: Sequence[Message]
) -> EarlierMessages:
    """Return the messages that settled these requests or were refused with the same content."""
    partner_ids = [each.key[0] for each in messages]
    return _read_earlier(
        keyring, await run(SqlStatement(_LIST_EARLIER, (partner_ids, *_contents(messages))))
    )


def _contents(messages: Sequence[Message]) -> tuple[list[str], list[bytes]]:
    return [each.key[1] for each in messages], [each.content_hash for each in messages]


def _read_earlier(keyring: Keyring, rows: Rows) -> EarlierMessages:
    earlier = EarlierMessages()
    for verdict, id_, partner_id, request_id, *first in rows:
        earlier.note(
            (partner_id, request_id), CallbackOutcome(verdict), _first(keyring, id_, *first)
        )
    return earlier


def _external_ids(messages: Sequence[Signed]) -> tuple[list[object], ...]:
    return (
        [each.client.partner_id for each in messages],
        [external_id_scope(each.client.profile, each.service) for each in messages],
        [jakarta_date(each.received_at) for each in messages],
        [each.headers.external_id for each in messages],
        [each.id for each in messages],
    )


def _first(
    keyring: Keyring,
    id_: UUID,
    payment_id: UUID | None,
    external_id: str,
    content_hash: bytes,
    *answer: Any,
) -> First:
    http_status, response_code, body = answer
    return First(
        callback_id=id_,
        payment_id=payment_id,
        external_id=external_id,
        content_hash=content_hash,
        http_status=http_status,
        response_code=response_code,
        answer=Callback.answer.unseal(keyring, id_, body),
    )


async def list_outcomes(
    run: Executor, keyring: Keyring, ids: Sequence[UUID]
) -> dict[UUID, Outcome]:
    """Return the outcomes of those of these messages that are stored already, by their id."""
    return {
        id_: Outcome(
            answer=Answer(http_status, response_code, Callback.answer.unseal(keyring, id_, answer)),
            verdict=CallbackOutcome(verdict),
            payment_id=payment_id,
            first_id=first_id,
        )
        for id_, http_status, response_code, answer, verdict, payment_id, first_id in await run(
            SqlStatement(_LIST_OUTCOMES, (list(ids),))
        )
    }


def insert_callbacks_statement(keyring: Keyring, judged: Sequence[Judged]) -> CountedStatement:
    """Return the statement that inserts one message or more, each with its outcome."""
    columns = zip(*(_make_callback_row(keyring, each) for each in judged), strict=True)
    return CountedStatement(_INSERT, list(columns), count=len(judged))


def _make_callback_row(keyring: Keyring, judged: Judged) -> tuple[object, ...]:
    signed, outcome = judged.signed, judged.outcome
    return (
        signed.id,
        signed.client.partner_id,
        signed.service,
        signed.received_at,
        plain(signed.wire.source or "", SOURCE_LENGTH),
        plain(signed.wire.target, TARGET_LENGTH),
        to_json(kept_headers(signed.wire.headers)).decode(),
        signed.headers.external_id,
        signed.step,
        Callback.body.seal(keyring, signed.id, signed.wire.body),
        judged.request_id,
        judged.content_hash,
        outcome.verdict,
        outcome.answer.http_status,
        outcome.answer.response_code,
        Callback.answer.seal(keyring, signed.id, outcome.answer.body),
        outcome.payment_id,
        outcome.first_id,
        ",".join(judged.dropped) or None,
    )


async def list_callbacks(
    session: AsyncSession, partner_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[Callback]:
    """Return the signed messages of a partner, newest first."""
    chosen = select(Callback).where(Callback.partner_id == partner_id)
    if before is not None:
        chosen = chosen.where(Callback.id < before)
    return (await session.scalars(chosen.order_by(Callback.id.desc()).limit(limit))).all()
