"""When a list of bills can be kept offline."""

from perisai_kit.domain.errors import Invalid


class UpdatedSinceTooMany(Invalid):
    """`details`: `most_members`."""

    code = "updated_since_too_many"
    text = (
        "You see more than most_members members, too many to keep their bills offline. Send "
        "filters and no `updated_since`."
    )
    text_id = (
        "Anda melihat lebih dari most_members peserta, terlalu banyak untuk disimpan tagihannya di "
        "perangkat. Kirim penyaring tanpa `updated_since`."
    )
