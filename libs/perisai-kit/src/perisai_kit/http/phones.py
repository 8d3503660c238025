"""Telephone numbers as people write them, kept in one form."""

import re
import unicodedata
from typing import Annotated

import phonenumbers
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

# Numbers as people write them. phonenumbers accepts letters too, as keys of an old telephone.
_WRITTEN_PHONE = re.compile(r"[+(0-9][0-9 ().\-]{3,29}")

_SIGNS = str.maketrans({"\uff0b": "+", "\ufe62": "+", "\u2212": "-", "\uff08": "(", "\uff09": ")",
                        "\uff0e": ".", "\t": " "})  # fmt: skip

_LONGEST_WRITTEN = 60
"""Including invisible characters."""

_COUNTRY_IN_BRACKETS = re.compile(r"^\(\+([0-9]{1,3})\)")

_COUNTRY = "62"
MOBILE_DIGITS = 9
"""The fewest of an Indonesian mobile number without its 0. Source: phonenumbers, region ID."""


def _plain(text: str) -> str:
    """Return a copied text without invisible characters, with plain spaces, dashes and digits."""
    kept = []
    for sign in text.translate(_SIGNS):
        match unicodedata.category(sign):
            case "Cf":
                continue
            case "Zs":
                kept.append(" ")
            case "Pd":
                kept.append("-")
            case "Nd":
                kept.append(str(unicodedata.decimal(sign)))
            case _:
                kept.append(sign)
    return _COUNTRY_IN_BRACKETS.sub(r"+\1 ", "".join(kept).strip())


def _international(text: str) -> str:
    """Return a number with a country code but no plus, `62…` or `0062…`, with a plus.

    No national number begins with 62 or 00: the area code follows a single 0.
    Raises: NumberParseException for 00 and another country.
    """
    digits = re.sub(r"[^0-9]", "", text)
    if text.startswith("+") or not digits.startswith((_COUNTRY, "00")):
        return text
    if not digits.startswith((_COUNTRY, f"00{_COUNTRY}")):
        raise phonenumbers.NumberParseException(
            phonenumbers.NumberParseException.INVALID_COUNTRY_CODE, "00 and another country"
        )
    return "+" + digits.removeprefix("00")


def _without_second_country(number: phonenumbers.PhoneNumber) -> phonenumbers.PhoneNumber:
    """Return the mobile number of +62 62 8…, where a form has added a second +62."""
    national = str(number.national_number)
    if number.country_code == int(_COUNTRY) and national.startswith(f"{_COUNTRY}8"):
        inner = phonenumbers.parse(f"+{national}")
        if phonenumbers.number_type(inner) == phonenumbers.PhoneNumberType.MOBILE:
            return inner
    return number


def _can_be_called(number: phonenumbers.PhoneNumber) -> bool:
    """Tell whether a number can be one; an Indonesian one must be mobile or of a known area.

    Its mobile numbers are counted by their digits, because new blocks are opened.
    """
    national = str(number.national_number)
    is_mobile = national.startswith("8") and len(national) >= MOBILE_DIGITS
    if number.country_code == int(_COUNTRY) and not is_mobile:
        return phonenumbers.is_valid_number(number)
    return phonenumbers.is_possible_number(number)


def _phone(value: object) -> object:
    wrong = PydanticCustomError("phone", "must be a telephone number")
    if not isinstance(value, str) or len(value) > _LONGEST_WRITTEN:
        raise wrong
    text = _plain(value)
    if not _WRITTEN_PHONE.fullmatch(text):
        raise wrong
    try:
        number = phonenumbers.parse(_international(text), "ID")
        if text.startswith("+"):
            number = _without_second_country(number)
    except phonenumbers.NumberParseException:
        raise wrong from None
    if not _can_be_called(number):
        raise wrong
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


Phone = Annotated[
    str,
    BeforeValidator(_phone),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_WRITTEN_PHONE.pattern}$",
            "examples": ["0812 3456 7890", "+6281234567890"],
        }
    ),
]
"""An Indonesian or international number, normalised to E.164 (+62…)."""
