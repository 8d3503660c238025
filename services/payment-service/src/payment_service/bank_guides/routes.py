from fastapi import APIRouter

from payment_service.bank_guides import service
from payment_service.bank_guides.schemas import IntegrationGuideOut
from payment_service.bank_readers import BankRequestReader
from payment_service.banks.rules import BankPartnerNotFound
from payment_service.settings import Config
from perisai_kit.domain import clock
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.problems import problems
from perisai_kit.http.types import PartnerId

router = APIRouter(prefix="/v1/bank-partners", tags=["bank partners"])


@router.get("/{partner_id}/integration-guide", responses=problems(BankPartnerNotFound))
async def get_integration_guide(
    partner_id: PartnerId, session: ReadSession, config: Config, _: BankRequestReader
) -> IntegrationGuideOut:
    """Read what a bank's engineer needs: sample requests to copy, and what our codes mean.

    They are made for this partner and show no secret and no private key. A bank's engineer reads
    those of the own bank only.
    """
    guide = await service.get(
        session, partner_id=partner_id, at=clock.real_now(), sandbox=config.sandbox
    )
    return IntegrationGuideOut.of(guide)
