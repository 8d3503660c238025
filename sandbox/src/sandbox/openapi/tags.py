"""The groups in which a reader meets the operations, in the order of the document."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tag:
    """One group. resources: what operationIds begin with, or whole ones."""

    name: str
    description: str
    resources: tuple[str, ...]


TAGS = (
    Tag(
        "Sign in",
        "Request a one-time code, get and refresh tokens, end sessions, manage your own account.",
        ("auth", "me", "sandbox"),
    ),
    Tag(
        "Members",
        "Find, read and correct members and their attribution; marks for possible fraud.",
        ("members", "corrections", "risk_flags"),
    ),
    Tag(
        "Enrolment",
        "Take workers in, one by one or as a batch that was written down offline.",
        ("members.register", "enrolments", "occupations"),
    ),
    Tag(
        "Bills and payments",
        "Quote contribution months, issue bills and orders of several bills, read payments and "
        "receipts.",
        ("quotes", "bills", "orders", "payments"),
    ),
    Tag(
        "Coverage",
        "What a member is protected by, and until when; the holidays that move due days.",
        ("coverage", "holidays"),
    ),
    Tag(
        "Agents",
        "Branches, wadahs, applications of future agents, agents with their activity and moves "
        "between wadahs, and where wadahs and agents are paid.",
        (
            "branches",
            "wadahs",
            "applications",
            "agents",
            "wadah_moves",
            "bank_accounts",
            "tax_identities",
            "payees",
        ),
    ),
    Tag(
        "Commissions",
        "Schemes, previews, closing of months, statements, payees, held incentives, disputes.",
        (
            "commission_schemes",
            "scheme_comparisons",
            "commission_months",
            "commission_previews",
            "commission_payees",
            "statements",
            "incentive_holds",
            "forfeit_reversals",
            "bonus_reviews",
            "disputes",
        ),
    ),
    Tag(
        "Finance",
        "What banks collected, refused payments, money in suspense, and the ledger with its "
        "accounts and transfers.",
        ("ledger", "collections", "refused_payments", "suspense"),
    ),
    Tag(
        "Payouts",
        "Accounts we pay from, runs that two people approve, payouts with their attempts, and the "
        "stop of all of them.",
        ("payout_accounts", "payout_runs", "payout_files", "payouts", "payout_settlements"),
    ),
    Tag(
        "Tax",
        "Income tax withheld from payouts: data for slips, yearly recaps, what is due. Drafts.",
        ("tax_slips", "tax_recaps", "tax_remittances"),
    ),
    Tag(
        "Banks",
        "Bank partners and what they sent, and the SNAP BI operations that banks call.",
        ("bank_partners", "account_verifications", "snap", "snap_bca"),
    ),
    Tag(
        "Administration",
        "Staff accounts, their roles and history, the keys that sign tokens, codes for services.",
        ("accounts", "signing_keys", "revocations", "confirmation_codes", "phone_notices"),
    ),
    Tag(
        "Read audits",
        "Who was shown personal data: one's own, and for auditors that of others.",
        (
            "gateway_read_audits",
            "agent_service_read_audits",
            "member_service_read_audits",
            "payment_service_read_audits",
        ),
    ),
    Tag(
        "Operations",
        "The time of the platform, events that could not be applied, and jobs that failed.",
        (
            "server",
            "gateway_parked_events",
            "agent_service_parked_events",
            "member_service_parked_events",
            "payment_service_parked_events",
            "payment_service_failed_jobs",
        ),
    ),
)
_BY_RESOURCE = {resource: tag.name for tag in TAGS for resource in tag.resources}


def tag_of(operation_id: str) -> str:
    """Return the group of an operation. Raises: KeyError for a resource in none of them."""
    found = _BY_RESOURCE.get(operation_id)
    return found or _BY_RESOURCE[operation_id.partition(".")[0]]
