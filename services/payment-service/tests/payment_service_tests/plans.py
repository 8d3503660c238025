"""A filled database, for tests of how PostgreSQL answers; see perisai_kit.testing.plans."""

import re
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

PARTNERS = tuple(UUID(f"0190a000-0000-7000-8000-0000000000b{each}") for each in range(3))
AGENT = UUID("0190a000-0000-7000-8000-000000000a01")
WADAH = UUID("0190a000-0000-7000-8000-00000000fa01")

# 20,000 members of 200 agents in 200 branches; each has paid a bill and has an open one. Ids and
# instants run from 100 days ago until now, as they do where payments come in.
_FILL = """
CREATE FUNCTION made_id(at timestamptz, n int, kind text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
        || substr(md5(kind || n), 1, 3) || '8' || substr(md5(n || kind), 1, 15))::uuid
$$;
CREATE FUNCTION numbered_id(kind text, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT ('0190a000-0000-7000-8000-' || kind || lpad(to_hex(n), 12 - length(kind), '0'))::uuid
$$;
CREATE TEMP TABLE made AS
    SELECT n, at, made_id(at, n, 'order') AS order_id, made_id(at, n, 'bill') AS bill_id,
           made_id(at, n, 'payment') AS payment_id, numbered_id('e', n) AS member_id,
           '0190a000-0000-7000-8000-0000000000b' || n % 3 AS partner_id, is_paid
    FROM generate_series(1, 20000) AS n CROSS JOIN (VALUES (true), (false)) AS kind (is_paid)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN is_paid THEN now() - (20000 - n) * interval '7 minutes'
               ELSE now() - n * interval '20 seconds' END AS at
    ) AS times;
INSERT INTO bank_partners (
    id, name, profile, status, company_code, bank_code, client_id, public_key_pem, allowed_sources,
    trust_bank_time, keeps_refused_money, client_secret, created_at, created_by, status_changed_at,
    status_changed_by, changed_at, changed_by, version
) SELECT ('0190a000-0000-7000-8000-0000000000b' || n)::uuid, 'Bank ' || n, 'generic-hmac', 'active',
         '8800' || n, 'x' || n, 'bank-' || n, '', '{}', true, false, '', now(), gen_random_uuid(),
         now(), gen_random_uuid(), now(), '{}', 1
  FROM generate_series(0, 2) AS n;
INSERT INTO attributed_members SELECT numbered_id('e', n), 1 FROM generate_series(1, 20000) AS n;
INSERT INTO attribution_periods
    SELECT numbered_id('e', n), '2020-01-01', '9999-12-31', numbered_id('a', n % 200),
           numbered_id('fa', n % 20), 'B' || n % 200, 'R' || n % 3, true
    FROM generate_series(1, 20000) AS n;
INSERT INTO orders SELECT order_id, 1, 36800, at, member_id FROM made WHERE is_paid;
INSERT INTO orders SELECT order_id, 1, 36800, at, member_id FROM made WHERE NOT is_paid;
INSERT INTO bills (
    id, order_id, member_id, status, sector, declared_income, employs_others, payer, first_month,
    month_count, amount, relief_amount, issued_at, issued_by, expires_at, paid_at, display_name
) SELECT bill_id, order_id, member_id, CASE WHEN is_paid THEN 'paid' ELSE 'open' END, 'other',
         1000000, false, 'self', '2026-11', 1, 36800, 0, at, member_id, at + interval '7 days',
         CASE WHEN is_paid THEN at END, ''
  FROM made;
INSERT INTO payments
    SELECT payment_id, partner_id::uuid, n::text, order_id, 36800, at, at, at, '6011',
           lpad(n::text, 11, '0')
    FROM made WHERE is_paid ORDER BY at;
INSERT INTO allocations
    SELECT payment_id, made_id(at, n, 'allocation'), 'bill', bill_id, member_id, 36800, at, NULL,
           NULL, at
    FROM made WHERE is_paid ORDER BY at;
DROP TABLE made;
"""


async def fill(session: AsyncSession) -> None:
    """Fill an empty database, and let PostgreSQL know what is in it."""
    for statement in re.split(r";\n(?!\$)", _FILL.strip()):
        if statement.strip(" ;\n"):
            await session.execute(text(statement.replace(":", "\\:").replace("\\:\\:", "::")))
    await session.execute(text("ANALYZE"))
