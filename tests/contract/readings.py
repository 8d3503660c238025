"""The operations that show persons, and whom each shows here: written by hand."""

from contract.roles import ROUTES

PERSONAL = frozenset(
    {
        "account_holder_name",
        "account_no",
        "agent_id",
        "application_id",
        "beneficiary_id",
        "birth_date",
        "display_name",
        "display_name_masked",
        "email",
        "full_name",
        "holder_name",
        "kk",
        "member_id",
        "nik",
        "npwp",
        "payee_id",
        "phone",
    }
)
"""Fields of an answer, or of an address, that are personal data or tell whose data it is."""

READINGS = {
    "GET /v1/applications": "applicant_id",
    "GET /v1/applications/{application_id}": "applicant_id",
    "GET /v1/applications/{application_id}/identity": "applicant_id",
    "GET /v1/bank-accounts": "agent_id",
    "GET /v1/bank-accounts/{bank_account_id}": "agent_id",
    "GET /v1/bank-accounts/{bank_account_id}/identity": "agent_id",
    "GET /v1/tax-identities": "agent_id",
    "GET /v1/tax-identities/{tax_identity_id}/identity": "agent_id",
    "GET /v1/wadah-moves": "agent_id",
    "GET /v1/wadah-moves/{wadah_move_id}": "agent_id",
    "POST /v1/payees": "agent_id",
    "POST /v1/agent-names": "agent_id",
    "GET /v1/agents": "agent_id",
    "GET /v1/agents/{agent_id}": "agent_id",
    "GET /v1/agents/{agent_id}/identity": "agent_id",
    "GET /v1/agents/{agent_id}/activity": "agent_id",
    "GET /v1/members": "member_id",
    "GET /v1/members/{member_id}": "member_id",
    "GET /v1/members/{member_id}/identity": "member_id",
    "GET /v1/members/{member_id}/corrections": "member_id",
    "GET /v1/members/{member_id}/corrections/{correction_id}": "member_id",
    "GET /v1/members/{member_id}/risk-flags": "member_id",
    "GET /v1/members/{member_id}/contribution-basis": "member_id",
    "GET /v1/members/{member_id}/work-declarations": "member_id",
    "GET /v1/members/{member_id}/attributions": "member_id",
    "GET /v1/members/{member_id}/bpu-evidence": "member_id",
    "GET /v1/members/{member_id}/coverage": "member_id",
    "GET /v1/members/{member_id}/endings": "member_id",
    "GET /v1/enrolment-batches/{batch_id}": "member_id",
    "GET /v1/risk-flags": "member_id",
    "POST /v1/contribution-bases": "member_id",
    "POST /v1/member-lookups": "member_id",
    "POST /v1/quotes": "member_id",
    "GET /v1/bills": "member_id",
    "GET /v1/bills/{bill_id}": "member_id",
    "GET /v1/orders/{order_id}": "member_id",
    "GET /v1/payments": "member_id",
    "GET /v1/payments/{payment_id}": "member_id",
    "GET /v1/payments/{payment_id}/receipt": "member_id",
    "GET /v1/refused-payments": "",
    "GET /v1/suspense-items": "",
    "GET /v1/suspense-items/{item_id}": "",
    "GET /v1/statements": "agent_id",
    "GET /v1/statements/{statement_id}": "agent_id",
    "GET /v1/statements/{statement_id}/lines": "agent_id",
    "GET /v1/statements/{statement_id}/document": "agent_id",
    "GET /v1/statement-documents": "agent_id",
    "GET /v1/tax-slips": "agent_id",
    "GET /v1/tax-slips/{slip_id}": "agent_id",
    "GET /v1/tax-slips/{slip_id}/identity": "agent_id",
    "GET /v1/tax-recaps/{year}": "agent_id",
    "GET /v1/commission-months/{month}/payees": "agent_id",
    "GET /v1/commission-months/{month}/payees/{payee_id}": "agent_id",
    "GET /v1/scheme-comparisons/{comparison_id}/beneficiaries": "agent_id",
    "GET /v1/payouts": "agent_id",
    "GET /v1/payouts/{payout_id}": "agent_id",
    "GET /v1/payout-runs/{run_id}/payouts": "agent_id",
    "GET /v1/payout-runs/{run_id}/omissions": "agent_id",
    "GET /v1/payout-confirmations": "agent_id",
    "GET /v1/payout-confirmations/missing": "agent_id",
    "GET /v1/payout-files/{file_id}/answers/{answer_id}/rows": "agent_id",
    "GET /v1/disputes": "agent_id",
    "GET /v1/disputes/{dispute_id}": "agent_id",
    "GET /v1/bonus-reviews": "agent_id",
    "GET /v1/bonus-reviews/{review_id}": "agent_id",
    "GET /v1/incentive-holds": "agent_id",
    "GET /v1/incentive-holds/{hold_id}": "agent_id",
    "GET /v1/commission-previews": "agent_id",
    "GET /v1/commission-previews/lines": "agent_id",
    "GET /v1/commission-months/{month}/dry-run/statements": "",
}
"""The operations that read, and the person whom they show here. Empty: the money in suspense that
is made here is nobody's, no payment is refused, and nothing is earned in the month."""
for _service, _person in (("agent", "agent_id"), ("member", "member_id"), ("payment", "member_id")):
    READINGS[f"GET /v1/read-audits/{_service}-service"] = _person
    READINGS[f"GET /v1/read-audits/{_service}-service/{{audit_id}}"] = _person
OWN = {f"GET /v1/me/read-audits/{service}-service" for service in ROUTES}
OWN |= {"GET /v1/me/agent", "GET /v1/me/bills", "GET /v1/me/coverage"}
OWN |= {"GET /v1/me/tax-slips", "GET /v1/me/tax-recaps/{year}"}
"""Show what is about oneself only."""
TO_MEMBERS = {"GET /v1/me/attribution"}
"""Show a member their agent: member_service_tests/attributions/test_own.py reads the row."""
TO_WADAHS = {"GET /v1/me/payouts/{payout_id}/parts"}
"""Show a wadah its agents: payment_service_tests/payouts/test_confirmations.py reads the row."""
CHANGES = {
    "PATCH /v1/members/{member_id}": "member_id",
    "POST /v1/members/{member_id}/work-declarations": "member_id",
    "POST /v1/agents/{agent_id}/suspension": "agent_id",
}
"""Some that write: their answers show the person too."""
WRITING = frozenset(
    {
        "POST /v1/applications",
        "POST /v1/applications/{application_id}/training",
        "POST /v1/applications/{application_id}/exam",
        "POST /v1/applications/{application_id}/approval",
        "POST /v1/applications/{application_id}/rejection",
        "POST /v1/applications/{application_id}/withdrawal",
        "PUT /v1/applications/{application_id}/bank-account",
        "POST /v1/applications/{application_id}/verification",
        "POST /v1/bank-accounts",
        "POST /v1/bank-accounts/{bank_account_id}/verification",
        "POST /v1/bank-accounts/{bank_account_id}/decision",
        "POST /v1/tax-identities",
        "POST /v1/tax-identities/{tax_identity_id}/decision",
        "POST /v1/agents/{agent_id}/wadah-moves",
        "POST /v1/wadah-moves/{wadah_move_id}/decision",
        "POST /v1/wadah-moves/{wadah_move_id}/withdrawal",
        "POST /v1/agents/{agent_id}/reinstatement",
        "POST /v1/agents/{agent_id}/dismissal",
        "POST /v1/members",
        "POST /v1/enrolment-batches",
        "POST /v1/members/{member_id}/attributions",
        "POST /v1/members/{member_id}/attributions/{attribution_id}/withdrawal",
        "POST /v1/members/{member_id}/bpu-evidence",
        "POST /v1/members/{member_id}/endings",
        "POST /v1/members/{member_id}/endings/{ending_id}/withdrawal",
        "POST /v1/members/{member_id}/corrections",
        "POST /v1/members/{member_id}/corrections/{correction_id}/approval",
        "POST /v1/members/{member_id}/corrections/{correction_id}/rejection",
        "POST /v1/members/{member_id}/corrections/{correction_id}/code",
        "POST /v1/members/{member_id}/corrections/{correction_id}/confirmation",
        "POST /v1/bills",
        "POST /v1/bills/{bill_id}/cancellation",
        "POST /v1/orders",
        "POST /v1/suspense-items/{item_id}/ownership",
        "POST /v1/payouts/{payout_id}/retry",
        "POST /v1/payouts/{payout_id}/withdrawal",
        "POST /v1/payouts/{payout_id}/confirmation",
        "POST /v1/disputes",
        "POST /v1/disputes/{dispute_id}/answer",
        "POST /v1/disputes/{dispute_id}/withdrawal",
        "POST /v1/bonus-reviews",
        "POST /v1/bonus-reviews/{review_id}/release",
        "POST /v1/bonus-reviews/{review_id}/refusal",
        "POST /v1/bonus-reviews/{review_id}/refusal/decision",
    }
)
"""The rest of those that write, whose answers show persons in the same way."""
