"""The table of profiles in docs/banks.md says what the code does, in both languages."""

from pathlib import Path

import pytest

from snap_bi.profiles import (
    PROFILES,
    DoubtAnswer,
    ExternalIdScope,
    PartnerIdKind,
    Profile,
    QueryRule,
)

DOCS = Path(__file__).parents[5] / "docs"
INDONESIAN = {
    "symmetric, with token": "simetris, dengan token",
    "asymmetric, without": "asimetris, tanpa token",
    "as sent": "seperti dikirim",
    "sorted": "diurutkan",
    "nothing": "tidak ada",
    "seconds, +07:00": "detik, +07:00",
    "milliseconds, +07:00": "milidetik, +07:00",
    "client id": "id klien",
    "company code": "kode perusahaan",
    "service": "layanan",
    "to be signed off": "menunggu kesepakatan",
    "504 without a body": "504 tanpa isi",
    "rejected": "ditolak",
    "reversed": "dikembalikan",
    "suspended": "ditunda",
    "timed_out": "habis waktu",
    "its flag": "flag-nya",
}
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


def read_columns(page: Path) -> list[list[str]]:
    """Return the columns of the table of profiles on a page, without its legend."""
    sections = page.read_text("utf-8").split("\n## ")
    (lines,) = [each for each in sections if "| `generic-hmac` |" in each]
    table = [line.strip("|").split("|") for line in lines.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in row] for row in table if "---" not in row[0]]
    return [list(each) for each in zip(*rows, strict=True)][1:]


@pytest.mark.parametrize("page", ["banks.md", "id/banks.md"])
def test_the_table_of_profiles_is_what_the_code_does(page: str) -> None:
    words = INDONESIAN if page.startswith("id/") else {}

    expected = [[words.get(cell, cell) for cell in column(each)] for each in PROFILES.values()]

    assert read_columns(DOCS / page) == expected
