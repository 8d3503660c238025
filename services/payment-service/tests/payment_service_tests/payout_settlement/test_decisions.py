"""Two officers settle what no bank answers; nothing is sent by it."""

from uuid import UUID

import pytest
from payment_service_tests.payout_world import World, make_payouts

from payment_service.payout_settlement import service
from payment_service.payout_settlement.rules import (
    OwnSettlementProposal,
    PayoutNotUnknown,
    SettlementOutcome,
    SettlementProposalOpen,
    SettlementTooEarly,
    SettlementVerdict,
)
from payment_service.payout_transfers.rules import TransferStatus
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id

PAID, FAILED, UNKNOWN = TransferStatus.PAID, TransferStatus.FAILED, TransferStatus.UNKNOWN
SENT, RETURNED = TransferStatus.SENT, TransferStatus.RETURNED


class TestDecision:
    async def make_unknown(self, world: World) -> tuple[UUID, UUID]:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script = ["unheard"]
        await world.send(id_)
        await world.age(id_, hours=73)
        return id_, (await world.find(id_)).payout_id

    @pytest.mark.parametrize(
        ("outcome", "status"),
        [
            (SettlementOutcome.PAID, PAID),
            (SettlementOutcome.FAILED, FAILED),
            (SettlementOutcome.RETURNED, RETURNED),
        ],
    )
    async def test_two_officers_settle_it_and_nothing_is_sent(
        self, world: World, outcome: SettlementOutcome, status: TransferStatus
    ) -> None:
        id_, payout_id = await self.make_unknown(world)
        first, second = new_id(), new_id()

        async with world.database.begin() as session:
            made = await service.propose(
                session,
                payout_id,
                outcome=outcome,
                executed_on=None if status is FAILED else clock.today(),
                evidence="Surat bank nomor 118.",
                by=first,
                settings=world.settings,
            )
        async with world.database.begin() as session:
            decided = await service.decide(
                session, payout_id, made.id, verdict=SettlementVerdict.APPROVED, by=second
            )

        assert decided.decided_by == second
        assert await world.status(id_) is status
        assert world.bank.transfers == 1

    async def test_one_officer_cannot_do_both(self, world: World) -> None:
        id_, payout_id = await self.make_unknown(world)
        officer = new_id()

        async with world.database.begin() as session:
            made = await service.propose(
                session,
                payout_id,
                outcome=SettlementOutcome.PAID,
                executed_on=clock.today(),
                evidence="x",
                by=officer,
                settings=world.settings,
            )
            with pytest.raises(OwnSettlementProposal):
                await service.decide(
                    session, payout_id, made.id, verdict=SettlementVerdict.APPROVED, by=officer
                )
            await service.decide(
                session, payout_id, made.id, verdict=SettlementVerdict.REJECTED, by=officer
            )

        assert await world.status(id_) is UNKNOWN

    async def test_there_is_one_open_proposal(self, world: World) -> None:
        _, payout_id = await self.make_unknown(world)

        async with world.database.begin() as session:
            for _ in range(2):
                try:
                    await service.propose(
                        session,
                        payout_id,
                        outcome=SettlementOutcome.FAILED,
                        executed_on=None,
                        evidence="x",
                        by=new_id(),
                        settings=world.settings,
                    )
                except SettlementProposalOpen as problem:
                    refused = problem

        assert refused.code == "payout_settlement_proposal_open"

    async def test_an_answer_of_the_bank_comes_before_a_decision(self, world: World) -> None:
        id_, payout_id = await self.make_unknown(world)
        async with world.database.begin() as session:
            made = await service.propose(
                session,
                payout_id,
                outcome=SettlementOutcome.FAILED,
                executed_on=None,
                evidence="x",
                by=new_id(),
                settings=world.settings,
            )
        world.bank.statuses = ["00"]
        await world.ask(id_)

        async with world.database.begin() as session:
            with pytest.raises(PayoutNotUnknown):
                await service.decide(
                    session, payout_id, made.id, verdict=SettlementVerdict.APPROVED, by=new_id()
                )

        assert await world.status(id_) is PAID

    async def test_it_is_too_early_while_the_bank_may_answer(self, world: World) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script = ["lost"]
        await world.send(id_)
        payout_id = (await world.find(id_)).payout_id

        async with world.database.begin() as session:
            with pytest.raises(SettlementTooEarly):
                await service.propose(
                    session,
                    payout_id,
                    outcome=SettlementOutcome.PAID,
                    executed_on=clock.today(),
                    evidence="x",
                    by=new_id(),
                    settings=world.settings,
                )
