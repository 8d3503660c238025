"""The one question we ask member-service: what members' contributions are priced on."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from payment_service.visibility import Owner
from perisai_kit.domain import clock
from perisai_kit.domain.errors import NotFound, Unavailable
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.events.catalogue import AttributionPeriod
from perisai_kit.http.types import Instant, MonthText, Rupiah, Text255
from perisai_kit.services.client import ServiceClient


class MemberUnknown(NotFound):
    code = "member_unknown"
    text = "There is no such member, or you may not see the member."
    text_id = "Peserta tidak ditemukan, atau Anda tidak berwenang melihatnya."


class _Answer(BaseModel):
    """A part of member-service's answer; fields it may add later are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


AnswerKind = TypeVar("AnswerKind", bound=_Answer)


class PresentRegistration(_Answer):
    covers_from: Instant


class Offer(_Answer):
    """Months that can be billed now, in order. pay_before: the first instant that is too late."""

    months: Annotated[tuple[MonthText, ...], Field(min_length=1)]
    pay_before: Instant
    opens_registration: bool
    paid_earlier: tuple[MonthText, ...]


class ContributionBasis(_Answer):
    """What a bill is priced from, and which months it may have: the proposed offer first.

    settled_since: payments before it belong to earlier registrations; None: there are none.
    """

    member_id: UUID
    display_name: Text255
    sector: Sector
    declared_income: Rupiah
    programmes: frozenset[Programme]
    employs_others: bool
    payer: Payer
    attribution_no: int
    periods: Annotated[tuple[AttributionPeriod, ...], Field(min_length=1)]
    registration: PresentRegistration | None
    settled_since: Instant | None
    offers: tuple[Offer, ...]
    declaration_needed: bool
    not_billable: Literal["deceased", "over_age"] | None

    @property
    def owner(self) -> Owner:
        """Return who cares for the member today, and so may see and bill."""
        today = clock.today()
        present = [each for each in self.periods if each.from_date <= today][-1:] or self.periods[
            :1
        ]
        period = present[0]
        return Owner(
            member_id=self.member_id,
            agent_id=period.agent_id if period.agent_sees else None,
            wadah_id=period.wadah_id,
            branch_code=period.branch_code,
            region_code=period.region_code,
        )


class _Bases(_Answer):
    items: tuple[ContributionBasis, ...]


class MembersClient:
    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def contribution_basis(self, member_id: UUID) -> ContributionBasis:
        """Return what this member's contribution is priced on now.

        Raises: MemberUnknown; Unavailable when member-service gives no readable answer.
        """
        try:
            answer = await self._client.get(f"/v1/members/{member_id}/contribution-basis")
        except NotFound:
            raise MemberUnknown(field="member_id") from None
        return _read(ContributionBasis, answer)

    async def contribution_bases(self, member_ids: Sequence[UUID]) -> dict[UUID, ContributionBasis]:
        """Return the same for several members by their ids; unknown ones are left out.

        Raises: Unavailable when member-service gives no readable answer.
        """
        asked = {"member_ids": [str(member_id) for member_id in member_ids]}
        answer = _read(_Bases, await self._client.post("/v1/contribution-bases", asked))
        return {basis.member_id: basis for basis in answer.items}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _read(kind: type[AnswerKind], answer: object) -> AnswerKind:
    try:
        return kind.model_validate(answer)
    except ValidationError:
        # The answer holds names: neither the error nor its text may go on.
        raise Unavailable("The members' data cannot be read.") from None


async def _members(request: Request) -> MembersClient:
    client: MembersClient = request.app.state.members
    return client


Members = Annotated[MembersClient, Depends(_members)]
