from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.rules import SOURCE_LENGTH, TARGET_LENGTH, plain
from payment_service.bank_access.schemas import Signed
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import (
    REFUSALS_REPEATED_FOR,
    CallbackOutcome,
    First,
    external_id_scope,
    kept_headers,
)
from payment_service.callbacks.schemas import (
    EarlierMessages,
    Judged,
    Message,
    Outcome,
    list_places,
)
from payment_service.orders import service as orders
from perisai_kit.db.sql import CountedStatement, Executor, Rows, SqlStatement
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of, read_time_of
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.privacy.keyring import Keyring
from snap_bi.answers import Answer

CLOCKS_DIFFER_BY = timedelta(days=1)
"""How far ahead of ours the clock of another process may be, at most."""
A_MONTH = timedelta(days=31)

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


def _select_earlier(partner_ids: str, request_ids: str, content_hashes: str, since: str) -> str:
    """Return the query of settled requests, without their answers, and of refused messages.

    since: with the number that follows, the arguments with the bounds of the refused messages' ids,
    so that few partitions are asked. Settled requests are kept in one table for ever.
    """
    until = f"${int(since[1:]) + 1}"
    return f"""
    SELECT kept.verdict, kept.id, kept.partner_id, kept.request_id, kept.payment_id,
           kept.external_id, kept.content_hash, kept.http_status, kept.response_code, kept.answer
    FROM unnest({partner_ids}::uuid[], {request_ids}::text[], {content_hashes}::bytea[])
        AS asked (partner_id, request_id, content_hash)
    CROSS JOIN LATERAL (
        SELECT 'settled' AS verdict, callback_id AS id, partner_id, request_id, payment_id,
               NULL AS external_id, NULL::bytea AS content_hash, NULL::bigint AS http_status,
               NULL AS response_code, NULL::bytea AS answer
        FROM payment_requests AS request
        WHERE request.partner_id = asked.partner_id AND request.request_id = asked.request_id
        UNION ALL
        SELECT verdict, id, partner_id, request_id, payment_id, external_id, content_hash,
               http_status, response_code, answer
        FROM callbacks
        WHERE partner_id = asked.partner_id AND request_id = asked.request_id
            AND content_hash = asked.content_hash
            AND verdict = 'refused' AND content_hash IS NOT NULL
            AND id >= {since}::uuid AND id < {until}::uuid
    ) AS kept
"""  # noqa: S608 - numbers of arguments


_LIST_EARLIER = _select_earlier("$1", "$2", "$3", since="$4")
# The second half does not see rows that the first had to wait for: see `service.take_payments`.
_TAKE_UP = f"""
    WITH unused AS ({_USE_EXTERNAL_IDS})
    SELECT NULL AS verdict, callback_id AS id, NULL AS partner_id, NULL AS request_id,
           NULL AS payment_id, NULL AS external_id, NULL AS content_hash, NULL AS http_status,
           NULL AS response_code, NULL AS answer
    FROM unused
    UNION ALL
    {_select_earlier("$1", "$6", "$7", since="$8")}
"""  # noqa: S608 - both texts are ours
# The bounds spare all other partitions; an array of ids does not.
_LIST_SETTLING = """
    SELECT id, external_id, content_hash, http_status, response_code, answer
    FROM callbacks WHERE id = ANY($1::uuid[]) AND id BETWEEN $2 AND $3
"""
_LIST_OUTCOMES = """
    SELECT id, http_status, response_code, answer, verdict, payment_id, first_id
    FROM callbacks WHERE id = ANY($1::uuid[]) AND id BETWEEN $2 AND $3
"""
# The rows are one array of the type `stored_callback` (migration 0030), whose attributes are in the
# order of `_make_row`. The driver takes a microsecond for each element of an array of its own.
_INSERT = """
    INSERT INTO callbacks (
        id, partner_id, service, received_at, source, target, headers, external_id, signed_over,
        body, request_id, content_hash, verdict, http_status, response_code, answer, payment_id,
        first_id, dropped_fields, offered_amount, order_id
    )
    SELECT id, partner_id, service, received_at, source, target, headers::jsonb, external_id,
           signed_over, body, request_id, content_hash, verdict, http_status, response_code,
           answer, payment_id, first_id, string_to_array(dropped_fields, ','), offered_amount,
           order_id
    FROM unnest($1::stored_callback[]) AS kept
    RETURNING id
"""
_INSERT_INQUIRIES = """
    WITH asked AS MATERIALIZED (
        SELECT * FROM unnest($1::stored_callback[]) WITH ORDINALITY AS asked (
            id, partner_id, service, received_at, source, target, headers, external_id, signed_over,
            body, request_id, content_hash, verdict, http_status, response_code, answer, payment_id,
            first_id, dropped_fields, offered_amount, order_id, scope, day, place
        )
    ), used AS (
        INSERT INTO snap_external_ids (partner_id, scope, day, external_id, callback_id)
        SELECT partner_id, scope, day, external_id, id FROM asked
        ORDER BY partner_id, scope, day, external_id, place
        ON CONFLICT DO NOTHING
        RETURNING callback_id
    )
    INSERT INTO callbacks (
        id, partner_id, service, received_at, source, target, headers, external_id, signed_over,
        body, request_id, verdict, http_status, response_code, answer, dropped_fields
    )
    SELECT id, partner_id, service, received_at, source, target, headers::jsonb, external_id,
           signed_over, body, request_id, verdict, http_status, response_code, answer,
           string_to_array(dropped_fields, ',')
    FROM used JOIN asked ON asked.id = used.callback_id
    RETURNING id
"""


_ARCHIVED: tuple[str, bytes, int, str, None] = ("", b"", 0, "", None)
"""What stands for the message of a settled request that is kept no longer."""


async def insert_once_inquiries(
    run: Executor, keyring: Keyring, judged: Sequence[Judged]
) -> set[UUID]:
    """Use up the X-EXTERNAL-IDs of inquiries, and insert those that had an unused one.

    Return the ids of the inserted ones.
    """
    rows = [_make_row(keyring, each) for each in judged]
    return {id_ for (id_,) in await run(SqlStatement(_INSERT_INQUIRIES, (rows,)))}


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
    return unused, await _read_earlier(run, keyring, earlier)


async def list_earlier(
    run: Executor, keyring: Keyring, messages: Sequence[Message]
) -> EarlierMessages:
    """Return the messages that settled these requests or were refused with the same content."""
    partner_ids = [each.key[0] for each in messages]
    rows = await run(SqlStatement(_LIST_EARLIER, (partner_ids, *_contents(messages))))
    return await _read_earlier(run, keyring, rows)


def _contents(messages: Sequence[Message]) -> tuple[object, ...]:
    """Return the request ids, the hashes, and the bounds of the refused messages' ids."""
    received = [each.signed.received_at for each in messages]
    return (
        [each.key[1] for each in messages],
        [each.content_hash for each in messages],
        lowest_id_of(min(received) - REFUSALS_REPEATED_FOR),
        lowest_id_of(max(received) + CLOCKS_DIFFER_BY),
    )


async def _read_earlier(run: Executor, keyring: Keyring, rows: Rows) -> EarlierMessages:
    """Read settled requests with the messages that settled them, and refused messages.

    A message that was archived long ago has no content to compare with, so that a repeat differs.
    """
    earlier = EarlierMessages()
    found = [tuple(row) for row in rows]
    settled = [id_ for verdict, id_, *_ in found if verdict == CallbackOutcome.SETTLED]
    settling = {id_: tuple(said) for id_, *said in await _list_settling(run, settled)}
    for verdict, id_, partner_id, request_id, payment_id, *own in found:
        is_settled = verdict == CallbackOutcome.SETTLED
        said = settling.get(id_, _ARCHIVED) if is_settled else tuple(own)
        earlier.note(
            (partner_id, request_id),
            CallbackOutcome(verdict),
            _first(keyring, id_, payment_id, *said),
        )
    return earlier


async def _list_settling(run: Executor, ids: list[UUID]) -> Rows:
    return await run(SqlStatement(_LIST_SETTLING, (ids, min(ids), max(ids)))) if ids else []


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
        answer=b"" if body is None else Callback.answer.unseal(keyring, id_, body),
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
            SqlStatement(_LIST_OUTCOMES, (list(ids), min(ids), max(ids)))
        )
    }


def insert_callbacks_statement(keyring: Keyring, judged: Sequence[Judged]) -> CountedStatement:
    """Return the statement that inserts one message or more, each with its outcome."""
    rows = [_make_row(keyring, each) for each in judged]
    return CountedStatement(_INSERT, (rows,), count=len(judged))


def _make_row(keyring: Keyring, judged: Judged) -> tuple[object, ...]:
    """Return a message as `stored_callback`; the last two attributes are for its X-EXTERNAL-ID."""
    signed, outcome = judged.signed, judged.outcome
    client, wire, answer = signed.client, signed.wire, outcome.answer
    return (
        signed.id,
        client.partner_id,
        signed.service,
        signed.received_at,
        plain(wire.source or "", SOURCE_LENGTH),
        plain(wire.target, TARGET_LENGTH),
        to_json(kept_headers(wire)).decode(),
        signed.headers.external_id,
        signed.step,
        Callback.body.seal(keyring, signed.id, wire.body),
        judged.request_id,
        judged.content_hash,
        outcome.verdict,
        answer.http_status,
        answer.response_code,
        Callback.answer.seal(keyring, signed.id, answer.body),
        outcome.payment_id,
        outcome.first_id,
        ",".join(judged.dropped) or None,
        judged.offered,
        judged.order_id,
        external_id_scope(client.profile, signed.service),
        jakarta_date(signed.received_at),
    )


async def find_held(run: Executor, messages: Sequence[Message]) -> set[UUID]:
    """Return the ids of the messages whose bills cannot be locked now; lock those of the others.

    For a batch that has waited in vain: an ordinary one waits for its locks instead.
    """
    places = list_places(messages)
    held = await orders.find_held(run, set(places.values()))
    return {id_ for id_, place in places.items() if place in held}


async def list_callbacks(
    session: AsyncSession, partner_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[Callback]:
    """Return the signed messages of a partner, newest first.

    Most pages lie within a month, so that all other partitions are asked only for the rest.
    """
    newest = lowest_id_of(clock.real_now() + CLOCKS_DIFFER_BY)
    until = newest if before is None else min(before, newest)
    since = lowest_id_of(read_time_of(until) - A_MONTH)
    found = list(await _list_between(session, partner_id, since, until, limit))
    if len(found) < limit:
        found += await _list_between(session, partner_id, None, since, limit - len(found))
    return found


async def _list_between(
    session: AsyncSession, partner_id: UUID, since: UUID | None, until: UUID, limit: int
) -> Sequence[Callback]:
    chosen = select(Callback).where(Callback.partner_id == partner_id, Callback.id < until)
    if since is not None:
        chosen = chosen.where(Callback.id >= since)
    return (await session.scalars(chosen.order_by(Callback.id.desc()).limit(limit))).all()
