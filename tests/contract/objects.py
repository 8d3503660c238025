"""One object of each kind, of an agent of BWI, made as its people make it where they can."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from contract.conftest import Platform
from contract.paid import make_payout
from contract.reach import BRANCH, COUNTRY
from contract.roles import A, B, D, F, M
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from payment_service_tests.partner_bank import Bank, payment_of
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agents.models import Agent
from agent_service.agents.rules import AgentStatus
from agent_service.applications.models import Application
from member_service.risk_flags.models import RaisedFlag
from member_service.risk_flags.rules import RiskFlag
from payment_service.banks.models import BankPartner
from payment_service.bills.schemas import BillOut
from payment_service.counting.models import Beneficiary
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds.models import HeldStatement, IncentiveHold
from payment_service.incentive_holds.rules import HoldKind, HoldReason, HoldStatus
from payment_service.incentive_statements.models import Statement
from payment_service.payees.rules import PayeeKind
from payment_service.scheme_comparisons.models import ComparedBeneficiary, SchemeComparison
from payment_service.scheme_comparisons.rules import ComparisonStatus, MonthFigures
from payment_service.taxes import service as taxes
from payment_service.taxes.rules import TaxPolicy
from payment_service.taxes.service import Earning
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.network import Tokens
from sandbox.demo.forms import application_body, wadah_body
from sandbox.demo.people import member_body, new_adult


class Maker:
    """Makes the objects, with the sign-ins of an agent of BWI and of officers."""

    def __init__(self, platform: Platform, tokens: Tokens) -> None:
        self.platform, self.tokens = platform, tokens
        self.today = clock.today()
        self.ids: dict[str, str] = {}
        self.applicant_id = new_id()
        self.admin = tokens.make(D, scope=COUNTRY)
        self.finance = tokens.make(F, scope=COUNTRY)
        self.officer = tokens.make(B, scope=BRANCH)
        self.agent: dict[str, str] = {}

    async def make_all(self) -> dict[str, str]:
        """Return the ids by the name of their path parameter."""
        await self.make_agent()
        await self.make_member()
        await self.make_member_decisions()
        await self.make_flag()
        await self.make_money()
        await self.make_statement()
        await self.make_withholding()
        made = await make_payout(self.platform.apps["payment"].state.kit.database, self.ids)
        self.ids |= made
        return self.ids

    async def post(
        self, service: str, path: str, body: Any, headers: dict[str, str], **more: str
    ) -> dict[str, Any]:
        answer = await self.platform.clients[service].post(
            path, json=body, headers={**headers, "Idempotency-Key": str(new_id()), **more}
        )
        assert answer.status_code in {200, 201, 207}, answer.text
        made = answer.json()
        assert isinstance(made, dict)
        return made

    async def make_agent(self) -> None:
        branch = {"code": "BWI", "name": "Banyuwangi", "region_code": "JTM"}
        await self.post("agent", "/v1/branches", branch, self.admin)
        wadah = await self.post("agent", "/v1/wadahs", wadah_body(self.today), self.officer)
        applicant = self.tokens.make(
            M, amr=("otp",), device_id="device-1", account_id=self.applicant_id, member_id=new_id()
        )
        form = new_application(self.today, wadah["id"])
        application = await self.post("agent", "/v1/applications", form, applicant)
        self.ids |= {"wadah_id": wadah["id"], "application_id": application["id"]}
        self.ids["agent_id"] = str(await self.admit(application["id"]))
        self.agent = self.tokens.make(
            A, scope=BRANCH, agent_id=UUID(self.ids["agent_id"]), wadah_id=UUID(wadah["id"])
        )
        account = {
            "agent_id": self.ids["agent_id"],
            "bank_code": "999",
            "account_no": "1234567891",
            "holder_name": form["full_name"],
        }
        proposed = await self.post("agent", "/v1/bank-accounts", account, self.agent)
        self.ids["bank_account_id"] = proposed["id"]
        identity = {"agent_id": self.ids["agent_id"], "holds_from": str(self.today)}
        proposed = await self.post("agent", "/v1/tax-identities", identity, self.agent)
        self.ids["tax_identity_id"] = proposed["id"]
        other = await self.post("agent", "/v1/wadahs", wadah_body(self.today), self.officer)
        move = new_move(self.today, other["id"])
        path = f"/v1/agents/{self.ids['agent_id']}/wadah-moves"
        proposed = await self.post("agent", path, move, self.officer)
        self.ids |= {"second_wadah_id": other["id"], "wadah_move_id": proposed["id"]}

    async def admit(self, application_id: str, *, agent_code: str = "BWI-1") -> UUID:
        """Store an agent; an approval needs a bank's answer and a member's telephone."""
        database: Database = self.platform.apps["agent"].state.kit.database
        async with database.begin() as session:
            form = await session.get_one(Application, UUID(application_id))
            agent = Agent(
                id=new_id(),
                agent_code=agent_code,
                application_id=form.id,
                account_id=new_id(),
                member_id=new_id(),
                assignment_letter_number="ST/1",
                status=AgentStatus.ACTIVE,
                in_office_since=self.today,
                activated_at=clock.now(),
                first_wadah_id=form.wadah_id,
                **{name: getattr(form, name) for name in TAKEN_OVER},
            )
            session.add(agent)
            return agent.id

    async def make_member(self) -> None:
        batch_id = str(new_id())
        rows = [member_body(new_adult(self.today), at=clock.now()) for _ in range(3)]
        form = {"batch_id": batch_id, "rows": rows}
        batch = await self.post("member", "/v1/enrolment-batches", form, self.agent)
        members = [row["member_id"] for row in batch["rows"]]
        names = ("member_id", "second_member_id", "third_member_id")
        self.ids |= {**dict(zip(names, members, strict=True)), "batch_id": batch_id}
        self.ids["nik"] = rows[0]["nik"]

    async def make_member_decisions(self) -> None:
        member = f"/v1/members/{self.ids['member_id']}"
        changes = {"changes": {"phone": "0813 0000 0000"}}
        correction = await self.post(
            "member", f"{member}/corrections", changes, self.agent, **{"If-Match": "*"}
        )
        self.ids["correction_id"] = correction["id"]
        report = {"reason": "choice", "last_day": str(self.today + timedelta(days=300))}
        ending = await self.post("member", f"{member}/endings", report, self.officer)
        self.ids["ending_id"] = ending["id"]
        month = str(Month.of(self.today).plus(2).first_day)
        plan = {
            "from_agent_id": self.ids["agent_id"],
            "to_agent_id": None,
            "from_date": month,
            "reason": "agent_left",
            "member_ids": [self.ids["member_id"]],
        }
        handover = await self.post("member", "/v1/handovers", plan, self.officer)
        self.ids["handover_id"] = handover["id"]
        listed = await self.platform.clients["member"].get(
            f"{member}/attributions", headers=self.officer
        )
        self.ids["attribution_id"] = listed.json()["items"][0]["id"]

    async def make_flag(self) -> None:
        """Store a risk flag on the member; only many alike are flagged."""
        flag = RaisedFlag(
            id=new_id(),
            allocation_id=new_id(),
            flag=RiskFlag.SHARED_PHONE,
            member_id=UUID(self.ids["member_id"]),
            agent_id=UUID(self.ids["agent_id"]),
            month=Month.of(self.today),
            counts_at=clock.now(),
            branch_code="BWI",
            region_code="JTM",
            flagged_at=clock.now(),
        )
        self.ids["flag_id"] = str(flag.id)
        database: Database = self.platform.apps["member"].state.kit.database
        async with database.begin() as session:
            session.add(flag)

    async def make_money(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = {**new_partner(key), "keeps_refused_money": True}
        registered = await self.post("payment", "/v1/bank-partners", form, self.admin)
        activation = f"/v1/bank-partners/{registered['id']}/activation"
        await self.post("payment", activation, {}, self.finance, **{"If-Match": "*"})
        month = {"first_month": f"{self.today:%Y-%m}", "month_count": 1}
        members = [self.ids["member_id"], self.ids["second_member_id"]]
        form = {"name": "Keluarga", "bills": [{"member_id": each, **month} for each in members]}
        order = await self.post("payment", "/v1/orders", form, self.agent)
        client = self.platform.clients["payment"]
        asked = {"member_id": members[0]}
        bills = await client.get("/v1/bills", params=asked, headers=self.agent)
        bill_id = bills.json()["items"][0]["id"]
        bill = await client.get(f"/v1/bills/{bill_id}", headers=self.agent)
        self.ids |= {"partner_id": registered["id"], "bill_id": bill_id, "order_id": order["id"]}
        database: Database = self.platform.apps["payment"].state.kit.database
        async with database.read() as session:
            partner = await session.get_one(BankPartner, UUID(registered["id"]))
        bank = Bank(client, partner, key, registered["client_secret"])
        due = BillOut.model_validate(bill.json())
        for _ in range(2):  # The second one is money for a paid order: suspense.
            answer = await bank.pay(payment_of(due, partner, amount=order["amount"]))
            assert answer.status_code == 200, answer.text
        paid = await client.get("/v1/payments", headers=self.finance)
        # The latest first: the one for the bill, which its people may see too.
        self.ids["payment_id"] = paid.json()["items"][-1]["id"]
        kept = await client.get("/v1/suspense-items", headers=self.finance)
        self.ids["item_id"] = kept.json()["items"][0]["id"]
        schemes = await client.get("/v1/commission-schemes", headers=self.finance)
        self.ids["scheme_id"] = schemes.json()["items"][0]["id"]

    async def make_statement(self) -> None:
        """Store a held statement; to close a month, months of events are needed."""
        database: Database = self.platform.apps["payment"].state.kit.database
        statement = Statement(
            id=new_id(),
            month=Month.of(self.today).plus(-1),
            beneficiary_kind=BeneficiaryKind.AGENT,
            beneficiary_id=UUID(self.ids["agent_id"]),
            wadah_id=UUID(self.ids["wadah_id"]),
            branch_code="BWI",
            region_code="JTM",
            line_count=1,
            contribution_parts=0,
            acquisition_parts=0,
            override_parts=0,
            brought_parts=0,
            total_parts=0,
            amount=0,
            brought_debt=0,
            issued_at=clock.now(),
        )
        month = str(statement.month)
        self.ids |= {"statement_id": str(statement.id), "statement_month": month, "month": month}
        # No agreement is known here, so the agent is paid.
        self.ids["payee_id"] = self.ids["agent_id"]
        beneficiaries = [
            Beneficiary(
                beneficiary_id=id_,
                beneficiary_kind=kind,
                known_wadah_id=statement.wadah_id,
                branch_code="BWI",
                region_code="JTM",
                is_from_agent_service=True,
                known_at=clock.now(),
            )
            for id_, kind in (
                (statement.beneficiary_id, BeneficiaryKind.AGENT),
                (statement.wadah_id, BeneficiaryKind.WADAH),
            )
        ]
        async with database.begin() as session:
            session.add_all([statement, *beneficiaries, await self.make_hold(session, statement)])
            session.add_all(self.make_comparison(statement))
        form = {"agent_id": self.ids["agent_id"], "month": str(statement.month)}
        review = await self.post("payment", "/v1/bonus-reviews", form, self.finance)
        self.ids["review_id"] = review["id"]
        disputed = {"payment_id": self.ids["payment_id"], "reason": "The member is mine."}
        dispute = await self.post("payment", "/v1/disputes", disputed, self.agent)
        self.ids["dispute_id"] = dispute["id"]

    def make_comparison(self, statement: Statement) -> tuple[SchemeComparison, ComparedBeneficiary]:
        """Return a finished comparison that shows an agent; it needs a closed month otherwise."""
        comparison = SchemeComparison(
            id=new_id(),
            scheme_id=UUID(self.ids["scheme_id"]),
            first_month=statement.month,
            last_month=statement.month,
            status=ComparisonStatus.DONE,
            asked_by=new_id(),
            asked_at=clock.now(),
            step_no=2,
            compared_count=0,
            waiting_count=0,
            figures=[MonthFigures(statement.month).as_stored()],
            done_at=clock.now(),
            failure_count=0,
        )
        self.ids["comparison_id"] = str(comparison.id)
        beneficiary = ComparedBeneficiary(
            comparison_id=comparison.id,
            beneficiary_id=statement.beneficiary_id,
            beneficiary_kind=BeneficiaryKind.AGENT,
            wadah_id=statement.wadah_id,
            brought_parts=0,
            actual=0,
            would_be=0,
            difference=0,
        )
        return comparison, beneficiary

    async def make_hold(self, session: AsyncSession, statement: Statement) -> HeldStatement:
        """Hold a statement, as after a dismissal for fraud."""
        copied = ("beneficiary_kind", "beneficiary_id", "wadah_id", "branch_code", "region_code")
        hold = IncentiveHold(
            id=new_id(),
            kind=HoldKind.CAUSE,
            reason=HoldReason.FRAUD,
            status=HoldStatus.OPEN,
            dismissed_at=clock.now(),
            opened_at=clock.now(),
            **{name: getattr(statement, name) for name in copied},
        )
        self.ids["hold_id"] = str(hold.id)
        session.add(hold)
        await session.flush()
        return HeldStatement(
            hold_id=hold.id,
            statement_id=statement.id,
            month=statement.month,
            amount=1,
            held_at=clock.now(),
        )

    async def make_withholding(self) -> None:
        """Withhold tax, as when the agent was paid."""
        payout_id, agent_id = new_id(), UUID(self.ids["agent_id"])
        earning = Earning(
            payout_id=payout_id,
            payee_kind=PayeeKind.AGENT,
            payee_id=agent_id,
            beneficiary_kind=BeneficiaryKind.AGENT,
            beneficiary_id=agent_id,
            legal_entity=None,
            identity=None,
            items={new_id(): 1_000_000},
        )
        database: Database = self.platform.apps["payment"].state.kit.database
        async with database.begin() as session:
            await taxes.compute(session, [earning], on=self.today, policy=TaxPolicy())
            await taxes.record(session, payout_id, paid_on=self.today)
        client = self.platform.clients["payment"]
        listed = await client.get("/v1/tax-slips", headers=self.finance)
        self.ids |= {"slip_id": listed.json()["items"][0]["id"], "year": f"{self.today:%Y}"}


TAKEN_OVER = (
    "branch_code",
    "region_code",
    "nik",
    "nik_hash",
    "full_name",
)


def new_move(today: date, wadah_id: str) -> dict[str, Any]:
    from_date = Month.of(today).plus(1).first_day
    return {"wadah_id": wadah_id, "from_date": f"{from_date}", "reason": "Lives nearer to it."}


def new_application(today: date, wadah_id: str) -> dict[str, Any]:
    return application_body(
        new_adult(today), wadah_id=wadah_id, bank_code="999", account_no="1234567890"
    )


def new_partner(key: rsa.RSAPrivateKey, *, company_code: str = "77777") -> dict[str, Any]:
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "name": "Bank",
        "profile": "generic-hmac",
        "company_code": company_code,
        "bank_code": "999",
        "public_key_pem": pem.decode(),
    }
