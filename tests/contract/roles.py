"""The routes of every service, and who may use each: written by hand."""

import uuid

from perisai_kit.auth.principal import Role

M, A, W, B, F, U, D, S = (
    Role.MEMBER,
    Role.AGENT,
    Role.WADAH_ADMIN,
    Role.BRANCH_OFFICER,
    Role.FINANCE_OFFICER,
    Role.AUDITOR,
    Role.ADMIN,
    Role.SERVICE,
)
SIGNED_IN = frozenset(Role)
READERS = frozenset({M, A, W, B, F, U, D})
OFFICERS = frozenset({B})
PROPOSERS = frozenset({A, W, B})
STAFF = frozenset({B, D})
BOOKS = frozenset({F, U, D})
PUBLIC = None
NOBODY_KNOWS = uuid.UUID("0190a000-0000-7000-8000-0000000000ff")

EVERY_SERVICE: dict[str, frozenset[Role] | None] = {
    "GET /health": PUBLIC,
    "GET /ready": PUBLIC,
    "GET /ready/details": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /v1/status": SIGNED_IN,
    "GET /feed": frozenset({S}),
}


def _operations(service: str) -> dict[str, frozenset[Role] | None]:
    """Return the routes of a service whose addresses name it."""
    parked = f"/v1/operations/{service}/parked-events"
    audits = f"/v1/read-audits/{service}"
    return {
        f"GET /v1/me/read-audits/{service}": READERS,
        f"GET {audits}": frozenset({U}),
        f"GET {audits}/{{audit_id}}": frozenset({U}),
        f"GET {parked}": frozenset({D}),
        f"POST {parked}/{{parked_id}}/replay": frozenset({D}),
        f"POST {parked}/{{parked_id}}/dismissal": frozenset({D}),
    }


ROUTES: dict[str, dict[str, frozenset[Role] | None]] = {
    "agent": {
        **EVERY_SERVICE,
        **_operations("agent-service"),
        "POST /v1/branches": STAFF,
        "GET /v1/branches": SIGNED_IN,
        "GET /v1/branches/{code}": SIGNED_IN,
        "POST /v1/wadahs": STAFF,
        "GET /v1/wadahs": SIGNED_IN,
        "GET /v1/wadahs/{wadah_id}": frozenset({B, F, U, D, W}),
        "POST /v1/wadahs/{wadah_id}/agreements": STAFF,
        "POST /v1/wadahs/{wadah_id}/termination": STAFF,
        "POST /v1/applications": SIGNED_IN,
        "GET /v1/applications": SIGNED_IN,
        "GET /v1/applications/{application_id}": SIGNED_IN,
        "GET /v1/applications/{application_id}/identity": OFFICERS,
        "POST /v1/applications/{application_id}/verification": SIGNED_IN,
        "POST /v1/applications/{application_id}/training": OFFICERS,
        "POST /v1/applications/{application_id}/exam": OFFICERS,
        "POST /v1/applications/{application_id}/approval": OFFICERS,
        # After the approval, which an officer who has corrected the account may not give.
        "PUT /v1/applications/{application_id}/bank-account": SIGNED_IN,
        "POST /v1/applications/{application_id}/rejection": OFFICERS,
        "POST /v1/applications/{application_id}/withdrawal": SIGNED_IN,
        "POST /v1/bank-accounts": PROPOSERS,
        "GET /v1/bank-accounts": READERS - {M},
        "GET /v1/bank-accounts/{bank_account_id}": READERS - {M},
        "GET /v1/bank-accounts/{bank_account_id}/identity": frozenset({B, F}),
        "POST /v1/bank-accounts/{bank_account_id}/verification": PROPOSERS,
        "POST /v1/bank-accounts/{bank_account_id}/decision": OFFICERS,
        "POST /v1/tax-identities": PROPOSERS,
        "GET /v1/tax-identities": READERS - {M},
        "GET /v1/tax-identities/{tax_identity_id}/identity": frozenset({B, F}),
        "POST /v1/tax-identities/{tax_identity_id}/decision": OFFICERS,
        "POST /v1/agents/{agent_id}/wadah-moves": frozenset({W, B}),
        "GET /v1/wadah-moves": READERS - {M},
        "GET /v1/wadah-moves/{wadah_move_id}": READERS - {M},
        "POST /v1/wadah-moves/{wadah_move_id}/decision": OFFICERS,
        "POST /v1/wadah-moves/{wadah_move_id}/withdrawal": frozenset({W, B}),
        "POST /v1/payees": frozenset({S}),
        "POST /v1/agent-names": frozenset({S}),
        "POST /v1/wadah-names": frozenset({S}),
        "GET /v1/overview/agents": READERS - {M},
        "GET /v1/me/agent": frozenset({A}),
        "GET /v1/agents": SIGNED_IN,
        "GET /v1/agents/{agent_id}": SIGNED_IN,
        "GET /v1/agents/{agent_id}/identity": frozenset({B, F}),
        "GET /v1/agents/{agent_id}/activity": SIGNED_IN,
        "POST /v1/agents/{agent_id}/suspension": OFFICERS,
        "POST /v1/agents/{agent_id}/reinstatement": OFFICERS,
        "POST /v1/agents/{agent_id}/dismissal": OFFICERS,
    },
    "member": {
        **EVERY_SERVICE,
        **_operations("member-service"),
        "POST /v1/members": frozenset({A, B}),
        "GET /v1/members": READERS,
        "GET /v1/members/{member_id}": READERS,
        "PATCH /v1/members/{member_id}": frozenset({A, B, D}),
        "GET /v1/members/{member_id}/identity": frozenset({M, A, B, D}),
        "POST /v1/members/{member_id}/corrections": frozenset({M, A, B, D}),
        "GET /v1/members/{member_id}/corrections": frozenset({M, A, B, D}),
        "GET /v1/members/{member_id}/corrections/{correction_id}": frozenset({M, A, B, D}),
        "POST /v1/members/{member_id}/corrections/{correction_id}/code": frozenset({M, A, B, D}),
        "POST /v1/members/{member_id}/corrections/{correction_id}/confirmation": frozenset(
            {M, A, B, D}
        ),
        "POST /v1/members/{member_id}/corrections/{correction_id}/approval": STAFF,
        "POST /v1/members/{member_id}/corrections/{correction_id}/rejection": frozenset(
            {M, A, B, D}
        ),
        "GET /v1/members/{member_id}/risk-flags": frozenset({B, F, U, D}),
        "GET /v1/risk-flags": frozenset({B, F, U, D}),
        "GET /v1/members/{member_id}/contribution-basis": frozenset({S}),
        "POST /v1/contribution-bases": frozenset({S}),
        "POST /v1/members/{member_id}/work-declarations": frozenset({M, A, B, D}),
        "GET /v1/members/{member_id}/work-declarations": READERS,
        "POST /v1/members/{member_id}/attributions": STAFF,
        "GET /v1/members/{member_id}/attributions": READERS,
        "POST /v1/members/{member_id}/attributions/{attribution_id}/withdrawal": STAFF,
        "POST /v1/handovers": STAFF,
        "POST /v1/handovers/preview": STAFF,
        "GET /v1/handovers/{handover_id}": STAFF,
        "POST /v1/handovers/{handover_id}/withdrawal": STAFF,
        "POST /v1/members/{member_id}/bpu-evidence": STAFF,
        "GET /v1/members/{member_id}/bpu-evidence": STAFF,
        "GET /v1/members/{member_id}/coverage": READERS | {S},
        "GET /v1/me/attribution": frozenset({M}),
        "GET /v1/me/coverage": frozenset({M}),
        "GET /v1/overview/members": READERS - {M},
        "POST /v1/members/{member_id}/endings": STAFF,
        "GET /v1/members/{member_id}/endings": READERS,
        "POST /v1/members/{member_id}/endings/{ending_id}/withdrawal": STAFF,
        "POST /v1/enrolment-batches": frozenset({A, B}),
        "GET /v1/enrolment-batches/{batch_id}": frozenset({A, B, D}),
        "POST /v1/member-lookups": frozenset({S, B, D}),
        "GET /v1/occupations": SIGNED_IN,
        "GET /v1/holidays": SIGNED_IN,
        "PUT /v1/holidays/{day}": frozenset({D}),
    },
    "payment": {
        **EVERY_SERVICE,
        **_operations("payment-service"),
        "POST /v1/quotes": READERS - {U},
        "POST /v1/bills": READERS - {U, F},
        "GET /v1/bills": READERS,
        "GET /v1/bills/{bill_id}": READERS,
        "POST /v1/bills/{bill_id}/cancellation": READERS - {U, F},
        "POST /v1/orders": READERS - {U, F},
        "GET /v1/orders": READERS,
        "GET /v1/orders/{order_id}": READERS,
        "GET /v1/payments": READERS,
        "GET /v1/payments/export": READERS,
        "GET /v1/payments/{payment_id}": READERS,
        "GET /v1/payments/{payment_id}/receipt": READERS,
        "GET /v1/me/bills": frozenset({M}),
        "GET /v1/overview/payments": READERS,
        "GET /v1/collections": BOOKS,
        "GET /v1/refused-payments": BOOKS,
        "GET /v1/suspense-items": BOOKS,
        "GET /v1/suspense-items/{item_id}": BOOKS,
        "POST /v1/suspense-items/{item_id}/ownership": frozenset({F}),
        "GET /v1/suspense-items/{item_id}/proposals": BOOKS,
        "POST /v1/suspense-items/{item_id}/proposals": frozenset({F}),
        "POST /v1/suspense-items/{item_id}/proposals/{proposal_id}/decision": frozenset({F}),
        "POST /v1/bank-partners": frozenset({F, D}),
        "GET /v1/bank-partners": frozenset({F, D}),
        "GET /v1/bank-partners/{partner_id}": frozenset({F, D}),
        "POST /v1/bank-partners/{partner_id}/activation": frozenset({F, D}),
        "POST /v1/bank-partners/{partner_id}/suspension": frozenset({F, D}),
        "PUT /v1/bank-partners/{partner_id}/outbound": frozenset({F, D}),
        "PUT /v1/bank-partners/{partner_id}/settings": frozenset({F, D}),
        "GET /v1/bank-partners/{partner_id}/requests": frozenset({F, D}),
        "POST /v1/bank-partners/{partner_id}/status-inquiries": frozenset({F, D}),
        "POST /v1/account-verifications": frozenset({S}),
        "GET /v1/ledger/accounts": BOOKS,
        "GET /v1/ledger/transfers": BOOKS,
        "GET /v1/ledger/export": BOOKS,
        "POST /v1/commission-schemes": frozenset({F}),
        "GET /v1/commission-schemes": BOOKS,
        "GET /v1/commission-schemes/{scheme_id}": BOOKS,
        "POST /v1/commission-schemes/{scheme_id}/decision": frozenset({F}),
        "GET /v1/commission-months": BOOKS,
        "POST /v1/commission-months/{month}/closing": frozenset({F}),
        "GET /v1/commission-months/{month}/closing": BOOKS,
        "POST /v1/commission-months/{month}/closing/decision": frozenset({F}),
        "GET /v1/commission-months/{month}/dry-run": BOOKS,
        "GET /v1/commission-months/{month}/dry-run/statements": BOOKS,
        "GET /v1/me/incentive": frozenset({A, W}),
        "GET /v1/commission-months/{month}/payees": READERS - {M},
        "GET /v1/commission-months/{month}/payees/{payee_id}": READERS - {M},
        "GET /v1/commission-previews": READERS - {M},
        "GET /v1/commission-previews/lines": READERS - {M},
        "GET /v1/statements": READERS - {M},
        "GET /v1/statements/{statement_id}": READERS - {M},
        "GET /v1/statements/{statement_id}/lines": READERS - {M},
        "GET /v1/statements/{statement_id}/document": READERS - {M},
        "GET /v1/statements/{statement_id}/file": READERS - {M},
        "GET /v1/statement-documents": READERS - {M},
        "GET /v1/statement-documents/file": READERS - {M},
        "GET /v1/disputes": READERS - {M},
        "GET /v1/disputes/{dispute_id}": READERS - {M},
        "POST /v1/disputes": frozenset({A, W}),
        "POST /v1/disputes/{dispute_id}/answer": frozenset({B, F}),
        "POST /v1/disputes/{dispute_id}/withdrawal": frozenset({A, W}),
        "GET /v1/bonus-reviews": BOOKS | {B},
        "GET /v1/bonus-reviews/{review_id}": BOOKS | {B},
        "POST /v1/bonus-reviews": frozenset({B, F}),
        "POST /v1/bonus-reviews/{review_id}/release": frozenset({B, F}),
        "POST /v1/bonus-reviews/{review_id}/refusal": frozenset({B, F}),
        "POST /v1/bonus-reviews/{review_id}/refusal/decision": frozenset({B, F}),
        "GET /v1/incentive-holds": BOOKS | {B},
        "GET /v1/incentive-holds/{hold_id}": BOOKS | {B},
        "GET /v1/incentive-holds/{hold_id}/proposals": BOOKS | {B},
        "POST /v1/incentive-holds/{hold_id}/proposals": frozenset({F}),
        "POST /v1/incentive-holds/{hold_id}/proposals/{proposal_id}/decision": frozenset({F}),
    },
}

NAMED = {"code": "BWI", "month": "2026-01", "day": "2026-08-18"}


ID_NAMES = (
    "audit_id",
    "parked_id",
    "correction_id",
    "ending_id",
    "attribution_id",
    "handover_id",
    "wadah_id",
    "application_id",
    "bank_account_id",
    "tax_identity_id",
    "wadah_move_id",
    "payee_id",
    "agent_id",
    "member_id",
    "batch_id",
    "bill_id",
    "order_id",
    "item_id",
    "proposal_id",
    "payment_id",
    "partner_id",
    "scheme_id",
    "statement_id",
    "hold_id",
    "flag_id",
    "review_id",
    "dispute_id",
)


def filled(path: str, ids: dict[str, str] | None = None) -> str:
    """Return an address with these ids in it, and others that nobody knows."""
    for name in (*NAMED, *ID_NAMES):
        value = (ids or {}).get(name, NAMED.get(name, str(NOBODY_KNOWS)))
        path = path.replace("{" + name + "}", value)
    return path
