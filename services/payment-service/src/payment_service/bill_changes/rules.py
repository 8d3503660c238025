"""When a list of bills can be kept offline."""

from perisai_kit.domain.errors import Invalid


class UpdatedSinceTooMany(Invalid):
    """`details`: `most_members`."""

    code = "updated_since_too_many"
    text = (
        "You see too many members to keep their bills offline. Send filters and no `updated_since`."
    )
    text_id = (
        "Peserta Anda terlalu banyak untuk menyimpan tagihannya di perangkat. Kirim penyaring "
        "tanpa `updated_since`."
    )
