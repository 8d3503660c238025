"""What is wrong with fields and parameters, as the `errors` of a problem, in two languages.

Never a value that was sent.
"""

from collections.abc import Collection, Sequence
from typing import Any

from perisai_kit.domain.errors import Invalid

MOST_FIELDS = 50
"""An answer names so many and no more."""

# The library's own words for these quote what was sent, or name our code.
_IN_OUR_WORDS = {
    "no_such_attribute": "is not valid",
    "json_invalid": "must be JSON",
    "needs_python_object": "is not valid",
    "get_attribute_error": "is not valid",
    "model_type": "must be an object",
    "dataclass_type": "must be an object",
    "dataclass_exact_type": "must be an object",
    "named_tuple_type": "must be a list",
    "iteration_error": "must be a list",
    "mapping_type": "must be an object",
    "bytes_invalid_encoding": "is not valid",
    "value_error": "is not valid",
    "assertion_error": "is not valid",
    "date_parsing": "must be a date such as 2026-11-30",
    "date_from_datetime_parsing": "must be a date such as 2026-11-30",
    "time_parsing": "must be a time such as 09:00:00",
    "datetime_parsing": "must be an instant such as 2026-11-03T09:00:00+07:00",
    "datetime_object_invalid": "must be an instant such as 2026-11-03T09:00:00+07:00",
    "datetime_from_date_parsing": "must be an instant such as 2026-11-03T09:00:00+07:00",
    "timezone_offset": "must have another offset",
    "time_delta_parsing": "must be a length of time",
    "is_instance_of": "is not valid",
    "is_subclass_of": "is not valid",
    "union_tag_invalid": "is not one of the choices",
    "url_parsing": "must be a web address",
    "url_syntax_violation": "must be a web address",
    "uuid_parsing": "must be a UUID",
}
_DETAIL_ID = {
    "missing": "wajib diisi",
    "extra_forbidden": "tidak dikenal",
    "string_type": "harus berupa teks",
    "string_too_short": "terlalu pendek",
    "string_too_long": "terlalu panjang",
    "string_pattern_mismatch": "bentuknya tidak sesuai",
    "int_type": "harus berupa bilangan bulat",
    "int_parsing": "harus berupa bilangan bulat",
    "bool_type": "harus benar atau salah",
    "enum": "bukan salah satu pilihan",
    "literal_error": "bukan salah satu pilihan",
    "uuid_parsing": "harus berupa UUID",
    "date_parsing": "harus berupa tanggal seperti 2026-11-30",
    "date_from_datetime_parsing": "harus berupa tanggal seperti 2026-11-30",
    "datetime_parsing": "harus berupa waktu seperti 2026-11-03T09:00:00+07:00",
    "datetime_from_date_parsing": "harus berupa waktu seperti 2026-11-03T09:00:00+07:00",
    "union_tag_invalid": "bukan salah satu pilihan",
    "union_tag_not_found": "bukan salah satu pilihan",
    "surrogate": "harus berupa teks Unicode yang sah",
    "phone": "harus berupa nomor telepon",
    "month": "harus berupa bulan seperti 2026-11",
    "nul_byte": "tidak boleh memuat byte NUL",
    "greater_than": "terlalu kecil",
    "greater_than_equal": "terlalu kecil",
    "less_than": "terlalu besar",
    "less_than_equal": "terlalu besar",
}


class WrongParameters:
    """What a refusal says of the query parameters that were sent."""

    def __init__(
        self,
        *,
        unknown: Collection[str] = (),
        repeated: Collection[str] = (),
        allowed: Collection[str],
    ) -> None:
        """unknown, repeated: names that were sent. allowed: all that the address takes."""
        super().__init__(allowed=sorted(allowed))  # type: ignore[call-arg]  # DomainError's details
        self._unknown = unknown
        self._repeated = repeated
        self._allowed = ", ".join(sorted(allowed))

    def field_problems(self, language: str) -> list[dict[str, Any]]:
        """Return an entry for each parameter."""
        texts = {
            ParameterUnknown.code: f"is not a parameter here; allowed: {self._allowed or 'none'}",
            ParameterRepeated.code: "is sent more than once",
        }
        if language == "id":
            texts = {
                ParameterUnknown.code: (
                    f"bukan parameter alamat ini; pilihannya: {self._allowed or 'tidak ada'}"
                ),
                ParameterRepeated.code: "dikirim lebih dari sekali",
            }
        named = [(ParameterUnknown.code, name) for name in self._unknown]
        named += [(ParameterRepeated.code, name) for name in self._repeated]
        return [
            {"code": code, "detail": texts[code], "parameter": _printable(name)}
            for code, name in named[:MOST_FIELDS]
        ]


class ParameterUnknown(WrongParameters, Invalid):
    code = "parameter_unknown"
    text = "This address does not take a query parameter of that name."
    text_id = "Alamat ini tidak mengenal parameter dengan nama tersebut."


class ParameterRepeated(WrongParameters, Invalid):
    code = "parameter_repeated"
    text = "Send each query parameter once."
    text_id = "Kirim setiap parameter satu kali saja."


def build_field_problems(
    raw: Sequence[dict[str, Any]],
    *,
    language: str,
    prefix: Sequence[str | int] = (),
    content: Any = None,
) -> list[dict[str, Any]]:
    """Return pydantic's errors as field problems, one a field, without the values that were sent.

    prefix: what stands before each location, such as `("body", "rows", 3)` for one row.
    content: the body, or the row, that was sent.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for error in raw[:MOST_FIELDS]:
        where, *path = (*prefix, *error["loc"]) or ("body",)
        detail = _DETAIL_ID.get(error["type"], "tidak sah") if language == "id" else _english(error)
        place = {"parameter": ".".join(_printable(part) for part in path) or str(where)}
        if where == "body":
            after = len(prefix) or 1
            sent = _in_content((*prefix, *error["loc"])[after:], error["type"], content)
            parts = (*prefix[1:], *sent)
            place = {"pointer": "".join(f"/{_escape(part)}" for part in parts)}
        # What fits no branch of a union has an error for each; the first is the likeliest.
        found.setdefault(
            next(iter(place.items())), {"code": str(error["type"]), "detail": detail, **place}
        )
    return list(found.values())


def _in_content(path: Sequence[str | int], kind: str, content: Any) -> list[str | int]:
    """Return a location without what names a branch of a union and stands nowhere in the body."""
    place = []
    for number, part in enumerate(path, start=1):
        match content:
            case dict() if part in content:
                content = content[part]
            case list() if isinstance(part, int) and part < len(content):
                content = content[part]
            case _ if kind == "missing" and number == len(path):
                pass
            case _:
                continue
        place.append(part)
    return place


def _english(error: dict[str, Any]) -> str:
    # The rest are fixed texts, or hold a limit of ours.
    return _IN_OUR_WORDS.get(error["type"]) or str(error["msg"])[:200]


def _escape(part: str | int) -> str:
    return _printable(part).replace("~", "~0").replace("/", "~1")


def _printable(part: str | int) -> str:
    # A name the client made up may be anything, so it is cut and its controls are dropped.
    return "".join(c for c in str(part)[:100] if c.isprintable())
