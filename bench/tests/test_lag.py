from collections.abc import Callable
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import select

from bench.bills import seed
from bench.lag import compute_percentile
from bench.members import seed_members
from member_service.allocations import service as allocations
from member_service.members.models import Member
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    MemberAttributed,
    MemberEnrolled,
    PaymentSettled,
    SettledLine,
)
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls
from sandbox.vault import BankSecrets

BANK = BankSecrets(
    client_id="bank", client_secret="s", outbound_client_id="us", outbound_client_secret="s"
)
COUNT = 10


@pytest.mark.parametrize(
    ("values", "share", "wanted"),
    [
        ([3.0], 0.99, 3.0),
        ([float(value) for value in range(100, 0, -1)], 0.99, 99.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
    ],
)
def test_a_percentile_is_one_of_the_values(
    values: list[float], share: float, wanted: float
) -> None:
    assert compute_percentile(values, share) == wanted


async def test_copied_members_are_those_of_the_bills_and_can_be_covered(
    own_database: Callable[[str], Urls], keyring: Keyring
) -> None:
    billed, urls = own_database("payment"), own_database("member")
    key = rsa.generate_private_key(65537, 2048).public_key()
    await seed(billed.owner, keyring, bank=BANK, public_key=key, count=COUNT)

    await seed_members(urls.owner, keyring, payment_url=billed.owner)

    database = Database(urls.app, keyring=keyring)
    async with database.begin() as session:
        members = (await session.scalars(select(Member))).all()
        events = (await session.scalars(select(EventRow).order_by(EventRow.seq))).all()
        await allocations.take_allocations(session, [_paid(members[0])], TERMS)
        await session.refresh(members[0])
    await database.dispose()

    assert len({each.agent_id for each in members}) == COUNT
    assert len(events) == 2 * COUNT
    assert {each.type for each in events} == {MemberEnrolled.type, MemberAttributed.type}
    attributed = [
        MemberAttributed.model_validate(each.data)
        for each in events
        if each.type == MemberAttributed.type
    ]
    assert {(each.member_id, each.periods[0].agent_id) for each in attributed} == {
        (each.id, each.agent_id) for each in members
    }
    assert members[0].paid_through == Month.of(clock.today())


def _paid(member: Member) -> PaymentSettled:
    now, month = clock.now(), Month.of(clock.today())
    return PaymentSettled(
        allocation_id=uuid4(),
        payment_id=uuid4(),
        bill_id=uuid4(),
        member_id=member.id,
        partner_id=uuid4(),
        amount=200,
        issued_at=now,
        counts_at=now,
        received_at=now,
        payer="self",
        lines=tuple(
            SettledLine(month=month, programme=programme, amount=100, relief=0)
            for programme in ("jkk", "jkm")
        ),
    )
