import json

from bench.enrolment import build_forms, build_request
from member_service.enrolments.schemas import NewMember


def test_nobody_is_enrolled_twice() -> None:
    rows = build_forms(300)

    assert len({row["nik"] for row in rows}) == len({row["id"] for row in rows}) == 300
    assert NewMember.model_validate(rows[0]).full_name == rows[0]["full_name"]


def test_one_row_goes_alone_and_several_go_as_a_batch() -> None:
    rows = build_forms(2)

    alone, batch = (build_request("token", part) for part in (rows[:1], rows))

    assert alone.startswith(b"POST /v1/members HTTP/1.1")
    assert batch.startswith(b"POST /v1/enrolment-batches HTTP/1.1")
    assert json.loads(alone.partition(b"\r\n\r\n")[2]) == rows[0]
    assert json.loads(batch.partition(b"\r\n\r\n")[2])["rows"] == rows
