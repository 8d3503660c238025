"""Dated evidence on whether a person was registered as BPU before; the latest counts.

It decides whether a member is an acquisition. Source: docs/domain.md, Care.
"""

from perisai_kit.domain.errors import Conflict


class EvidenceIdTaken(Conflict):
    code = "evidence_id_taken"
    text = "Another piece of evidence has this id. Create a new id."
    text_id = "ID ini sudah dipakai bukti lain. Buat ID baru."
