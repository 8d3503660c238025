-- The yardstick of the callbacks: how a service with one transaction per request books a payment.
-- For pgbench -M prepared -n -c 32 -j 2, on a migrated database with as many open bills as ours, one
-- bill per transaction.
--
-- It writes the same rows as our service: the used X-EXTERNAL-ID, the used request id, the payment,
-- its allocation, the status of the bill, three ledger transfers, the raw message with its answer, the
-- event. Headers, body, answer and event are copied from a payment that our service booked, so they
-- have the same size. The yardstick omits other work of a service: reading, verifying, encrypting, checking for a
-- repeat, and reading the lines of the bill.
\set n :n + 1
\set customer_no 100000000000000000 + 10 * (:client_id + 32 * :n)
\set external_id random(100000000000000000, 999999999999999999)
BEGIN;
SELECT account.order_id AS order_id, account.shown_name AS shown_name,
       bill.id AS bill_id, bill.amount AS amount, bill.member_id AS member_id,
       bill.status AS status, bill.issued_at AS issued_at, bill.expires_at AS expires_at,
       bill.withdrawn_at AS withdrawn_at, bill.payer AS payer,
       uuidv7() AS payment_id, uuidv7() AS allocation_id, uuidv7() AS callback_id,
       uuidv7() AS event_id, uuidv7() AS request_id, now() AS at
FROM virtual_accounts AS account JOIN bills AS bill ON bill.order_id = account.order_id
WHERE account.partner_id = :partner_id AND account.customer_no = :customer_no
FOR UPDATE OF bill \gset
INSERT INTO snap_external_ids (partner_id, scope, day, external_id, callback_id)
VALUES (:partner_id, '25', current_date, :external_id, :callback_id);
INSERT INTO payment_requests (partner_id, request_id, payment_id, callback_id)
VALUES (:partner_id, :request_id, :payment_id, :callback_id);
INSERT INTO payments (
    id, partner_id, payment_request_id, order_id, amount, trx_date_time, received_at, paid_at,
    channel_code, reference_no
) VALUES (
    :payment_id, :partner_id, :request_id, :order_id, :amount, :at, :at, :at,
    '6011', '00001136962'
);
INSERT INTO allocations (
    payment_id, id, kind, bill_id, member_id, amount, counts_at, allocated_at
) VALUES (
    :payment_id, :allocation_id, 'bill', :bill_id, :member_id, :amount, :at, :at
);
UPDATE bills SET status = 'paid', paid_at = :at WHERE id = :bill_id;
INSERT INTO ledger_transfers (
    debit_account, credit_account, amount, code, cause_kind, cause_id, business_on, booked_at
)
SELECT 'bank_collection:' || :partner_id, 'bpjs_payable:' || programme || ':' || month, amount,
       'contribution_received', 'allocation', :allocation_id, current_date, :at
FROM bill_lines WHERE bill_id = :bill_id;
INSERT INTO callbacks (
    id, partner_id, service, received_at, source, target, headers, external_id, signed_over,
    body, request_id, content_hash, verdict, http_status, response_code, answer, payment_id
) VALUES (
    :callback_id, :partner_id, '25', :at, :source, :target, :headers, :external_id, :signed_over,
    :body, :request_id, :content_hash, 'settled', 200, '2002500', :answer, :payment_id
);
INSERT INTO events (id, type, subject, data, occurred_at)
VALUES (:event_id, 'payment.settled.v1', :member_id, :event, :at);
COMMIT;
