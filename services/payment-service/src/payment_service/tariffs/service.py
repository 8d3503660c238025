"""Prices, from the documents shipped in the package."""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from uuid import UUID

from payment_service.clients.members import ContributionBasis, MembersClient, MemberUnknown
from payment_service.tariffs import rules
from payment_service.tariffs.schemas import ReliefDocument, TariffDocument, book_of
from payment_service.visibility import may_see
from perisai_kit.auth.principal import Principal
from perisai_kit.domain.errors import together
from perisai_kit.domain.month import Month


@cache
def book() -> rules.Book:
    """Return the tables of the package, read and checked once; called when the service starts.

    Raises: TariffBroken or a validation error, which keep the service from starting.
    """
    folder = resources.files("payment_service.tariffs") / "data"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return book_of(
        [
            TariffDocument.model_validate_json(file.read_bytes())
            for file in files
            if file.name.startswith("tariff_")
        ],
        [
            ReliefDocument.model_validate_json(file.read_bytes())
            for file in files
            if file.name.startswith("relief_")
        ],
    )


async def basis_for(
    members: MembersClient, principal: Principal, member_id: UUID
) -> ContributionBasis:
    """Ask member-service what this member is priced on; to be asked before any transaction.

    Raises: MemberUnknown, also for a member the subject may not see; Unavailable.
    """
    basis = await members.contribution_basis(member_id)
    if not may_see(principal, basis.owner):
        raise MemberUnknown(field="member_id")
    return basis


async def bases_for(
    members: MembersClient, principal: Principal, member_ids: Sequence[UUID]
) -> dict[UUID, ContributionBasis]:
    """Ask the same of several members at once.

    Raises: MemberUnknown with the fields of the members that are unknown or that the subject may
    not see; Unavailable.
    """
    bases = await members.contribution_bases(member_ids)
    unknown = [
        MemberUnknown(field=f"bills.{place}.member_id")
        for place, member_id in enumerate(member_ids)
        if member_id not in bases or not may_see(principal, bases[member_id].owner)
    ]
    if unknown:
        raise together(unknown)
    return bases


def price(
    basis: ContributionBasis,
    *,
    months: Sequence[Month],
    jht_mandatory_for_employers: bool,
) -> tuple[rules.Line, ...]:
    """Return the lines of these months, each rupiah explained.

    Raises: NoTariff, IncomeBelowMinimum, MandatoryProgrammeMissing, JhtMandatory.
    """
    return rules.price(
        book(),
        rules.Basis(
            sector=basis.sector,
            declared_income=basis.declared_income,
            programmes=basis.programmes,
            employs_others=basis.employs_others,
            payer=basis.payer,
        ),
        months=months,
        jht_mandatory_for_employers=jht_mandatory_for_employers,
    )
