"""What two people decide: the first act of each, after which the route waits for another person."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
from contract.objects import Maker, new_application, new_move, new_partner
from contract.paid import make_answer, make_unknown_payout
from contract.reach import BRANCH, COUNTRY
from contract.roles import B, F, M
from cryptography.hazmat.primitives.asymmetric import rsa
from payment_service_tests.village import read_until

from agent_service.bank_accounts.models import BankAccount
from agent_service.bank_accounts.rules import NameMatch
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.disputes.models import Dispute
from payment_service.disputes.rules import DisputeStatus
from payment_service.forfeit_reversals.models import ForfeitReversal
from payment_service.forfeit_reversals.rules import ReversalStatus
from payment_service.incentive_holds.models import IncentiveHold
from payment_service.incentive_holds.rules import HoldStatus
from payment_service.payout_files.models import PayoutAnswer
from payment_service.payout_files.rules import AnswerStatus
from payment_service.payout_runs.rules import RunKind, RunStatus
from payment_service.payout_runs.service import make_run
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from sandbox.demo.forms import wadah_body

Headers = dict[str, str]
CONFIRMED = {"verdict": "confirmed"}


@dataclass(frozen=True)
class Waiting:
    """What waits for another person: the address and what they send."""

    path: str
    body: Any


@dataclass(frozen=True)
class TwoPeople:
    """role, scope: of both people. begin: the act of the first one."""

    role: Role
    scope: dict[str, Any]
    begin: Callable[[Maker, Headers], Awaitable[Waiting]]


async def _register_bank(maker: Maker, first: Headers) -> Waiting:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    partner = await maker.post(
        "payment", "/v1/bank-partners", new_partner(key, company_code="77778"), first
    )
    return Waiting(f"/v1/bank-partners/{partner['id']}/activation", None)


async def _propose_credentials(maker: Maker, first: Headers) -> Waiting:
    path = f"/v1/bank-partners/{maker.ids['partner_id']}/credential-changes"
    new = {"allowed_sources": ["203.0.113.0/28"], "overlap_days": 14}
    change = await maker.post("payment", path, new, first)
    return Waiting(f"{path}/{change['id']}/decision", {"verdict": "approved"})


async def _propose_scheme(maker: Maker, first: Headers) -> Waiting:
    terms = {
        "tiers": [{"first_index": 1, "last_index": 24, "rate_bps": 1500}],
        "acquisition_by_programmes": [{"programmes": 3, "amount": 15000}],
        "acquisition_fixed": 0,
        "threshold": 25,
        "agent_share_bps": 10000,
        "wadah_share_bps": 0,
        "override_bps": 1000,
        "sponsored": True,
    }
    month = Month.of(maker.today).plus(3)
    form = {"name": "New", "first_month": f"{month}", "terms": terms, "source": "PKS/1"}
    scheme = await maker.post("payment", "/v1/commission-schemes", form, first)
    return Waiting(f"/v1/commission-schemes/{scheme['id']}/decision", {"verdict": "approved"})


async def _propose_use_of_suspense(maker: Maker, first: Headers) -> Waiting:
    asked = {
        "member_id": maker.ids["third_member_id"],
        "first_month": f"{maker.today:%Y-%m}",
        "month_count": 1,
    }
    bill = await maker.post("payment", "/v1/bills", asked, maker.admin)
    path = f"/v1/suspense-items/{maker.ids['item_id']}/proposals"
    proposal = await maker.post("payment", path, {"bill_id": bill["id"]}, first)
    return Waiting(f"{path}/{proposal['id']}/decision", {"verdict": "approved"})


async def _propose_closing(maker: Maker, first: Headers) -> Waiting:
    database: Database = maker.platform.apps["payment"].state.kit.database
    async with database.begin() as session:
        await read_until(session, clock.now(), *SUBSCRIPTIONS)
    path = f"/v1/commission-months/{Month.of(maker.today).plus(-2)}/closing"
    await maker.post("payment", path, None, first)
    return Waiting(f"{path}/decision", {"verdict": "confirmed"})


async def _propose_release(maker: Maker, first: Headers) -> Waiting:
    path = f"/v1/incentive-holds/{maker.ids['hold_id']}/proposals"
    proposal = await maker.post("payment", path, {"verdict": "release"}, first)
    return Waiting(f"{path}/{proposal['id']}/decision", {"verdict": "approved"})


async def _propose_forfeit_reversal(maker: Maker, first: Headers) -> Waiting:
    database: Database = maker.platform.apps["payment"].state.kit.database
    async with database.begin() as session:
        open_ = await session.get_one(IncentiveHold, UUID(maker.ids["hold_id"]))
        copied = ("wadah_id", "branch_code", "region_code", "kind", "reason", "opened_at")
        hold = IncentiveHold(
            id=new_id(),
            status=HoldStatus.FORFEITED,
            beneficiary_kind=open_.beneficiary_kind,
            beneficiary_id=new_id(),
            dismissed_at=open_.dismissed_at,
            decided_at=clock.now(),
            **{name: getattr(open_, name) for name in copied},
        )
        reversal = ForfeitReversal(id=new_id(), hold_id=hold.id, amount=1)
        reversal.reason, reversal.status = "A mistake.", ReversalStatus.PROPOSED
        reversal.proposed_by, reversal.proposed_at = _account_of(first), clock.now()
        session.add(hold)
        await session.flush()
        session.add(reversal)
    path = f"/v1/incentive-holds/{hold.id}/forfeit-reversals/{reversal.id}/decision"
    return Waiting(path, {"verdict": "approved"})


async def _propose_refusal(maker: Maker, first: Headers) -> Waiting:
    path = await _open_review(maker, first, "2024-01")
    await maker.post("payment", f"{path}/refusal", None, first)
    return Waiting(f"{path}/refusal/decision", {"verdict": "confirmed"})


async def _propose_refusal_to_release(maker: Maker, first: Headers) -> Waiting:
    path = await _open_review(maker, first, "2024-02")
    await maker.post("payment", f"{path}/refusal", None, first)
    return Waiting(f"{path}/release", None)


async def _open_review(maker: Maker, first: Headers, month: str) -> str:
    form = {"agent_id": maker.ids["agent_id"], "month": month}
    review = await maker.post("payment", "/v1/bonus-reviews", form, first)
    return f"/v1/bonus-reviews/{review['id']}"


async def _open_dispute(maker: Maker, first: Headers) -> Waiting:
    """Store a dispute of the first person, because no role both opens and answers one."""
    database: Database = maker.platform.apps["payment"].state.kit.database
    async with database.begin() as session:
        known = await session.get_one(Dispute, UUID(maker.ids["dispute_id"]))
        copied = ("beneficiary_id", "member_id", "reason", "opened_at", "due_at")
        dispute = Dispute(id=new_id(), payment_id=new_id(), status=DisputeStatus.OPEN)
        dispute.opened_by = _account_of(first)
        for name in copied:
            setattr(dispute, name, getattr(known, name))
        session.add(dispute)
    body = {"outcome": "upheld", "answer": "It stands."}
    return Waiting(f"/v1/disputes/{dispute.id}/answer", body)


async def _propose_correction(maker: Maker, first: Headers) -> Waiting:
    path = f"/v1/members/{maker.ids['third_member_id']}/corrections"
    form = {"changes": {"full_name": "Siti Nur Aminah"}, "evidence": "KTP seen"}
    correction = await maker.post("member", path, form, first, **{"If-Match": "*"})
    return Waiting(f"{path}/{correction['id']}/approval", {"evidence": "KTP seen"})


async def _propose_account(maker: Maker, first: Headers) -> Waiting:
    form = {
        "wadah_id": maker.ids["wadah_id"],
        "bank_code": "999",
        "account_no": "1234567892",
        "holder_name": "Bendahara Nelayan",
    }
    proposed = await maker.post("agent", "/v1/bank-accounts", form, first)
    database: Database = maker.platform.apps["agent"].state.kit.database
    async with database.begin() as session:  # no bank answers here
        account = await session.get_one(BankAccount, UUID(proposed["id"]))
        account.name_match, account.verified_at = NameMatch.MATCH, clock.now()
    return Waiting(f"/v1/bank-accounts/{proposed['id']}/decision", {"verdict": "approved"})


async def _propose_tax_identity(maker: Maker, first: Headers) -> Waiting:
    form = {
        "wadah_id": maker.ids["wadah_id"],
        "npwp": "012345678901000",
        "holds_from": f"{maker.today}",
    }
    proposed = await maker.post("agent", "/v1/tax-identities", form, first)
    return Waiting(f"/v1/tax-identities/{proposed['id']}/decision", {"verdict": "approved"})


async def _register_payout_account(maker: Maker, first: Headers) -> Waiting:
    form = {
        "name": "Rekening operasional",
        "bank_code": "014",
        "channel": "file",
        "account_no": "1234567890",
        "file_format": "generic-csv",
    }
    account = await maker.post("payment", "/v1/payout-accounts", form, first)
    return Waiting(f"/v1/payout-accounts/{account['id']}/activation", None)


async def _propose_resumption(maker: Maker, first: Headers) -> Waiting:
    await maker.post("payment", "/v1/payout-stops", {"reason": "Saldo salah."}, maker.finance)
    path = "/v1/payout-stops/resumption"
    await maker.post("payment", path, None, first)
    return Waiting(f"{path}/decision", {"verdict": "confirmed"})


def _account_of(person: Headers) -> UUID:
    token = person["Authorization"].removeprefix("Bearer ")
    return UUID(jwt.decode(token, options={"verify_signature": False})["sub"])


async def _prepare_run(maker: Maker, first: Headers, **stored: Any) -> str:
    """Store a run that the first person proposed, as if the worker had prepared it."""
    month, account_id = Month.of(maker.today).plus(-1), UUID(maker.ids["payout_account_id"])
    run = make_run(RunKind.INCENTIVES, month, account_id, by=_account_of(first))
    run.status, run.prepared_at = RunStatus.PROPOSED, clock.now()
    run.figures = dict.fromkeys(("statement_count", "gross", "tax", "amount"), 1)
    run.figures |= {"payout_count": 1, "left_out": []}
    for name, value in stored.items():
        setattr(run, name, value)
    database: Database = maker.platform.apps["payment"].state.kit.database
    async with database.begin() as session:
        session.add(run)
        return str(run.id)


async def _upload_answer(maker: Maker, first: Headers) -> Waiting:
    file_id, by = UUID(maker.ids["file_id"]), _account_of(first)
    database: Database = maker.platform.apps["payment"].state.kit.database
    async with database.begin() as session:
        made = await session.get_one(PayoutAnswer, UUID(maker.ids["answer_id"]))
        # A file has one answer at a time that nobody has decided on.
        made.status, made.decided_by, made.decided_at = AnswerStatus.REJECTED, by, clock.now()
        await session.flush()
        answer = make_answer(file_id, by=by)
        session.add(answer)
    return Waiting(f"/v1/payout-files/{file_id}/answers/{answer.id}/decision", CONFIRMED)


async def _propose_run(maker: Maker, first: Headers) -> Waiting:
    run_id = await _prepare_run(maker, first)
    return Waiting(f"/v1/payout-runs/{run_id}/decision", {"verdict": "approved"})


async def _approve_run(maker: Maker, first: Headers) -> Waiting:
    approved = {"status": RunStatus.APPROVED, "decided_by": new_id(), "decided_at": clock.now()}
    run_id = await _prepare_run(maker, first, **approved)
    return Waiting(f"/v1/payout-runs/{run_id}/release", None)


async def _propose_settlement(maker: Maker, first: Headers) -> Waiting:
    database: Database = maker.platform.apps["payment"].state.kit.database
    payout_id = await make_unknown_payout(database, maker.ids)
    path = f"/v1/payouts/{payout_id}/settlement-proposals"
    form = {"outcome": "failed", "evidence": "Surat bank nomor 118."}
    proposal = await maker.post("payment", path, form, first)
    return Waiting(f"{path}/{proposal['id']}/decision", {"verdict": "approved"})


async def _propose_move(maker: Maker, first: Headers) -> Waiting:
    wadahs = [
        await maker.post("agent", "/v1/wadahs", wadah_body(maker.today), first) for _ in range(2)
    ]
    applicant = maker.tokens.make(
        M, amr=("otp",), device_id="device-2", account_id=new_id(), member_id=new_id()
    )
    form = new_application(maker.today, wadahs[0]["id"])
    application = await maker.post("agent", "/v1/applications", form, applicant)
    agent_id = await maker.admit(application["id"], agent_code="BWI-2")
    move = new_move(maker.today, wadahs[1]["id"])
    proposed = await maker.post("agent", f"/v1/agents/{agent_id}/wadah-moves", move, first)
    decision = {"verdict": "approved", "reason": "Both wadahs agree."}
    return Waiting(f"/v1/wadah-moves/{proposed['id']}/decision", decision)


TWO_PEOPLE: dict[tuple[str, str], TwoPeople] = {
    ("agent", "POST /v1/bank-accounts/{bank_account_id}/decision"): TwoPeople(
        B, BRANCH, _propose_account
    ),
    ("agent", "POST /v1/tax-identities/{tax_identity_id}/decision"): TwoPeople(
        B, BRANCH, _propose_tax_identity
    ),
    ("agent", "POST /v1/wadah-moves/{wadah_move_id}/decision"): TwoPeople(B, BRANCH, _propose_move),
    ("payment", "POST /v1/bank-partners/{partner_id}/activation"): TwoPeople(
        F, COUNTRY, _register_bank
    ),
    (
        "payment",
        "POST /v1/bank-partners/{partner_id}/credential-changes/{credential_change_id}/decision",
    ): TwoPeople(F, COUNTRY, _propose_credentials),
    ("payment", "POST /v1/commission-schemes/{scheme_id}/decision"): TwoPeople(
        F, COUNTRY, _propose_scheme
    ),
    (
        "payment",
        "POST /v1/commission-months/{month}/closing/decision",
    ): TwoPeople(F, COUNTRY, _propose_closing),
    (
        "payment",
        "POST /v1/suspense-items/{item_id}/proposals/{proposal_id}/decision",
    ): TwoPeople(F, COUNTRY, _propose_use_of_suspense),
    (
        "payment",
        "POST /v1/incentive-holds/{hold_id}/proposals/{proposal_id}/decision",
    ): TwoPeople(F, COUNTRY, _propose_release),
    (
        "payment",
        "POST /v1/incentive-holds/{hold_id}/forfeit-reversals/{reversal_id}/decision",
    ): TwoPeople(F, COUNTRY, _propose_forfeit_reversal),
    (
        "payment",
        "POST /v1/bonus-reviews/{review_id}/refusal/decision",
    ): TwoPeople(F, BRANCH, _propose_refusal),
    ("payment", "POST /v1/bonus-reviews/{review_id}/release"): TwoPeople(
        F, BRANCH, _propose_refusal_to_release
    ),
    ("payment", "POST /v1/disputes/{dispute_id}/answer"): TwoPeople(F, BRANCH, _open_dispute),
    ("payment", "POST /v1/payout-accounts/{payout_account_id}/activation"): TwoPeople(
        F, COUNTRY, _register_payout_account
    ),
    (
        "payment",
        "POST /v1/payout-files/{file_id}/answers/{answer_id}/decision",
    ): TwoPeople(F, COUNTRY, _upload_answer),
    ("payment", "POST /v1/payout-stops/resumption/decision"): TwoPeople(
        F, COUNTRY, _propose_resumption
    ),
    ("payment", "POST /v1/payout-runs/{run_id}/decision"): TwoPeople(F, COUNTRY, _propose_run),
    ("payment", "POST /v1/payout-runs/{run_id}/release"): TwoPeople(F, COUNTRY, _approve_run),
    (
        "payment",
        "POST /v1/payouts/{payout_id}/settlement-proposals/{proposal_id}/decision",
    ): TwoPeople(F, COUNTRY, _propose_settlement),
    (
        "member",
        "POST /v1/members/{member_id}/corrections/{correction_id}/approval",
    ): TwoPeople(B, BRANCH, _propose_correction),
}
