"""What each scope gets at each route: written by hand, as the roles are in roles.py."""

from contract.reach import AGENT, ANYWHERE, APPLICATION, COUNTRY_ONLY, OBJECT, Reach, Rule
from contract.roles import EVERY_SERVICE, ROUTES, A, D, M, S, U, W

from perisai_kit.auth.principal import Role

_AUDITS = "GET /v1/read-audits/"
_OPERATIONS = {
    service: {
        **{route: COUNTRY_ONLY for route in table if "/v1/operations/" in route},
        **{route: ANYWHERE for route in table if route.startswith("GET /v1/me/read-audits/")},
        # Of one person within the scope; what one account read, and single records, are country's.
        **{route: OBJECT for route in table if route.startswith(_AUDITS)},
        **{route: COUNTRY_ONLY for route in table if route.endswith("/{audit_id}")},
    }
    for service, table in ROUTES.items()
}
_EVERY_SERVICE = dict.fromkeys(EVERY_SERVICE, ANYWHERE)

RULES: dict[str, dict[str, Rule]] = {
    "agent": {
        **_EVERY_SERVICE,
        **_OPERATIONS["agent"],
        "POST /v1/branches": COUNTRY_ONLY,
        "GET /v1/branches": ANYWHERE,
        "GET /v1/branches/{code}": ANYWHERE,
        "POST /v1/wadahs": Rule(Reach.PLACE),
        # Applicants and services see every active wadah; people of a wadah see theirs.
        "GET /v1/wadahs": Rule(Reach.LIST, all_seeing=frozenset({M, S}), shows="wadah_id"),
        "GET /v1/wadahs/{wadah_id}": OBJECT,
        "POST /v1/wadahs/{wadah_id}/agreements": OBJECT,
        "POST /v1/wadahs/{wadah_id}/termination": OBJECT,
        # For oneself, with a proven telephone.
        "POST /v1/applications": Rule(Reach.ANYWHERE, refused=frozenset(Role)),
        "GET /v1/applications": Rule(Reach.LIST, blind=APPLICATION, shows="application_id"),
        "GET /v1/applications/{application_id}": Rule(Reach.OBJECT, blind=APPLICATION),
        "GET /v1/applications/{application_id}/identity": OBJECT,
        "PUT /v1/applications/{application_id}/bank-account": Rule(
            Reach.OBJECT, blind=APPLICATION, refused=frozenset({W, U, D})
        ),
        "POST /v1/applications/{application_id}/verification": Rule(
            Reach.OBJECT, blind=APPLICATION, refused=frozenset({W, U, D})
        ),
        "POST /v1/applications/{application_id}/training": OBJECT,
        "POST /v1/applications/{application_id}/exam": OBJECT,
        "POST /v1/applications/{application_id}/approval": OBJECT,
        "POST /v1/applications/{application_id}/rejection": OBJECT,
        "POST /v1/applications/{application_id}/withdrawal": Rule(Reach.SELF),
        # A wadah sees the accounts of its agents, and proposes only its own.
        "POST /v1/bank-accounts": Rule(Reach.OBJECT, refused=frozenset({W})),
        "GET /v1/bank-accounts": Rule(Reach.LIST, shows="bank_account_id"),
        "GET /v1/bank-accounts/{bank_account_id}": OBJECT,
        "GET /v1/bank-accounts/{bank_account_id}/identity": OBJECT,
        "POST /v1/bank-accounts/{bank_account_id}/verification": Rule(
            Reach.OBJECT, refused=frozenset({W})
        ),
        "POST /v1/bank-accounts/{bank_account_id}/decision": Rule(
            Reach.OBJECT, second_person="own_bank_account_proposal"
        ),
        "POST /v1/tax-identities": Rule(Reach.OBJECT, refused=frozenset({W})),
        "GET /v1/tax-identities": Rule(Reach.LIST, shows="tax_identity_id"),
        "GET /v1/tax-identities/{tax_identity_id}/identity": OBJECT,
        "POST /v1/tax-identities/{tax_identity_id}/decision": Rule(
            Reach.OBJECT, second_person="own_tax_identity_proposal"
        ),
        # The people of the wadah that the agent leaves see the move, and do nothing to it. Those of
        # the new one propose and withdraw: agent_service_tests/wadah_moves/test_routes.py.
        "POST /v1/agents/{agent_id}/wadah-moves": Rule(Reach.OBJECT, blind=frozenset({W})),
        "GET /v1/wadah-moves": Rule(Reach.LIST, shows="wadah_move_id"),
        "GET /v1/wadah-moves/{wadah_move_id}": OBJECT,
        "POST /v1/wadah-moves/{wadah_move_id}/decision": Rule(
            Reach.OBJECT, second_person="own_wadah_move_proposal"
        ),
        "POST /v1/wadah-moves/{wadah_move_id}/withdrawal": Rule(
            Reach.OBJECT, refused=frozenset({W})
        ),
        "POST /v1/payees": ANYWHERE,
        "POST /v1/agent-names": ANYWHERE,
        "POST /v1/wadah-names": ANYWHERE,
        # The figures of what one may see: of nothing, they are zeros.
        "GET /v1/overview/agents": ANYWHERE,
        "GET /v1/me/agent": OBJECT,
        "GET /v1/agents": Rule(Reach.LIST, blind=AGENT, shows="agent_id"),
        "GET /v1/agents/{agent_id}": Rule(Reach.OBJECT, blind=AGENT),
        "GET /v1/agents/{agent_id}/identity": OBJECT,
        "GET /v1/agents/{agent_id}/activity": Rule(Reach.OBJECT, blind=AGENT),
        "POST /v1/agents/{agent_id}/suspension": OBJECT,
        "POST /v1/agents/{agent_id}/reinstatement": OBJECT,
        "POST /v1/agents/{agent_id}/dismissal": OBJECT,
    },
    "member": {
        **_EVERY_SERVICE,
        **_OPERATIONS["member"],
        "POST /v1/members": Rule(Reach.OWN_BRANCH),
        "GET /v1/members": Rule(Reach.LIST, shows="member_id"),
        "GET /v1/members/{member_id}": OBJECT,
        "PATCH /v1/members/{member_id}": OBJECT,
        "GET /v1/members/{member_id}/identity": OBJECT,
        "POST /v1/members/{member_id}/corrections": OBJECT,
        "GET /v1/members/{member_id}/corrections": OBJECT,
        "GET /v1/members/{member_id}/corrections/{correction_id}": OBJECT,
        "POST /v1/members/{member_id}/corrections/{correction_id}/code": OBJECT,
        "POST /v1/members/{member_id}/corrections/{correction_id}/confirmation": OBJECT,
        "POST /v1/members/{member_id}/corrections/{correction_id}/approval": Rule(
            Reach.OBJECT, second_person="second_officer_required"
        ),
        # An agent withdraws only their own proposal; this one is of another account of the agent.
        "POST /v1/members/{member_id}/corrections/{correction_id}/rejection": Rule(
            Reach.OBJECT, refused=frozenset({A})
        ),
        "GET /v1/members/{member_id}/risk-flags": OBJECT,
        "GET /v1/members/{member_id}/contribution-basis": OBJECT,
        "POST /v1/contribution-bases": ANYWHERE,
        "POST /v1/members/{member_id}/work-declarations": OBJECT,
        "GET /v1/members/{member_id}/work-declarations": OBJECT,
        "POST /v1/members/{member_id}/attributions": OBJECT,
        "GET /v1/members/{member_id}/attributions": OBJECT,
        "POST /v1/members/{member_id}/attributions/{attribution_id}/withdrawal": OBJECT,
        # A book is handed over as far as the scope reaches; `preview` counts the members.
        "POST /v1/handovers": ANYWHERE,
        "POST /v1/handovers/preview": Rule(Reach.LIST, shows="one_member"),
        "GET /v1/handovers/{handover_id}": OBJECT,
        "POST /v1/handovers/{handover_id}/withdrawal": OBJECT,
        "POST /v1/members/{member_id}/bpu-evidence": OBJECT,
        "GET /v1/members/{member_id}/bpu-evidence": OBJECT,
        "GET /v1/members/{member_id}/coverage": OBJECT,
        # Without a membership of their own nothing is found, and counts of nobody are none.
        "GET /v1/me/attribution": Rule(Reach.OBJECT),
        "GET /v1/me/coverage": Rule(Reach.OBJECT),
        "GET /v1/overview/members": ANYWHERE,
        "POST /v1/members/{member_id}/endings": OBJECT,
        "GET /v1/members/{member_id}/endings": OBJECT,
        "POST /v1/members/{member_id}/endings/{ending_id}/withdrawal": OBJECT,
        "POST /v1/enrolment-batches": Rule(Reach.OWN_BRANCH),
        "GET /v1/enrolment-batches/{batch_id}": OBJECT,
        "GET /v1/risk-flags": Rule(Reach.LIST, shows="flag_id"),
        "POST /v1/member-lookups": Rule(Reach.LIST, shows="member_id"),
        "GET /v1/occupations": ANYWHERE,
        "GET /v1/holidays": ANYWHERE,
        "PUT /v1/holidays/{day}": COUNTRY_ONLY,
    },
    "payment": {
        **_EVERY_SERVICE,
        **_OPERATIONS["payment"],
        "POST /v1/quotes": OBJECT,
        "POST /v1/bills": OBJECT,
        "GET /v1/bills": Rule(Reach.LIST, shows="bill_id"),
        "GET /v1/bills/{bill_id}": OBJECT,
        "POST /v1/bills/{bill_id}/cancellation": OBJECT,
        "POST /v1/orders": OBJECT,
        "GET /v1/orders": Rule(Reach.LIST, shows="order_id"),
        "GET /v1/orders/{order_id}": OBJECT,
        "GET /v1/payments": Rule(Reach.LIST, shows="payment_id"),
        "GET /v1/payments/export": Rule(Reach.LIST, shows="payment_id"),
        "GET /v1/payments/{payment_id}": OBJECT,
        "GET /v1/payments/{payment_id}/receipt": OBJECT,
        "GET /v1/me/bills": Rule(Reach.LIST, shows="bill_id"),
        # The figures of what one may see: of nothing, they are zeros.
        "GET /v1/overview/payments": ANYWHERE,
        "GET /v1/collections": COUNTRY_ONLY,
        "GET /v1/refused-payments": COUNTRY_ONLY,
        "GET /v1/suspense-items": COUNTRY_ONLY,
        "GET /v1/suspense-items/{item_id}": COUNTRY_ONLY,
        "POST /v1/suspense-items/{item_id}/ownership": COUNTRY_ONLY,
        "GET /v1/suspense-items/{item_id}/proposals": COUNTRY_ONLY,
        "POST /v1/suspense-items/{item_id}/proposals": COUNTRY_ONLY,
        "POST /v1/suspense-items/{item_id}/proposals/{proposal_id}/decision": Rule(
            Reach.COUNTRY, second_person="own_suspense_proposal"
        ),
        "POST /v1/bank-partners": COUNTRY_ONLY,
        # No secret is shown, and every office may know which banks there are.
        "GET /v1/bank-partners": ANYWHERE,
        "GET /v1/bank-partners/{partner_id}": Rule(Reach.ANYWHERE, of_bank=True),
        "GET /v1/bank-partners/{partner_id}/history": ANYWHERE,
        "POST /v1/bank-partners/{partner_id}/activation": Rule(
            Reach.COUNTRY, second_person="own_bank_partner"
        ),
        "POST /v1/bank-partners/{partner_id}/suspension": COUNTRY_ONLY,
        "PUT /v1/bank-partners/{partner_id}/outbound": COUNTRY_ONLY,
        "PUT /v1/bank-partners/{partner_id}/settings": COUNTRY_ONLY,
        "GET /v1/bank-partners/{partner_id}/requests": Rule(Reach.COUNTRY, of_bank=True),
        "GET /v1/bank-partners/{partner_id}/integration-guide": Rule(Reach.COUNTRY, of_bank=True),
        "POST /v1/bank-partners/{partner_id}/credential-changes": COUNTRY_ONLY,
        "GET /v1/bank-partners/{partner_id}/credential-changes": ANYWHERE,
        "POST /v1/bank-partners/{partner_id}/credential-changes/{credential_change_id}/decision": (
            Rule(Reach.COUNTRY, second_person="own_credential_change")
        ),
        "POST /v1/bank-partners/{partner_id}/credential-changes/{credential_change_id}/ending": (
            COUNTRY_ONLY
        ),
        "POST /v1/bank-partners/{partner_id}/status-inquiries": COUNTRY_ONLY,
        "POST /v1/account-verifications": ANYWHERE,
        "GET /v1/ledger/accounts": COUNTRY_ONLY,
        "GET /v1/ledger/transfers": COUNTRY_ONLY,
        "GET /v1/ledger/export": COUNTRY_ONLY,
        "POST /v1/commission-schemes": COUNTRY_ONLY,
        "GET /v1/commission-schemes": ANYWHERE,
        "GET /v1/commission-schemes/{scheme_id}": ANYWHERE,
        "POST /v1/commission-schemes/{scheme_id}/decision": Rule(
            Reach.COUNTRY, second_person="own_proposal"
        ),
        "POST /v1/scheme-comparisons": COUNTRY_ONLY,
        "GET /v1/scheme-comparisons": COUNTRY_ONLY,
        "GET /v1/scheme-comparisons/{comparison_id}": COUNTRY_ONLY,
        "GET /v1/scheme-comparisons/{comparison_id}/beneficiaries": COUNTRY_ONLY,
        "GET /v1/commission-months": COUNTRY_ONLY,
        "POST /v1/commission-months/{month}/closing": COUNTRY_ONLY,
        "GET /v1/commission-months/{month}/closing": COUNTRY_ONLY,
        "POST /v1/commission-months/{month}/closing/decision": Rule(
            Reach.COUNTRY, second_person="own_month_closing"
        ),
        "GET /v1/commission-months/{month}/verification": COUNTRY_ONLY,
        "POST /v1/commission-months/{month}/verification": COUNTRY_ONLY,
        "GET /v1/commission-months/{month}/dry-run": COUNTRY_ONLY,
        "GET /v1/commission-months/{month}/dry-run/statements": COUNTRY_ONLY,
        # Of the principal's own, found by what the token says.
        "GET /v1/me/incentive": ANYWHERE,
        "GET /v1/tax-slips": COUNTRY_ONLY,
        "GET /v1/tax-slips/export": COUNTRY_ONLY,
        "GET /v1/tax-slips/{slip_id}": COUNTRY_ONLY,
        "GET /v1/tax-slips/{slip_id}/identity": COUNTRY_ONLY,
        "GET /v1/tax-recaps/{year}": COUNTRY_ONLY,
        "GET /v1/tax-recaps/{year}/export": COUNTRY_ONLY,
        "GET /v1/tax-remittances/{month}": COUNTRY_ONLY,
        "GET /v1/tax-dues": COUNTRY_ONLY,
        "GET /v1/me/tax-slips": ANYWHERE,
        "GET /v1/me/tax-recaps/{year}": ANYWHERE,
        "GET /v1/commission-months/{month}/payees": Rule(Reach.LIST, shows="payee_id"),
        "GET /v1/commission-months/{month}/payees/{payee_id}": OBJECT,
        "GET /v1/commission-previews": OBJECT,
        "GET /v1/commission-previews/lines": OBJECT,
        "GET /v1/statements": Rule(Reach.LIST, shows="statement_id"),
        "GET /v1/statements/{statement_id}": OBJECT,
        "GET /v1/statements/{statement_id}/lines": OBJECT,
        "GET /v1/statements/{statement_id}/document": OBJECT,
        "GET /v1/statements/{statement_id}/file": OBJECT,
        "GET /v1/statement-documents": OBJECT,
        "GET /v1/statement-documents/file": OBJECT,
        "GET /v1/disputes": Rule(Reach.LIST, shows="dispute_id"),
        "GET /v1/disputes/{dispute_id}": OBJECT,
        "POST /v1/disputes": OBJECT,
        "POST /v1/disputes/{dispute_id}/answer": Rule(Reach.OBJECT, second_person="own_dispute"),
        "POST /v1/disputes/{dispute_id}/withdrawal": OBJECT,
        "GET /v1/bonus-reviews": Rule(Reach.LIST, shows="review_id"),
        "GET /v1/bonus-reviews/{review_id}": OBJECT,
        "POST /v1/bonus-reviews": OBJECT,
        "POST /v1/bonus-reviews/{review_id}/release": Rule(
            Reach.OBJECT, second_person="own_refusal"
        ),
        "POST /v1/bonus-reviews/{review_id}/refusal": OBJECT,
        "POST /v1/bonus-reviews/{review_id}/refusal/decision": Rule(
            Reach.OBJECT, second_person="own_refusal"
        ),
        "POST /v1/tax-remittances": COUNTRY_ONLY,
        "GET /v1/tax-remittances": COUNTRY_ONLY,
        # Money leaves: all of it is the country's, but for what an agent says of their part.
        **{route: COUNTRY_ONLY for route in ROUTES["payment"] if "/v1/payout" in route},
        "POST /v1/payout-files/{file_id}/answers/{answer_id}/decision": Rule(
            Reach.COUNTRY, second_person="own_payout_answer"
        ),
        "POST /v1/payout-accounts/{payout_account_id}/activation": Rule(
            Reach.COUNTRY, second_person="own_payout_account"
        ),
        "POST /v1/payout-stops/resumption/decision": Rule(
            Reach.COUNTRY, second_person="own_payout_resumption"
        ),
        **dict.fromkeys(
            ("POST /v1/payout-runs/{run_id}/decision", "POST /v1/payout-runs/{run_id}/release"),
            Rule(Reach.COUNTRY, second_person="own_payout_run"),
        ),
        "POST /v1/payouts/{payout_id}/settlement-proposals/{proposal_id}/decision": Rule(
            Reach.COUNTRY, second_person="own_payout_settlement_proposal"
        ),
        "POST /v1/payouts/{payout_id}/confirmation": OBJECT,
        "GET /v1/me/payouts": ANYWHERE,
        # The payout made here is an agent's own; test_confirmations.py has one of a wadah.
        "GET /v1/me/payouts/{payout_id}/parts": Rule(Reach.OBJECT, blind=frozenset({W})),
        "GET /v1/incentive-holds": Rule(Reach.LIST, shows="hold_id"),
        "GET /v1/incentive-holds/{hold_id}": OBJECT,
        "GET /v1/incentive-holds/{hold_id}/proposals": OBJECT,
        "POST /v1/incentive-holds/{hold_id}/proposals": COUNTRY_ONLY,
        "POST /v1/incentive-holds/{hold_id}/proposals/{proposal_id}/decision": Rule(
            Reach.COUNTRY, second_person="own_hold_proposal"
        ),
        "GET /v1/incentive-holds/{hold_id}/forfeit-reversals": OBJECT,
        "POST /v1/incentive-holds/{hold_id}/forfeit-reversals": COUNTRY_ONLY,
        "POST /v1/incentive-holds/{hold_id}/forfeit-reversals/{reversal_id}/decision": Rule(
            Reach.COUNTRY, second_person="own_forfeit_reversal"
        ),
    },
}
"""The reach of every route: nothing is left out, so that a new route is thought about."""
