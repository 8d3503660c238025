"""What is said about a wrong field, by its code, in English and in Indonesian.

The codes are those of pydantic and a few of ours. The library's own words are not used: some quote
what was sent. A text may hold a limit of ours: `{min_length}`, or `{choices}` for allowed values.
"""

import re
from typing import NamedTuple


class FieldText(NamedTuple):
    en: str
    id: str


_TEXT = FieldText("must be text", "harus berupa teks")
_INTEGER = FieldText("must be a whole number", "harus berupa bilangan bulat")
_NUMBER = FieldText("must be a number", "harus berupa angka")
_BOOLEAN = FieldText("must be true or false", "harus true atau false")
_OBJECT = FieldText("must be an object", "harus berupa objek")
_LIST = FieldText("must be a list", "harus berupa daftar")
_CHOICE = FieldText("must be one of: {choices}", "harus salah satu dari: {choices}")
_UUID = FieldText("must be a UUID", "harus berupa UUID")
_DATE = FieldText("must be a date such as 2026-11-30", "harus berupa tanggal, misalnya 2026-11-30")
_TIME = FieldText("must be a time such as 09:00:00", "harus berupa jam, misalnya 09:00:00")
_INSTANT = FieldText(
    "must be a date and time with an offset, such as 2026-11-03T09:00:00+07:00",
    "harus berupa tanggal dan jam dengan zona waktu, misalnya 2026-11-03T09:00:00+07:00",
)
_ADDRESS = FieldText("must be a web address", "harus berupa alamat web")

FIELD_TEXTS: dict[str, FieldText] = {
    "missing": FieldText("is required", "wajib diisi"),
    "extra_forbidden": FieldText(
        "is not a field here; remove it", "tidak dikenal; hapus isian ini"
    ),
    "null": FieldText("must not be null", "tidak boleh null"),
    "json_invalid": FieldText("must be JSON", "harus berupa JSON"),
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_short": FieldText(
        "must have at least {min_length} characters", "minimal {min_length} karakter"
    ),
    "string_too_long": FieldText(
        "must have at most {max_length} characters", "maksimal {max_length} karakter"
    ),
    "string_pattern_mismatch": FieldText(
        "does not have the form {pattern}", "bentuknya harus {pattern}"
    ),
    "blank": FieldText(
        "must have at least one visible character",
        "harus berisi sedikitnya satu karakter yang terlihat",
    ),
    "nul_byte": FieldText("must not contain a NUL byte", "tidak boleh memuat byte NUL"),
    "surrogate": FieldText("must be valid Unicode text", "harus berupa teks Unicode yang sah"),
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "int_parsing_size": FieldText("is too large", "terlalu besar"),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "greater_than": FieldText("must be more than {gt}", "harus lebih dari {gt}"),
    "greater_than_equal": FieldText("must be {ge} or more", "minimal {ge}"),
    "less_than": FieldText("must be less than {lt}", "harus kurang dari {lt}"),
    "less_than_equal": FieldText("must be {le} or less", "maksimal {le}"),
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "enum": _CHOICE,
    "literal_error": _CHOICE,
    "union_tag_invalid": _CHOICE,
    "union_tag_not_found": FieldText("is required", "wajib diisi"),
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "too_short": FieldText("must have at least {min_length} entries", "minimal {min_length} isian"),
    "too_long": FieldText("must have at most {max_length} entries", "maksimal {max_length} isian"),
    "entry_repeated": FieldText(
        "must not have the same entry twice", "tidak boleh memuat isian yang sama dua kali"
    ),
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "date": _DATE,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "month": FieldText("must be a month such as 2026-11", "harus berupa bulan, misalnya 2026-11"),
    "time_type": _TIME,
    "time_parsing": _TIME,
    "datetime_type": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_object_invalid": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "timezone_aware": _INSTANT,
    "phone": FieldText(
        "must be a telephone number such as 0812 3456 7890",
        "harus berupa nomor telepon, misalnya 0812 3456 7890",
    ),
    "person_name": FieldText(
        "must be a name with at least one letter", "harus berupa nama dengan sedikitnya satu huruf"
    ),
    "npwp": FieldText(
        "must be an NPWP of 15 or 16 digits", "harus berupa NPWP dengan 15 atau 16 angka"
    ),
    "url_type": _ADDRESS,
    "url_parsing": _ADDRESS,
    "url_syntax_violation": _ADDRESS,
    "url_scheme": _ADDRESS,
    "url_too_long": FieldText(
        "must have at most {max_length} characters", "maksimal {max_length} karakter"
    ),
    "parameter_unknown": FieldText(
        "is not a parameter here; the parameters are: {choices}",
        "bukan parameter alamat ini; pilihannya: {choices}",
    ),
    "parameter_repeated": FieldText("is sent more than once", "dikirim lebih dari sekali"),
}
NOT_VALID = FieldText("is not valid", "tidak sah")
"""For a code without a text of its own."""

_FORMS: dict[str, FieldText] = {}
_DIGITS = re.compile(r"\^\[0-9\]\{([0-9]+)(?:,([0-9]+))?\}\$")


def describe_form(pattern: str, en: str, id: str) -> str:
    """Return a pattern of text that is described to people in these words.

    For example "must be an e-mail address such as ani@example.org".
    """
    _FORMS[pattern] = FieldText(en, id)
    return pattern


def find_form_text(pattern: str) -> FieldText:
    """Return what is said about text that does not match a pattern."""
    if digits := _DIGITS.fullmatch(pattern):
        least, most = digits.groups()
        count = least if most is None else f"{least} to {most}"
        angka = least if most is None else f"{least} sampai {most}"
        return FieldText(f"must be {count} digits", f"harus {angka} angka")
    return _FORMS.get(pattern, FIELD_TEXTS["string_pattern_mismatch"])
