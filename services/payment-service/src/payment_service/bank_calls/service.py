"""A bank's calls as its engineer may see them."""

import json
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access import service as bank_access
from payment_service.bank_access.models import UnprovenRequest
from payment_service.bank_calls import rules
from payment_service.bank_calls.schemas import BankRequestOut
from payment_service.banks import service as banks
from payment_service.callbacks import service as callbacks
from payment_service.callbacks.models import Callback
from perisai_kit.http.paging import Page, cut_page, read_cursor
from snap_bi.profiles import PROFILES, Profile


async def list_requests(
    session: AsyncSession, *, partner_id: UUID, cursor: str | None, limit: int
) -> Page[BankRequestOut]:
    """Return what a bank sent and what it was answered, newest first.

    Raises: BankPartnerNotFound, CursorInvalid.
    """
    partner = await banks.get(session, partner_id)
    profile = PROFILES[partner.profile]
    before = read_cursor(cursor, UUID)
    signed = await callbacks.list_callbacks(session, partner_id, before=before, limit=limit + 1)
    unproven = await bank_access.list_unproven(session, partner_id, before=before, limit=limit + 1)
    both: list[Callback | UnprovenRequest] = [*signed, *unproven]
    rows = sorted(both, key=lambda each: each.id, reverse=True)[: limit + 1]
    return cut_page(rows, limit, key=lambda row: row.id).page(lambda row: _shown(profile, row))


def _shown(profile: Profile, row: Callback | UnprovenRequest) -> BankRequestOut:
    if isinstance(row, Callback):
        return _signed(profile, row)
    return BankRequestOut(
        id=row.id,
        received_at=row.received_at,
        service=row.service,
        source=row.source,
        target=row.target,
        timestamp=row.timestamp,
        external_id=row.external_id,
        request_id=row.request_id,
        verdict=None,
        failed_check=row.failed_check,
        string_to_sign=row.string_to_sign,
        signed_over=row.signed_over,
        http_status=row.http_status,
        response_code=row.response_code,
        response_message=row.response_message,
        first_id=None,
        payment_id=None,
        dropped_fields=[],
    )


def _signed(profile: Profile, row: Callback) -> BankRequestOut:
    timestamp = row.headers.get("x-timestamp", "")
    return BankRequestOut(
        id=row.id,
        received_at=row.received_at,
        service=row.service,
        source=row.source,
        target=row.target,
        timestamp=timestamp,
        external_id=row.external_id,
        request_id=row.request_id,
        verdict=row.verdict,
        failed_check=None,
        string_to_sign=rules.string_to_sign(
            profile,
            target=row.target,
            body=row.body,
            timestamp=timestamp,
            token_digest=row.headers.get("authorization-sha256", ""),
        ),
        signed_over=row.signed_over,
        http_status=row.http_status,
        response_code=row.response_code,
        # Only the words of the standard; the rest of the answer names people.
        response_message=json.loads(row.answer)["responseMessage"],
        first_id=row.first_id,
        payment_id=row.payment_id,
        dropped_fields=row.dropped_fields or [],
    )
