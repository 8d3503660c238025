-- The verification of a month: what agents and wadahs earned, computed anew and compared with what
-- is booked, stated and owed. One statement, so one snapshot; it writes and locks nothing.
--
-- Written from docs/commissions.md, docs/money.md and docs/domain.md. It shares no code with
-- commissions, closings and incentive_statements, and must not: a rule that changes is changed here
-- a second time, by hand.
--
-- It believes: allocations, bills, the decisions on agents, approved schemes, reviews of bonuses,
-- which months are closed, and of the answers of member-service what payments cannot tell: when a
-- registration began, and who was registered before. It proves: commission_lines, statements,
-- commission_months, the transfers of statements, and the rest of those answers.
--
-- month: as 2026-11. Amounts are rupiah; "parts" are 1/10,000 rupiah. One row is returned.
-- With psql: psql -v month="'2026-11'" -f verify.sql

WITH
-- 1. Which allocations are compared

-- Earlier months of which something was booked in this one, because it was learned late.
booked_late AS MATERIALIZED (
    SELECT DISTINCT payment_id, allocation_id, agent_id, earned_month, cause
    FROM commission_lines
    WHERE booked_month = CAST(:month AS text) AND earned_month < CAST(:month AS text)
),
-- Where such a line is about an acquisition, the whole month of that agent counts.
late_agent_months AS MATERIALIZED (
    SELECT agent_id, earned_month FROM booked_late WHERE cause <> 'contribution'
    UNION
    SELECT answer.agent_id, late.earned_month
    FROM booked_late AS late JOIN coverage_answers AS answer USING (allocation_id)
    WHERE answer.is_acquisition AND answer.agent_id IS NOT NULL
),
late AS MATERIALIZED (
    SELECT payment_id, allocation_id FROM booked_late
    UNION
    SELECT answer.payment_id, answer.allocation_id
    FROM late_agent_months AS agent_month
    JOIN coverage_answers AS answer ON answer.agent_id = agent_month.agent_id
        AND answer.counts_at
            >= CAST(agent_month.earned_month || '-01' AS timestamp) AT TIME ZONE 'Asia/Jakarta'
        AND answer.counts_at
            < (CAST(agent_month.earned_month || '-01' AS timestamp) + interval '1 month')
                AT TIME ZONE 'Asia/Jakarta'
    WHERE answer.is_acquisition
),
settled AS MATERIALIZED (
    SELECT payment_id, id, bill_id, member_id, counts_at
    FROM allocations
    WHERE kind = 'bill' AND amount > 0
        AND counts_at >= CAST(CAST(:month AS text) || '-01' AS timestamp)
            AT TIME ZONE 'Asia/Jakarta'
        AND counts_at < (CAST(CAST(:month AS text) || '-01' AS timestamp) + interval '1 month')
            AT TIME ZONE 'Asia/Jakarta'
    UNION
    SELECT allocations.payment_id, allocations.id, bill_id, member_id, counts_at
    FROM late JOIN allocations
        ON allocations.payment_id = late.payment_id AND allocations.id = late.allocation_id
    WHERE kind = 'bill' AND amount > 0
),

-- 2. What is left out, because its computation is due

waiting AS MATERIALIZED (SELECT allocation_id FROM commission_waits),
-- A waiting acquisition may move a threshold: for whom it counted, and for whom it will.
unsettled_agent_months AS MATERIALIZED (
    SELECT agent_id, month AS earned_month
    FROM waiting JOIN commission_acquisitions USING (allocation_id)
    WHERE agent_id IS NOT NULL
    UNION
    SELECT agent_id, to_char(counts_at AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM')
    FROM waiting JOIN coverage_answers USING (allocation_id)
    WHERE agent_id IS NOT NULL AND is_acquisition
),

-- 3. Who earns

-- The scheme of a month: of those approved, the one that began last.
month_schemes AS MATERIALIZED (
    SELECT months.month, scheme.*
    FROM (SELECT DISTINCT to_char(counts_at AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM') AS month
          FROM settled) AS months
    CROSS JOIN LATERAL (
        SELECT id AS scheme_id, terms,
               CAST(terms ->> 'threshold' AS bigint) AS threshold,
               CAST(terms ->> 'agent_share_bps' AS bigint) AS agent_share_bps,
               CAST(terms ->> 'wadah_share_bps' AS bigint) AS wadah_share_bps,
               CAST(terms ->> 'override_bps' AS bigint) AS override_bps,
               CAST(terms ->> 'acquisition_fixed' AS bigint) AS fixed_sum,
               CAST(terms ->> 'sponsored' AS boolean) AS pays_sponsored
        FROM commission_schemes
        WHERE status = 'approved' AND first_month <= months.month
        ORDER BY first_month DESC LIMIT 1) AS scheme
),
answered AS MATERIALIZED (
    SELECT settled.id AS allocation_id, settled.payment_id, settled.bill_id, settled.member_id,
           settled.counts_at, to_char(local.at, 'YYYY-MM') AS earned_month,
           CAST(local.at AS date) AS counts_on, answer.agent_id, answer.wadah_id,
           answer.first_month, answer.months, answer.is_acquisition
    FROM settled
    CROSS JOIN LATERAL (SELECT settled.counts_at AT TIME ZONE 'Asia/Jakarta' AS at) AS local
    JOIN coverage_answers AS answer ON answer.allocation_id = settled.id
        AND answer.outcome <> 'declined' AND jsonb_array_length(answer.months) > 0
    LEFT JOIN waiting ON waiting.allocation_id = settled.id
    WHERE waiting.allocation_id IS NULL
        AND NOT EXISTS (
            SELECT FROM allocations AS opposite WHERE opposite.reverses = settled.id)
),
-- An agent works on the day of a decision that allows it, and else as the last day before left it.
earning AS MATERIALIZED (
    SELECT answered.*, scheme.scheme_id, scheme.threshold, scheme.fixed_sum, scheme.terms,
           scheme.agent_share_bps, scheme.wadah_share_bps, scheme.override_bps
    FROM answered
    JOIN bills ON bills.id = answered.bill_id
    JOIN month_schemes AS scheme ON scheme.month = answered.earned_month
        AND (scheme.pays_sponsored OR bills.payer = 'self')
    CROSS JOIN LATERAL (
        SELECT CAST(counts_on AS timestamp) AT TIME ZONE 'Asia/Jakarta' AS begins,
               CAST(counts_on + 1 AS timestamp) AT TIME ZONE 'Asia/Jakarta' AS ends) AS day
    WHERE answered.agent_id IS NOT NULL AND (
        EXISTS (
            SELECT FROM agent_decisions AS decision
            WHERE decision.agent_id = answered.agent_id AND is_at_work
                AND decided_at >= day.begins AND decided_at < day.ends)
        OR (
            SELECT is_at_work FROM agent_decisions AS decision
            WHERE decision.agent_id = answered.agent_id AND decided_at < day.begins
            ORDER BY decided_at DESC, is_at_work LIMIT 1))
),

-- The answer names the agent in care on the day; so do the attributions that this service has.
compared_care AS (
    SELECT answered.*, period.agent_id AS attributed_agent_id, period.wadah_id AS attributed_wadah_id
    FROM answered JOIN attribution_periods AS period ON period.member_id = answered.member_id
        AND counts_on >= period.from_date AND counts_on < period.until_date
    WHERE (answered.agent_id, answered.wadah_id)
        IS DISTINCT FROM (period.agent_id, period.wadah_id)
),

-- What payments say of an answer: which months were paid, and who had paid before.
compared_answers AS (
    SELECT answered.*, 'answer.months' AS name
    FROM answered
    WHERE EXISTS (
            SELECT FROM jsonb_array_elements_text(answered.months) AS counted (month)
            WHERE counted.month < answered.first_month OR NOT EXISTS (
                SELECT FROM bill_lines AS line
                WHERE line.bill_id = answered.bill_id AND line.month = counted.month))
    UNION ALL
    SELECT answered.*, 'answer.acquisition'
    FROM answered
    WHERE answered.is_acquisition AND EXISTS (
            SELECT FROM allocations AS earlier
            JOIN coverage_answers AS counted ON counted.allocation_id = earlier.id
                AND counted.outcome <> 'declined' AND jsonb_array_length(counted.months) > 0
            WHERE earlier.member_id = answered.member_id
                AND earlier.kind = 'bill' AND earlier.amount > 0
                AND (earlier.counts_at, earlier.id)
                    < (answered.counts_at, answered.allocation_id)
                AND NOT EXISTS (
                    SELECT FROM allocations AS opposite WHERE opposite.reverses = earlier.id)
                AND NOT EXISTS (
                    SELECT FROM waiting WHERE waiting.allocation_id = earlier.id))
),

-- 4. What earns how much: base in rupiah, rate in basis points

contributions AS (
    SELECT earning.*, 'contribution' AS cause, line.month AS contribution_month, line.programme,
           number.month_index, line.amount AS base, tier.rate_bps
    FROM earning
    JOIN bill_lines AS line ON line.bill_id = earning.bill_id AND earning.months ? line.month
    CROSS JOIN LATERAL (
        SELECT 12 * (CAST(left(line.month, 4) AS bigint) - CAST(left(first_month, 4) AS bigint))
            + CAST(right(line.month, 2) AS bigint) - CAST(right(first_month, 2) AS bigint) + 1
            AS month_index) AS number
    CROSS JOIN LATERAL jsonb_to_recordset(earning.terms -> 'tiers')
        AS tier (first_index bigint, last_index bigint, rate_bps bigint)
    WHERE number.month_index >= tier.first_index
        AND (tier.last_index IS NULL OR number.month_index <= tier.last_index)
),
-- place: by the instant from which each counts. reached: how many the agent has in the month.
acquired AS MATERIALIZED (
    SELECT earning.*, count(*) OVER agent_month AS reached,
           row_number() OVER (agent_month ORDER BY counts_at, allocation_id) AS place
    FROM earning WHERE is_acquisition
    WINDOW agent_month AS (PARTITION BY agent_id, earned_month)
),
bonuses AS (
    SELECT acquired.*, new_member.amount
    FROM acquired
    LEFT JOIN LATERAL (
        SELECT amount.amount
        FROM jsonb_to_recordset(acquired.terms -> 'acquisition_by_programmes')
            AS amount (programmes bigint, amount bigint)
        WHERE amount.programmes = (
            SELECT count(DISTINCT programme) FROM bill_lines AS line
            WHERE line.bill_id = acquired.bill_id AND line.month = (
                SELECT min(month) FROM bill_lines AS first
                WHERE first.bill_id = acquired.bill_id))) AS new_member ON true
    WHERE reached >= threshold
        AND NOT EXISTS (
            SELECT FROM bonus_reviews AS review
            WHERE review.agent_id = acquired.agent_id AND review.month = acquired.earned_month
                AND review.status <> 'released')
        AND NOT EXISTS (
            SELECT FROM unsettled_agent_months AS unsettled
            WHERE unsettled.agent_id = acquired.agent_id
                AND unsettled.earned_month = acquired.earned_month)
),
earned AS (
    SELECT allocation_id, payment_id, member_id, agent_id, wadah_id, earned_month, scheme_id, cause,
           contribution_month, programme, month_index, base, rate_bps, agent_share_bps,
           wadah_share_bps, override_bps
    FROM contributions
    UNION ALL
    SELECT allocation_id, payment_id, member_id, agent_id, wadah_id, earned_month, scheme_id,
           'acquisition', '', '', 0, amount, 10000, agent_share_bps, wadah_share_bps, override_bps
    FROM bonuses WHERE amount IS NOT NULL
    UNION ALL
    SELECT allocation_id, payment_id, member_id, agent_id, wadah_id, earned_month, scheme_id,
           'month_target', '', '', 0, fixed_sum, 10000, agent_share_bps, wadah_share_bps,
           override_bps
    FROM bonuses WHERE place = threshold
),
-- The agent's share, the wadah's share of the same, and the wadah's percentage on top of the
-- agent's. No scheme is approved that leaves a fraction of a part.
computed_lines AS (
    SELECT allocation_id, payment_id, member_id, agent_id, earned_month, scheme_id, cause, rule,
           kind, beneficiary_id, contribution_month, programme, month_index, parts
    FROM earned
    CROSS JOIN LATERAL (VALUES
        (CASE cause WHEN 'contribution' THEN cause ELSE 'acquisition' END, 'agent', agent_id,
         base * rate_bps * agent_share_bps / 10000),
        (CASE cause WHEN 'contribution' THEN cause ELSE 'acquisition' END, 'wadah', wadah_id,
         base * rate_bps * wadah_share_bps / 10000),
        ('override', 'wadah', wadah_id,
         base * rate_bps * agent_share_bps / 10000 * override_bps / 10000)
    ) AS share (rule, kind, beneficiary_id, parts)
    WHERE parts <> 0 AND beneficiary_id IS NOT NULL
),

-- 5. Lines: what is booked for these allocations in all months, beside what they earn

month_lines AS (
    SELECT * FROM commission_lines WHERE earned_month = CAST(:month AS text)
    UNION ALL
    SELECT line.* FROM (SELECT DISTINCT allocation_id FROM late) AS late
    JOIN commission_lines AS line USING (allocation_id)
    WHERE line.earned_month < CAST(:month AS text)
),
booked_lines AS (
    SELECT line.*
    FROM month_lines AS line
    LEFT JOIN waiting USING (allocation_id)
    WHERE waiting.allocation_id IS NULL
        AND (cause = 'contribution' OR NOT EXISTS (
            SELECT FROM unsettled_agent_months AS unsettled
            WHERE unsettled.agent_id = line.agent_id
                AND unsettled.earned_month = line.earned_month))
),
compared_lines AS MATERIALIZED (
    SELECT allocation_id, payment_id, member_id, agent_id, earned_month, scheme_id, cause, rule,
           kind, beneficiary_id, contribution_month, programme, month_index,
           CAST(sum(booked) AS bigint) AS booked, CAST(sum(computed) AS bigint) AS computed
    FROM (
        SELECT allocation_id, payment_id, member_id, agent_id, earned_month, scheme_id, cause, rule,
               beneficiary_kind AS kind, beneficiary_id,
               coalesce(contribution_month, '') AS contribution_month,
               coalesce(programme, '') AS programme, coalesce(month_index, 0) AS month_index,
               parts AS booked, 0 AS computed
        FROM booked_lines
        UNION ALL
        SELECT allocation_id, payment_id, member_id, agent_id, earned_month, scheme_id, cause, rule,
               kind, beneficiary_id, contribution_month, programme, month_index, 0, parts
        FROM computed_lines
    ) AS both_sides
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
    HAVING sum(booked) <> 0 OR sum(computed) <> 0
),
-- Lines get their numbers under the lock of the months: once one of this month, or of an earlier
-- one, is booked in a later month, this one is closed and gets no more.
misbooked_lines AS (
    SELECT line.*
    FROM commission_lines AS line
    WHERE line.booked_month > CAST(:month AS text) AND line.earned_month <= CAST(:month AS text)
        AND line.id < (SELECT max(id) FROM commission_lines
                       WHERE booked_month = CAST(:month AS text))
),

-- 6. Statements: the whole rupiah of everything since the beginning, less those before

month_sums AS MATERIALIZED (
    SELECT beneficiary_id, min(beneficiary_kind) AS kind, count(*) AS line_count,
           CAST(sum(parts) AS bigint) AS parts,
           CAST(coalesce(sum(parts) FILTER (WHERE rule = 'contribution'), 0) AS bigint)
               AS contribution_parts,
           CAST(coalesce(sum(parts) FILTER (WHERE rule = 'acquisition'), 0) AS bigint)
               AS acquisition_parts,
           CAST(coalesce(sum(parts) FILTER (WHERE rule = 'override'), 0) AS bigint)
               AS override_parts
    FROM commission_lines WHERE booked_month = CAST(:month AS text)
    GROUP BY beneficiary_id
),
-- best: the most that statements ever came to, with what payouts deducted for debts. What they are
-- short of it now is the debt.
earlier AS (
    SELECT beneficiary_id, CAST(sum(parts) AS bigint) AS parts,
           CAST(sum(amount) AS bigint) AS amount, CAST(sum(set_off) AS bigint) AS set_off,
           CAST(max(so_far) AS bigint) AS best
    FROM (
        SELECT beneficiary_id, contribution_parts + acquisition_parts + override_parts AS parts,
               amount, set_off,
               sum(amount + set_off) OVER (PARTITION BY beneficiary_id ORDER BY month) AS so_far
        FROM statements WHERE month < CAST(:month AS text)) AS stated
    GROUP BY beneficiary_id
),
stated AS MATERIALIZED (
    SELECT * FROM statements WHERE month = CAST(:month AS text)
),
computed_statements AS MATERIALIZED (
    SELECT sums.*, CAST(whole.before - 10000 * floor(whole.before / 10000) AS bigint)
               AS brought_parts,
           CAST(whole.before + sums.parts AS bigint) AS total_parts,
           CAST(floor((whole.before + sums.parts) / 10000) - floor(whole.before / 10000)
               AS bigint) AS amount,
           coalesce(greatest(earlier.best, 0) - earlier.amount - earlier.set_off, 0)
               - coalesce(stated.set_off, 0) AS brought_debt
    FROM month_sums AS sums
    LEFT JOIN earlier USING (beneficiary_id)
    LEFT JOIN stated USING (beneficiary_id)
    CROSS JOIN LATERAL (
        SELECT CAST(coalesce(earlier.parts, 0) AS numeric) AS before) AS whole
),
compared_statements AS (
    SELECT coalesce(stated.beneficiary_id, computed.beneficiary_id) AS beneficiary_id,
           stated.id AS statement_id, field.name, field.booked, field.computed
    FROM stated FULL JOIN computed_statements AS computed USING (beneficiary_id)
    CROSS JOIN LATERAL (VALUES
        ('statement.is_wadah', CAST((stated.beneficiary_kind = 'wadah') AS integer),
         CAST((computed.kind = 'wadah') AS integer)),
        ('statement.line_count', stated.line_count, computed.line_count),
        ('statement.contribution_parts', stated.contribution_parts, computed.contribution_parts),
        ('statement.acquisition_parts', stated.acquisition_parts, computed.acquisition_parts),
        ('statement.override_parts', stated.override_parts, computed.override_parts),
        ('statement.brought_parts', stated.brought_parts, computed.brought_parts),
        ('statement.total_parts', stated.total_parts, computed.total_parts),
        ('statement.amount', stated.amount, computed.amount),
        ('statement.brought_debt', stated.brought_debt, computed.brought_debt)
    ) AS field (name, booked, computed)
    WHERE stated.id IS NOT NULL AND computed.beneficiary_id IS NOT NULL
        AND field.booked IS DISTINCT FROM field.computed
    UNION ALL
    SELECT coalesce(stated.beneficiary_id, computed.beneficiary_id), stated.id,
           CASE WHEN stated.id IS NULL THEN 'statement.missing' ELSE 'statement.unfounded' END,
           stated.amount, computed.amount
    FROM stated FULL JOIN computed_statements AS computed USING (beneficiary_id)
    WHERE stated.id IS NULL OR computed.beneficiary_id IS NULL
),

-- 7. The ledger: one transfer for each statement of more, or less, than nothing

computed_transfers AS (
    SELECT stated.id AS cause_id, beneficiary_id,
           CASE WHEN computed.amount > 0 THEN 'incentive_accrued' ELSE 'incentive_reversed' END
               AS code,
           CASE WHEN computed.amount > 0 THEN expense ELSE payable END AS debit_account,
           CASE WHEN computed.amount > 0 THEN payable ELSE expense END AS credit_account,
           CAST((CAST(CAST(:month AS text) || '-01' AS timestamp) + interval '1 month - 1 day')
               AS date) AS business_on,
           abs(computed.amount) AS amount
    FROM computed_statements AS computed JOIN stated USING (beneficiary_id)
    CROSS JOIN LATERAL (SELECT 'incentive_expense:' || CAST(:month AS text) AS expense,
                               'incentive_payable:' || beneficiary_id AS payable) AS account
    WHERE computed.amount <> 0
),
-- By the statement, whatever its account; and by the account, whatever its statement.
booked_transfers AS (
    SELECT transfer.id, cause_id, code, debit_account, credit_account, business_on, transfer.amount
    FROM ledger_transfers AS transfer JOIN stated ON stated.id = cause_id
    WHERE code IN ('incentive_accrued', 'incentive_reversed')
    UNION
    SELECT id, cause_id, code, debit_account, credit_account, business_on, amount
    FROM ledger_transfers
    WHERE debit_account = 'incentive_expense:' || CAST(:month AS text)
        AND code = 'incentive_accrued'
    UNION
    SELECT id, cause_id, code, debit_account, credit_account, business_on, amount
    FROM ledger_transfers
    WHERE credit_account = 'incentive_expense:' || CAST(:month AS text)
        AND code = 'incentive_reversed'
),
compared_transfers AS MATERIALIZED (
    SELECT cause_id, code, debit_account, credit_account, business_on,
           CAST(sum(booked) AS bigint) AS booked, CAST(sum(computed) AS bigint) AS computed
    FROM (
        SELECT cause_id, code, debit_account, credit_account, business_on, amount AS booked,
               0 AS computed
        FROM booked_transfers
        UNION ALL
        SELECT cause_id, code, debit_account, credit_account, business_on, 0, amount
        FROM computed_transfers) AS both_sides
    GROUP BY 1, 2, 3, 4, 5
),

-- 8. The month

computed_month AS (
    SELECT count(*) AS statement_count,
           CAST(coalesce(sum(line_count), 0) AS bigint) AS line_count,
           CAST(coalesce(sum(parts) FILTER (WHERE kind = 'agent'), 0) AS bigint) AS agent_parts,
           CAST(coalesce(sum(parts) FILTER (WHERE kind = 'wadah'), 0) AS bigint) AS wadah_parts,
           CAST(coalesce(sum(amount), 0) AS bigint) AS amount
    FROM computed_statements
),
closed_month AS (SELECT * FROM commission_months WHERE month = CAST(:month AS text)),
compared_month AS (
    SELECT field.name, field.booked, field.computed
    FROM closed_month AS closed CROSS JOIN computed_month AS computed
    CROSS JOIN LATERAL (VALUES
        ('month.statement_count', closed.statement_count, computed.statement_count),
        ('month.line_count', closed.line_count, computed.line_count),
        ('month.agent_parts', closed.agent_parts, computed.agent_parts),
        ('month.wadah_parts', closed.wadah_parts, computed.wadah_parts),
        ('month.amount', closed.amount, computed.amount)
    ) AS field (name, booked, computed)
    WHERE field.booked IS DISTINCT FROM field.computed
),

-- 9. What differs, by name

differences AS MATERIALIZED (
    SELECT CASE
               WHEN line.cause <> 'contribution' AND line.computed = 0
                   AND coalesce(acquired.reached, 0) < coalesce(acquired.threshold, 1)
                   THEN 'line.threshold_missed'
               WHEN line.computed = 0 THEN 'line.unfounded'
               WHEN line.booked = 0 THEN 'line.missing'
               ELSE 'line.amount'
           END AS name,
           jsonb_build_object(
               'allocation_id', line.allocation_id, 'agent_id', line.agent_id,
               'beneficiary_id', line.beneficiary_id, 'beneficiary_kind', kind,
               'earned_month', line.earned_month, 'cause', cause, 'rule', rule,
               'contribution_month', nullif(contribution_month, ''),
               'programme', nullif(line.programme, ''), 'month_index', nullif(month_index, 0),
               'scheme_id', line.scheme_id) AS place,
           line.booked, line.computed
    FROM compared_lines AS line
    LEFT JOIN acquired ON acquired.allocation_id = line.allocation_id
    WHERE line.booked <> line.computed
    UNION ALL
    SELECT 'line.month',
           jsonb_build_object(
               'allocation_id', allocation_id, 'agent_id', agent_id,
               'beneficiary_id', beneficiary_id, 'beneficiary_kind', beneficiary_kind,
               'earned_month', earned_month, 'booked_month', booked_month, 'rule', rule),
           parts, 0
    FROM misbooked_lines
    UNION ALL
    SELECT 'answer.agent',
           jsonb_build_object(
               'allocation_id', allocation_id, 'earned_month', earned_month,
               'agent_id', agent_id, 'wadah_id', wadah_id,
               'attributed_agent_id', attributed_agent_id,
               'attributed_wadah_id', attributed_wadah_id),
           NULL, NULL
    FROM compared_care
    UNION ALL
    SELECT name,
           jsonb_build_object(
               'allocation_id', allocation_id, 'earned_month', earned_month, 'agent_id', agent_id,
               'first_month', first_month),
           NULL, NULL
    FROM compared_answers
    UNION ALL
    SELECT name,
           jsonb_build_object('beneficiary_id', beneficiary_id, 'statement_id', statement_id),
           booked, computed
    FROM compared_statements
    UNION ALL
    SELECT CASE WHEN computed = 0 THEN 'transfer.unfounded' WHEN booked = 0 THEN 'transfer.missing'
               ELSE 'transfer.amount' END,
           jsonb_build_object(
               'statement_id', cause_id, 'code', code, 'debit_account', debit_account,
               'credit_account', credit_account, 'business_on', business_on),
           booked, computed
    FROM compared_transfers WHERE booked <> computed
    UNION ALL
    SELECT name, jsonb_build_object('month', CAST(:month AS text)), booked, computed
    FROM compared_month
)

SELECT EXISTS (SELECT FROM closed_month) AS is_closed,
       (SELECT count(*) FROM settled) AS allocation_count,
       (SELECT count(*) FROM settled JOIN waiting ON waiting.allocation_id = settled.id)
           AS left_out_count,
       (SELECT count(*) FROM compared_lines) AS line_count,
       (SELECT CAST(coalesce(sum(booked), 0) AS bigint) FROM compared_lines) AS booked_parts,
       (SELECT CAST(coalesce(sum(computed), 0) AS bigint) FROM compared_lines) AS computed_parts,
       (SELECT count(*) FROM stated) AS statement_count,
       (SELECT CAST(coalesce(sum(amount), 0) AS bigint) FROM stated) AS stated_amount,
       (SELECT amount FROM computed_month) AS computed_amount,
       (SELECT count(*) FROM compared_transfers) AS transfer_count,
       (SELECT count(*) FROM differences) AS difference_count,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', name, 'place', jsonb_strip_nulls(place), 'booked', booked,
                   'computed', computed) ORDER BY name, place), '[]')
        FROM (SELECT * FROM differences ORDER BY name, place LIMIT 100) AS first) AS differences
