"""The table of profiles in docs/banks.md says what the code does."""

from pathlib import Path

from snap_bi.profiles import (
    PROFILES,
    DoubtAnswer,
    ExternalIdScope,
    PartnerIdKind,
    Profile,
    QueryRule,
)

DOCUMENT = Path(__file__).parents[5] / "docs" / "banks.md"
QUERY = {QueryRule.AS_SENT: "as sent", QueryRule.SORTED: "sorted", QueryRule.DROPPED: "nothing"}
DOUBT = {DoubtAnswer.GENERAL_ERROR: "5002500", DoubtAnswer.EMPTY_504: "504 without a body"}
SCOPE = {ExternalIdScope.PARTNER: "partner", ExternalIdScope.PARTNER_AND_SERVICE: "service"}
PARTNER_ID = {PartnerIdKind.CLIENT_ID: "client id", PartnerIdKind.COMPANY_CODE: "company code"}


def column(profile: Profile) -> list[str]:
    reading = profile.first_reading
    return [
        f"`{profile.name}`",
        f"{profile.signature_type}, with{' token' if profile.needs_token else 'out'}",
        profile.signature_encoding.value,
        f"`{profile.public_prefix}`",
        QUERY[profile.query_rule],
        profile.timestamp_format.value,
        str(profile.skew_s),
        PARTNER_ID[profile.partner_id_kind],
        SCOPE[profile.external_id_scope],
        str(profile.customer_no_length),
        profile.replay_answer or "to be signed off",
        DOUBT[profile.doubt_answer],
        reading.refusal.value,
        reading.failure.value,
        reading.silence.value,
        reading.inconsistent.value if reading.inconsistent else "its flag",
        f"`{profile.payment_status_path}`",
    ]


def test_the_table_of_profiles_is_what_the_code_does() -> None:
    lines = DOCUMENT.read_text("utf-8").split("## Profiles")[1].split("\n## ")[0]
    table = [line.strip("|").split("|") for line in lines.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in row] for row in table if "---" not in row[0]]

    columns = list(zip(*rows, strict=True))[1:]

    assert [list(each) for each in columns] == [column(each) for each in PROFILES.values()]
