from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.ledger import service as ledger
from payment_service.payees.rules import PayeeKind
from payment_service.tax_checks import COUNTS
from payment_service.taxes import service
from payment_service.taxes.rules import TaxIdentity, TaxPolicy
from payment_service.taxes.service import Earning
from perisai_kit.domain.ids import new_id

PAID_ON = date(2026, 12, 4)
RETURNED_ON = date(2027, 1, 11)


def make_earning(*grosses: int, **differences: Any) -> Earning:
    """Build what an agent with NPWP is paid directly, for so many statements."""
    agent_id = new_id()
    usual: dict[str, Any] = {
        "payout_id": new_id(),
        "payee_kind": PayeeKind.AGENT,
        "payee_id": agent_id,
        "beneficiary_kind": BeneficiaryKind.AGENT,
        "beneficiary_id": agent_id,
        "legal_entity": None,
        "identity": TaxIdentity(new_id(), has_npwp=True),
        "items": {new_id(): gross for gross in grosses or (1_000_000,)},
    }
    return Earning(**{**usual, **differences})


def make_wadah_payout(*, gross: int = 5_000_000, agents: Sequence[int] = ()) -> list[Earning]:
    """Build a payout to a wadah that is a legal entity, for itself and for agents."""
    payout_id, wadah_id = new_id(), new_id()
    to_wadah: dict[str, Any] = {
        "payout_id": payout_id,
        "payee_kind": PayeeKind.WADAH,
        "payee_id": wadah_id,
    }
    own = make_earning(
        gross,
        beneficiary_kind=BeneficiaryKind.WADAH,
        beneficiary_id=wadah_id,
        legal_entity=True,
        **to_wadah,
    )
    return [own, *(make_earning(each, **to_wadah) for each in agents)]


async def withhold(
    session: AsyncSession,
    *earnings: Earning,
    paid_on: date = PAID_ON,
    policy: TaxPolicy | None = None,
) -> UUID:
    """Compute and withhold the tax of one payout; return its id."""
    await service.compute(session, earnings, on=paid_on, policy=policy or TaxPolicy())
    payout_id = earnings[0].payout_id
    await service.record(session, payout_id, paid_on=paid_on)
    return payout_id


async def find_tax_faults(session: AsyncSession) -> list[str]:
    """Return what is wrong with taxes and the ledger; the payouts of these tests do not exist."""
    counted = {what: await session.scalar(text(query)) for what, query in COUNTS.items()}
    found = [f"{count} {what}" for what, count in counted.items() if count]
    return [*found, *await ledger.find_faults(session)]
