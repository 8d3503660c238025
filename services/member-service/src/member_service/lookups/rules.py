from perisai_kit.domain.errors import Invalid


class LookupNeedsOne(Invalid):
    code = "lookup_needs_one"
    text = "Send either a NIK or a telephone number."
    text_id = "Isi salah satu saja: NIK atau nomor telepon."
