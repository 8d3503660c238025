"""The words and examples of the SNAP operations."""

from typing import Any

from snap_bi.fields import Message
from snap_bi.messages import InquiryRequest, PaymentRequest, TokenRequest

INSTANT = "2026-11-03T09:15:00+07:00"
VIRTUAL_ACCOUNT = {
    "partnerServiceId": "   77777",
    "customerNo": "000000000000012345",
    "virtualAccountNo": "   77777000000000000012345",
}
AMOUNT = {"value": "36800.00", "currency": "IDR"}

FIELDS = {
    "additionalInfo": "Further fields of the bank; docs/banks.md says which are not ignored.",
    "amount": "Amount as the customer typed it; ignored, because the amount of a bill is fixed.",
    "billDetails": "Parts of the bill; ignored, because a bill is paid as a whole.",
    "channelCode": "Where the customer paid, as the bank numbers its channels.",
    "cumulativePaymentAmount": "Ignored; for partial payments, which there are none of.",
    "currency": "Always IDR.",
    "customerNo": "Number of the bill at this bank, with or without leading blanks.",
    "flagAdvise": "`Y` where the bank marks the request as a repeat.",
    "freeTexts": "Texts for the customer; ignored.",
    "grantType": "Always `client_credentials`.",
    "hashedSourceAccountNo": "Hash of the account that is debited; it shows us accounts that pay"
    " for many new members. Ignored in an inquiry.",
    "inquiryRequestId": "Id of this inquiry, made by the bank.",
    "journalNum": "Journal number of the bank; repeated in the answer.",
    "language": "Language of the customer; ignored.",
    "paidAmount": "Amount that was paid; it must be the amount of the bill.",
    "paidBills": "Bits of the bills that were paid, hexadecimal; repeated in the answer.",
    "partnerServiceId": "Our company code at the bank, padded with blanks to 8 characters.",
    "passApp": "Ignored.",
    "paymentRequestId": "Id of this payment, made by the bank. A repeat has the same.",
    "paymentType": "Type of payment of the bank; repeated in the answer.",
    "referenceNo": "Reference of the bank; printed on the receipt.",
    "sourceBankCode": "Code of the bank whose account is debited; read with the hash only.",
    "subCompany": "Subcompany code; ignored.",
    "totalAmount": "Amount of the bill as the inquiry said it; ignored.",
    "trxDateInit": "When the customer began; some banks call it `txnDateInit`.",
    "trxDateTime": "When the customer paid. The payment counts then, if that can be.",
    "trxId": "Id of the transaction at the bank; repeated in the answer.",
    "value": "Rupiah with two decimals, which must be `.00`.",
    "virtualAccountEmail": "E-mail of the customer; ignored.",
    "virtualAccountName": "Name of the customer; ignored.",
    "virtualAccountNo": "partnerServiceId with its padding, then customerNo.",
    "virtualAccountPhone": "Telephone of the customer; ignored.",
}
EXAMPLES: dict[type[Message], dict[str, Any]] = {
    TokenRequest: {"grantType": "client_credentials"},
    InquiryRequest: {
        **VIRTUAL_ACCOUNT,
        "trxDateInit": INSTANT,
        "channelCode": "6011",
        "inquiryRequestId": "202611030915000001",
    },
    PaymentRequest: {
        **VIRTUAL_ACCOUNT,
        "paymentRequestId": "202611030916000001",
        "paidAmount": AMOUNT,
        "trxDateTime": INSTANT,
        "channelCode": "6011",
        "referenceNo": "000000012345",
    },
}
ANSWER_FIELDS = {
    "accessToken": "To be sent as `Authorization: Bearer …`.",
    "additionalInfo": "Fields that the bank wants repeated.",
    "english": "In English.",
    "expiresIn": "Seconds for which the token is valid.",
    "indonesia": "In Indonesian.",
    "inquiryReason": "One sentence for the customer, in both languages.",
    "inquiryRequestId": "As it came, of an inquiry.",
    "inquiryStatus": "Of an inquiry. `00`: it can be paid; `01`: refused.",
    "paymentFlagReason": "One sentence for the customer, in both languages.",
    "paymentFlagStatus": "Of a payment. `00`: booked; `01`: refused.",
    "paymentRequestId": "As it came, of a payment.",
    "responseCode": "HTTP status, service and case, such as 2002500.",
    "responseMessage": "The case in words.",
    "subCompany": "Subcompany code, for banks that require it.",
    "tokenType": "Always `Bearer`.",
    "totalAmount": "Amount of the bill.",
    "virtualAccountData": "The virtual account and what was decided.",
    "virtualAccountName": "Name of the member, shortened and masked; may be empty.",
    "virtualAccountTrxType": "`C`: closed, the amount is fixed.",
}
"""Fields of our answers; one that is only in `FIELDS` is repeated as it came."""
REFUSALS = {
    "400": "A field is missing or has a wrong format.",
    "401": "The signature or the token is wrong.",
    "403": "The partner is not active.",
    "404": "There is no such bill, it is paid, or the amount differs.",
    "405": "Only POST is served.",
    "409": "The X-EXTERNAL-ID was used before.",
    "413": "The body has more than 64 kB.",
    "415": "The body is compressed.",
    "500": "A failure on our side. The outcome is unknown.",
}
HEADERS: dict[str, dict[str, Any]] = {
    "X-TIMESTAMP": {
        "description": "When the request is sent, with offset; at most 300 seconds from now.",
        "schema": {"type": "string", "maxLength": 35, "examples": [INSTANT]},
    },
    "X-CLIENT-KEY": {
        "description": "Client id, as the registration of the bank partner answered it.",
        "schema": {"type": "string", "maxLength": 128, "examples": ["bank-7777"]},
    },
    "X-SIGNATURE": {
        "description": "Signature of the request; docs/banks.md says over which string.",
        "schema": {"type": "string", "maxLength": 1024},
    },
    "X-PARTNER-ID": {
        "description": "Client id, or our company code at the bank.",
        "schema": {"type": "string", "maxLength": 36, "examples": ["bank-7777"]},
    },
    "X-EXTERNAL-ID": {
        "description": "Number of the request, unique per service and Jakarta day. Digits, or "
        "printable ASCII without blanks where that was agreed; compared as sent.",
        "schema": {"type": "string", "pattern": r"^[!-~]{1,36}$", "examples": ["202611030001"]},
    },
    "CHANNEL-ID": {
        "description": "Channel of the bank; recorded.",
        "schema": {"type": "string", "maxLength": 5, "examples": ["95001"]},
    },
}
