"""Some 20,000 members by SQL, for the plans of lists: nobody reads their encrypted columns."""

from asyncpg import connect

from perisai_kit.testing.plugin import Urls

MEMBERS = 20_000
BRANCHES = 50
AGENTS = 500

_MEMBERS = """
INSERT INTO members (id, nik_hash, nik_warnings, birth_date_text, sex, phone_hash, village,
    district, occupations, declared_income, programmes, employs_others, payer, new_to_bpu,
    enrolled_on, paid_through, first_unpaid, ends_on, end_reason, unpaid_months, version,
    created_by, created_at, nik, full_name, place_of_birth, phone, street)
SELECT {id}, sha256(i::text::bytea), '{{}}', '', 'male', sha256(i::text::bytea),
    'Desa ' || i / 13 % 1000, 'Kalibaru', '{{fisher}}', 1000000, '{{jkk,jkm}}', false, 'self', true,
    date '2025-01-01', to_char(paid, 'YYYY-MM'), to_char(paid + interval '1 month', 'YYYY-MM'),
    paid + interval '4 months',
    CASE WHEN paid IS NOT NULL THEN CASE WHEN i / 9 % 20 = 1 THEN 'death' ELSE 'lapsed' END END,
    to_char(paid + interval '1 month', 'YYYY-MM') || to_char(paid + interval '2 months', ' YYYY-MM')
        || to_char(paid + interval '3 months', ' YYYY-MM'),
    1, {id}, {at}, '', '', '', '', ''
FROM (SELECT i, CASE WHEN i / 7 % 10 > 0 THEN
    date '2025-06-01' + (i / 3 % 20) * interval '1 month' END AS paid
    FROM generate_series(1, {count}) AS i) AS made
"""
_PERIODS = """
INSERT INTO attribution_periods (member_id, from_date, until_date, agent_id, wadah_id, branch_code,
    region_code, reason, attribution_id, agent_sees, attribution_no, enrolled_at, first_unpaid,
    ends_on, end_reason, unpaid_months)
SELECT id, date '2025-01-01', date '9999-12-31', agent, agent, 'branch-' || i % {branches},
    'region-' || i % {branches} / 5, 'enrolled', id, true, 1, created_at, first_unpaid,
    ends_on, end_reason, unpaid_months
FROM (SELECT i, CASE WHEN i / 11 % 20 > 0 THEN lpad(to_hex(i % {agents}), 32, '0')::uuid END
    AS agent FROM generate_series(1, {count}) AS i) AS made JOIN members ON members.id = {id}
"""
_WORDS = """
INSERT INTO search_words (member_id, words)
SELECT {id}, ARRAY[i % 30, 1000 + i % 5000, 100000 + i] FROM generate_series(1, {count}) AS i
"""


def fill_statements(count: int = MEMBERS) -> list[str]:
    """Return the statements that make so many members, and the statistics on them."""
    names = {
        "id": "lpad(to_hex(i * 7919 % 2000003), 32, '0')::uuid",
        "at": "timestamptz '2025-01-01' + i * interval '1 minute'",
        "count": count,
        "branches": BRANCHES,
        "agents": AGENTS,
    }
    return [each.format(**names) for each in (_MEMBERS, _PERIODS, _WORDS)]


async def fill(urls: Urls, count: int = MEMBERS) -> None:
    connection = await connect(urls.owner)
    try:
        for statement in fill_statements(count):
            await connection.execute(statement)
        for table in ("members", "attribution_periods", "search_words"):
            await connection.execute(f"VACUUM ANALYZE {table}")
    finally:
        await connection.close()
