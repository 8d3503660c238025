"""The fields of each message that are validated strictly.

Strict are ids, account numbers, the amount with its currency, and the date that is booked. Other
fields are optional: one of another type, length or format than the standard says is ignored. A
bank refunds its customer when a payment is refused, even for a field that is never used.
"""

_ACCOUNT = frozenset({"partnerServiceId", "customerNo", "virtualAccountNo"})

AMOUNT = frozenset({"value", "currency"})

# Requests of banks.
TOKEN_REQUEST = frozenset({"grantType"})
INQUIRY = _ACCOUNT | {"inquiryRequestId", "amount"}
# paidBills takes part in the comparison of a payment flag with its repeat, but decides nothing: a
# payment is for the order of its virtual account.
PAYMENT = _ACCOUNT | {"paymentRequestId", "paidAmount", "trxDateTime", "trxId"}

# Answers of banks. Their numbers show whether an answer belongs to our question.
TOKEN_ANSWER = frozenset({"accessToken", "expiresIn"})
ACCOUNT_INQUIRY_ANSWER = frozenset(
    {"responseCode", "beneficiaryAccountNo", "beneficiaryAccountName"}
)
PAYMENT_STATUS_ANSWER = frozenset({"responseCode", "virtualAccountData"})
PAYMENT_STATUS_DATA = frozenset(
    {"paymentFlagStatus", "virtualAccountNo", "paymentRequestId", "paidAmount"}
)

# Money out. An answer that contradicts our transfer proves nothing, so all its ids are strict.
TRANSFER_ANSWER = frozenset(
    {
        "responseCode",
        "partnerReferenceNo",
        "amount",
        "beneficiaryAccountNo",
        "sourceAccountNo",
    }
)
TRANSFER_STATUS_ANSWER = frozenset(
    {
        "responseCode",
        "latestTransactionStatus",
        "originalPartnerReferenceNo",
        "originalExternalId",
        "serviceCode",
        "amount",
        "beneficiaryAccountNo",
        "sourceAccountNo",
    }
)
BALANCE_ANSWER = frozenset({"responseCode", "partnerReferenceNo", "accountNo", "accountInfos"})
BALANCE_INFO = frozenset({"availableBalance"})
# A malformed mark of a further page must not make the bank statement look complete.
BANK_STATEMENT_ANSWER = frozenset(
    {"responseCode", "accountNo", "hasMore", "lastRecordDateTime", "detailData"}
)
BANK_STATEMENT_DETAIL = frozenset({"amount", "transactionDate", "type", "remark"})
