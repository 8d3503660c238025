-- The yardstick of the inquiries: how a service with one transaction per request answers one.
-- For pgbench -M prepared -n -c 32 -j 2, on a migrated database with as many open bills as ours.
--
-- It writes the same rows as our service: the used X-EXTERNAL-ID, and the raw message with its answer.
-- Headers, body and answer are copied from an inquiry that our service answered, so they have the same
-- size. The yardstick omits other work of a service: reading, verifying, encrypting, and reading the
-- lines of the bill.
\set customer_no 100000000000000000 + 10 * random(0, :bills - 1)
\set external_id random(100000000000000000, 999999999999999999)
BEGIN;
SELECT uuidv7() AS callback_id, uuidv7() AS request_id, now() AS at \gset
INSERT INTO snap_external_ids (partner_id, scope, day, external_id, callback_id)
VALUES (:partner_id, '24', current_date, :external_id, :callback_id);
SELECT account.order_id AS order_id, account.shown_name AS shown_name,
       bill.id AS bill_id, bill.amount AS amount, bill.status AS status,
       bill.issued_at AS issued_at, bill.expires_at AS expires_at,
       bill.withdrawn_at AS withdrawn_at
FROM virtual_accounts AS account JOIN bills AS bill ON bill.order_id = account.order_id
WHERE account.partner_id = :partner_id AND account.customer_no = :customer_no \gset
INSERT INTO callbacks (
    id, partner_id, service, received_at, source, target, headers, external_id, signed_over,
    body, request_id, verdict, http_status, response_code, answer
) VALUES (
    :callback_id, :partner_id, '24', :at, :source, :target, :headers, :external_id, :signed_over,
    :body, :request_id, 'answered', 200, '2002400', :answer
);
COMMIT;
