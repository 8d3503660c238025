"""Who may read what concerns one bank partner."""

from typing import Annotated

from fastapi import Depends

from payment_service.banks.rules import check_reader
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.http.types import PartnerId


async def _read_partner(
    partner_id: PartnerId,
    reader: Annotated[
        Principal,
        Depends(
            require(Role.ADMIN, Role.FINANCE_OFFICER, Role.BANK_ENGINEER, Role.SERVICE),
        ),
    ],
) -> Principal:
    check_reader(reader, partner_id)
    return reader


async def _read_requests(
    partner_id: PartnerId,
    reader: Annotated[
        Principal,
        Depends(
            require(
                Role.ADMIN,
                Role.FINANCE_OFFICER,
                Role.BANK_ENGINEER,
                scope=ScopeKind.COUNTRY,
            )
        ),
    ],
) -> Principal:
    check_reader(reader, partner_id)
    return reader


PartnerReader = Annotated[Principal, Depends(_read_partner)]
"""Reads one bank partner without secrets; a bank's engineer the own one."""
BankRequestReader = Annotated[Principal, Depends(_read_requests)]
"""Reads what a bank sent: with country scope of every bank, as a bank's engineer of the own one."""
