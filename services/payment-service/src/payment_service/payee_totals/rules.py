"""What a payee gets of a month."""

from perisai_kit.domain.errors import NotFound


class PayeeNotFound(NotFound):
    code = "payee_not_found"
    text = "Nothing of this month is paid to this agent or wadah, or you may not see it."
    text_id = (
        "Tidak ada pembayaran bulan ini untuk agen atau wadah tersebut, atau Anda tidak berwenang "
        "melihatnya."
    )
