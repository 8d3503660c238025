from perisai_kit.domain.errors import Invalid


class LookupNeedsOne(Invalid):
    code = "lookup_needs_one"
    text = "Ask for a NIK or for a telephone number, not both and not neither."
    text_id = "Cari dengan NIK atau nomor telepon, salah satu saja."
