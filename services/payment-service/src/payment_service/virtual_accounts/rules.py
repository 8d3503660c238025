"""When an order can be paid at a bank at all."""

from perisai_kit.domain.errors import Conflict


class NoActiveBank(Conflict):
    code = "no_active_bank"
    text = "No bank accepts payments at the moment. Try again later."
    text_id = "Saat ini belum ada bank yang menerima pembayaran. Coba lagi nanti."
