"""E-mail addresses for notices to staff."""

from perisai_kit.domain.errors import Conflict


class NoticesByPhone(Conflict):
    code = "notices_by_phone"
    text = "The account of a person gets notices by telephone. Only staff has an e-mail address."
    text_id = (
        "Akun perorangan menerima pemberitahuan lewat telepon. Hanya akun staf yang memiliki "
        "alamat email."
    )
