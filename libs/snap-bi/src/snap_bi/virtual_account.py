"""Virtual account numbers: company code, padded to eight, and customer number.

We pad with spaces, as the standard says. Some banks pad with zeros, and a company code may begin
with zeros of its own, so a code is compared without its padding of either kind.

The customer number ends in a Damm check digit (H. M. Damm, 2004). It detects every wrong digit and
every swap of neighbours; Luhn misses 09 and 90. The first digit is never zero, because some banks
send the number as a JSON number and lose leading zeros.
"""

from snap_bi.errors import VirtualAccountMismatch
from snap_bi.profiles import PARTNER_SERVICE_ID_LENGTH, Profile
from snap_bi.records import record

# The totally anti-symmetric quasigroup of order ten from Damm's thesis.
_DAMM = tuple(
    bytes(map(int, row))
    for row in (
        "0317598642",
        "7092154863",
        "4206871359",
        "1750983426",
        "6123045978",
        "3674209581",
        "5869720134",
        "8945362017",
        "9438617205",
        "2581436790",
    )
)
_ZERO = ord("0")


def compute_check_digit(digits: str) -> str:
    """Return the Damm check digit of ASCII digits. Raises: ValueError for anything else."""
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("a check digit is computed of digits")
    interim = 0
    for digit in digits.encode():
        interim = _DAMM[interim][digit - _ZERO]
    return str(interim)


def build_customer_no(serial: int, profile: Profile) -> str:
    """Return the customer number for a serial number, in the length of the profile.

    serial: 0 or more. Raises: ValueError when it does not fit.
    """
    length = profile.customer_no_length
    first = 10 ** (length - 2)
    if not 0 <= serial < 9 * first:
        raise ValueError(f"a serial number has to be under {9 * first}")
    digits = str(first + serial)
    return digits + compute_check_digit(digits)


@record
class VirtualAccount:
    """A virtual account in its stored form: both parts without padding."""

    company_code: str
    customer_no: str

    @property
    def partner_service_id(self) -> str:
        """The company code as sent: eight characters, padded with spaces on the left."""
        return self.company_code.rjust(PARTNER_SERVICE_ID_LENGTH)

    @property
    def padded(self) -> str:
        """virtualAccountNo as sent."""
        return self.partner_service_id + self.customer_no

    @property
    def number(self) -> str:
        """The digits that the payer types."""
        return self.company_code + self.customer_no


def issue(company_code: str, serial: int, profile: Profile) -> VirtualAccount:
    """Return a new virtual account. Raises: ValueError when a part does not fit."""
    is_digits = company_code.isascii() and company_code.isdigit()
    if not is_digits or len(company_code) > PARTNER_SERVICE_ID_LENGTH:
        raise ValueError("a company code has one to eight digits")
    return VirtualAccount(company_code, build_customer_no(serial, profile))


def is_company_code(sent: str, company_code: str) -> bool:
    """Return whether `sent` is this company code, padded with spaces, with zeros or not at all."""
    text = sent.strip()
    if text == company_code:
        return True
    length = PARTNER_SERVICE_ID_LENGTH
    return text != "" and text.zfill(length) == company_code.zfill(length)


def read_virtual_account(
    *, company_code: str, customer_no: str, virtual_account_no: str
) -> VirtualAccount:
    """Return the virtual account of a company from the strings of a request, padding removed.

    company_code: of the partner. The number may have it in another padding than partnerServiceId.
    Raises: VirtualAccountMismatch when they contradict each other.
    """
    found = VirtualAccount(company_code, customer_no.strip())
    number = virtual_account_no.strip()
    if number == found.number:
        return found
    sent = number.removesuffix(found.customer_no)
    if sent == number or " " in sent or not is_company_code(sent, company_code):
        raise VirtualAccountMismatch("virtualAccountNo is not partnerServiceId and customerNo")
    return found
