"""The account of the state for taxes in a sandbox: made up, because no source names it."""

BANK_CODE = "888"
ACCOUNT_NO = "8800000001"
HOLDER_NAME = "Kas Negara"
VARIABLES = {
    "PERISAI_PAYMENT_TREASURY_BANK_CODE": BANK_CODE,
    "PERISAI_PAYMENT_TREASURY_ACCOUNT_NO": ACCOUNT_NO,
}
"""The settings of payment-service; the holder is its default."""
