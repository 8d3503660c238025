"""What each route is sent in the walk of scopes: accepted in form, and about the objects' ids."""

from collections.abc import Callable
from datetime import date
from typing import Any

from contract.objects import new_application
from contract.roles import NOBODY_KNOWS

from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from sandbox.demo.forms import exam_body, training_body, wadah_body
from sandbox.demo.people import member_body, new_adult

QUERIES = {
    "GET /feed": "timeout=0",
    "GET /v1/holidays": "year=2026",
    "GET /v1/payments/{payment_id}/receipt": "bill_id={bill_id}",
    "GET /v1/read-audits/agent-service": "person_id={agent_id}",
    "GET /v1/read-audits/member-service": "person_id={member_id}",
    "GET /v1/read-audits/payment-service": "person_id={member_id}",
    "GET /v1/payments/export": "business_from={today}&business_to={today}",
    "GET /v1/commission-previews": "agent_id={agent_id}",
    "GET /v1/commission-previews/lines": "agent_id={agent_id}",
    "GET /v1/statements/{statement_id}/file": "format=pdf",
    "GET /v1/tax-slips/export": "month={month}",
    "GET /v1/statement-documents": "month={statement_month}&wadah_id={wadah_id}",
    "GET /v1/statement-documents/file": "month={statement_month}&wadah_id={wadah_id}&format=csv",
}
REASON = {"reason": "As the office asked."}


def make_body(route: str, ids: dict[str, str], today: date) -> Any:
    """Return the body for a route, or None for a route that takes none."""
    bodies = _BODIES.get(route)
    if bodies is None and route in _MADE:
        bodies = _MADE[route](today)
    next_month = Month.of(today).plus(1).first_day
    days = {"today": f"{today}", "month": f"{today:%Y-%m}", "next_month": f"{next_month}"}
    return _fill(bodies, {**ids, **days})


def _fill(body: Any, ids: dict[str, str]) -> Any:
    if isinstance(body, dict):
        return {name: _fill(value, ids) for name, value in body.items()}
    if isinstance(body, list):
        return [_fill(each, ids) for each in body]
    return body.format(**ids) if isinstance(body, str) else body


_BODIES: dict[str, Any] = {
    "POST /v1/commission-months/{month}/closing/decision": {"verdict": "rejected"},
    "POST /v1/scheme-comparisons": {
        "scheme_id": "{scheme_id}",
        "first_month": "2026-01",
        "month_count": 2,
    },
    "POST /v1/wadahs/{wadah_id}/agreements": {
        "number": "PKS/2",
        "starts_on": "{today}",
        "ends_on": "{today}",
    },
    "POST /v1/wadahs/{wadah_id}/termination": {"reason_code": "agreement_ended", **REASON},
    "POST /v1/applications/{application_id}/rejection": {
        "reason_code": "requirements_not_met",
        **REASON,
    },
    "PUT /v1/applications/{application_id}/bank-account": {
        "bank_code": "999",
        "account_no": "1234567891",
        "account_holder_name": "Siti Rahma",
    },
    "POST /v1/bank-accounts": {
        "agent_id": "{agent_id}",
        "bank_code": "999",
        "account_no": "1234567891",
        "holder_name": "Siti Rahma",
    },
    "POST /v1/bank-accounts/{bank_account_id}/decision": {"verdict": "approved"},
    "POST /v1/tax-identities": {
        "agent_id": "{agent_id}",
        "npwp": "012345678901000",
        "holds_from": "{today}",
    },
    "POST /v1/tax-identities/{tax_identity_id}/decision": {"verdict": "approved"},
    "POST /v1/agents/{agent_id}/wadah-moves": {
        "wadah_id": "{second_wadah_id}",
        "from_date": "{next_month}",
        **REASON,
    },
    "POST /v1/wadah-moves/{wadah_move_id}/decision": {"verdict": "approved", **REASON},
    "POST /v1/wadah-moves/{wadah_move_id}/withdrawal": REASON,
    "POST /v1/payees": {"holder_ids": ["{agent_id}"]},
    "POST /v1/agent-names": {"agent_ids": ["{agent_id}"]},
    "POST /v1/wadah-names": {"wadah_ids": ["{wadah_id}"]},
    "POST /v1/agents/{agent_id}/suspension": {"reason_code": "investigation", **REASON},
    "POST /v1/agents/{agent_id}/reinstatement": REASON,
    "POST /v1/agents/{agent_id}/dismissal": {"reason_code": "resignation", **REASON},
    "PATCH /v1/members/{member_id}": {"declared_income": 2_000_000},
    "POST /v1/members/{member_id}/corrections": {
        "changes": {"phone": "0813 0000 0001"},
        "evidence": "KTP seen",
    },
    "POST /v1/members/{member_id}/corrections/{correction_id}/confirmation": {"code": "123456"},
    "POST /v1/members/{member_id}/corrections/{correction_id}/approval": {"evidence": "KTP seen"},
    "POST /v1/members/{member_id}/corrections/{correction_id}/rejection": REASON,
    "POST /v1/contribution-bases": {"member_ids": ["{member_id}"]},
    "POST /v1/members/{member_id}/work-declarations": {"working": True, "declared_on": "{today}"},
    # Nobody knows this agent: the members stay with theirs.
    "POST /v1/members/{member_id}/attributions": {
        "agent_id": f"{NOBODY_KNOWS}",
        "reason": "agent_left",
    },
    "POST /v1/handovers": {
        "from_agent_id": "{agent_id}",
        "to_agent_id": None,
        "reason": "agent_left",
        "member_ids": ["{third_member_id}"],
    },
    "POST /v1/handovers/preview": {
        "from_agent_id": "{agent_id}",
        "to_agent_id": None,
        "reason": "agent_left",
        "member_ids": ["{second_member_id}"],
    },
    "POST /v1/members/{member_id}/bpu-evidence": {"new_to_bpu": False},
    "POST /v1/members/{member_id}/endings": {"reason": "choice", "last_day": "{today}"},
    "POST /v1/member-lookups": {"nik": "{nik}"},
    "POST /v1/quotes": {
        "member_id": "{member_id}",
        "first_month": "{month}",
        "month_count": 1,
    },
    "POST /v1/bills": {"member_id": "{member_id}", "first_month": "{month}", "month_count": 1},
    "POST /v1/bills/{bill_id}/cancellation": {"reason": "member_request"},
    "POST /v1/orders": {
        "name": "Keluarga Siti",
        "bills": [{"member_id": "{member_id}", "first_month": "{month}", "month_count": 1}],
    },
    "POST /v1/disputes": {"payment_id": "{payment_id}", **REASON},
    "POST /v1/disputes/{dispute_id}/answer": {"outcome": "upheld", "answer": "It stands."},
    "POST /v1/bonus-reviews": {"agent_id": "{agent_id}", "month": "{month}"},
    "POST /v1/bonus-reviews/{review_id}/refusal/decision": {"verdict": "confirmed"},
    "POST /v1/payout-files": {"run_id": "{run_id}"},
    "POST /v1/payout-files/{file_id}/answers": {"content": "cmVmZXJlbmNl"},
    "POST /v1/payout-files/{file_id}/answers/{answer_id}/decision": {"verdict": "rejected"},
    "POST /v1/payouts/{payout_id}/confirmation": {"is_received": True},
    "POST /v1/account-verifications": {
        "bank_code": "009",
        "account_no": "1234567890",
        "holder_name": "Siti Rahma",
    },
}
_MADE: dict[str, Callable[[date], Any]] = {
    "POST /v1/wadahs": wadah_body,
    "POST /v1/applications/{application_id}/training": training_body,
    "POST /v1/applications/{application_id}/exam": exam_body,
    "POST /v1/applications": lambda today: new_application(today, "{wadah_id}"),
    "POST /v1/members": lambda today: member_body(new_adult(today), at=clock.now()),
    "POST /v1/enrolment-batches": lambda today: {
        "batch_id": "{batch_id}",
        "rows": [member_body(new_adult(today), at=clock.now())],
    },
}
