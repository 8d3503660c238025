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
# trxId and paidBills take part in the comparison of a payment flag with its repeat.
PAYMENT = _ACCOUNT | {"paymentRequestId", "paidAmount", "trxDateTime", "trxId", "paidBills"}

# Answers of banks. Their numbers show whether an answer belongs to our question.
TOKEN_ANSWER = frozenset({"accessToken", "expiresIn"})
ACCOUNT_INQUIRY_ANSWER = frozenset(
    {"responseCode", "beneficiaryAccountNo", "beneficiaryAccountName"}
)
PAYMENT_STATUS_ANSWER = frozenset({"responseCode", "virtualAccountData"})
PAYMENT_STATUS_DATA = frozenset(
    {"paymentFlagStatus", "virtualAccountNo", "paymentRequestId", "paidAmount"}
)
