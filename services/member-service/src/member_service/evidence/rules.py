"""Whether a person was ever registered as BPU before: dated words, of which the last one counts.

It decides whether a member is an acquisition. Source: docs/domain.md, Care.
"""

from perisai_kit.domain.errors import Conflict


class EvidenceIdTaken(Conflict):
    code = "evidence_id_taken"
    text = "Another piece of evidence has this id. Create a new id."
    text_id = "ID ini sudah dipakai bukti lain. Buat ID baru."
