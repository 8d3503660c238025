"""Which fields of a message decide, as one table.

A field that decides is read strictly: ids, account numbers, the amount with its currency, and the
date that books. Every other field is optional here: where it has another type, length or shape
than the standard says it is left out, because a bank gives the customer the money back when a
payment is refused for a field that nobody reads.
"""

_ACCOUNT = frozenset({"partnerServiceId", "customerNo", "virtualAccountNo"})

AMOUNT = frozenset({"value", "currency"})

# What banks send us.
TOKEN_REQUEST = frozenset({"grantType"})
INQUIRY = _ACCOUNT | {"inquiryRequestId", "amount"}
# trxId and paidBills are part of what makes two payments the same one.
PAYMENT = _ACCOUNT | {"paymentRequestId", "paidAmount", "trxDateTime", "trxId", "paidBills"}

# What banks answer us. The numbers in an answer decide whether it is about what was asked.
TOKEN_ANSWER = frozenset({"accessToken", "expiresIn"})
ACCOUNT_INQUIRY_ANSWER = frozenset(
    {"responseCode", "beneficiaryAccountNo", "beneficiaryAccountName"}
)
PAYMENT_STATUS_ANSWER = frozenset({"responseCode", "virtualAccountData"})
PAYMENT_STATUS_DATA = frozenset(
    {"paymentFlagStatus", "virtualAccountNo", "paymentRequestId", "paidAmount"}
)
