"""Check every published test vector; the data file names their sources."""

import json
from pathlib import Path
from typing import TypedDict

import pytest

from snap_bi.keys import load_public_key
from snap_bi.minify import hash_body, minify
from snap_bi.profiles import GENERIC_HMAC
from snap_bi.signing import (
    SignatureEncoding,
    build_symmetric_string_to_sign,
    encode_signature,
    sign_symmetric,
)
from snap_bi.verification import (
    SignedParts,
    Step,
    verify_symmetric_request,
    verify_token_request,
)


class Key(TypedDict):
    pem: str


class Vector(TypedDict, total=False):
    id: str
    kind: str
    public_key: str
    client_id: str
    timestamp: str
    string_to_sign: str
    signature: str
    signature_base64: str
    signature_hex: str
    secret: str
    method: str
    path: str
    access_token: str
    raw_body: str
    minified: str
    body_sha256_minified: str


class Document(TypedDict):
    notice: str
    keys: dict[str, Key]
    vectors: list[Vector]
    body_hash_edges: list[Vector]


DOCUMENT: Document = json.loads(
    (Path(__file__).parent / "data" / "snap_vectors.json").read_text("utf-8")
)
TOKEN = [one for one in DOCUMENT["vectors"] if one["kind"] == "token_asymmetric"]
HASHED = [one for one in DOCUMENT["vectors"] if "raw_body" in one] + DOCUMENT["body_hash_edges"]
SYMMETRIC = [one for one in DOCUMENT["vectors"] if one["kind"] == "service_symmetric"] + DOCUMENT[
    "body_hash_edges"
]


def name(vector: Vector) -> str:
    return vector["id"]


def get_signature(vector: Vector) -> str:
    return vector.get("signature") or vector["signature_base64"]


def build_parts(vector: Vector) -> SignedParts:
    return SignedParts(
        method=vector["method"],
        target=vector["path"],
        body=vector["raw_body"].encode(),
        timestamp=vector["timestamp"],
        signature=get_signature(vector),
        token=vector["access_token"],
    )


def test_every_vector_is_exercised_for_all_that_it_publishes() -> None:
    published = DOCUMENT["vectors"] + DOCUMENT["body_hash_edges"]
    signed = [name(one) for one in published if "string_to_sign" in one]
    hashed = [name(one) for one in published if "body_sha256_minified" in one]

    assert sorted(signed) == sorted(name(one) for one in [*TOKEN, *SYMMETRIC])
    assert sorted(hashed) == sorted(name(one) for one in HASHED)
    assert {name(one) for one in published} == {*signed, *hashed}
    assert len(published) == len(set(map(name, published))) == 12


def test_no_vector_is_of_a_kind_that_is_not_known() -> None:
    kinds = {one["kind"] for one in DOCUMENT["vectors"]}

    assert kinds == {"token_asymmetric", "service_symmetric", "body_hash"}
    assert {one["public_key"] for one in TOKEN} == DOCUMENT["keys"].keys()


@pytest.mark.parametrize("vector", HASHED, ids=name)
def test_body_hash_is_the_published_one(vector: Vector) -> None:
    body = vector["raw_body"].encode()

    assert hash_body(body) == vector["body_sha256_minified"]
    assert minify(body) == vector.get("minified", minify(body).decode()).encode()


@pytest.mark.parametrize("vector", SYMMETRIC, ids=name)
def test_symmetric_signature_is_rebuilt(vector: Vector) -> None:
    text = build_symmetric_string_to_sign(
        method=vector["method"],
        endpoint=vector["path"],
        token=vector["access_token"],
        body_hash=hash_body(vector["raw_body"].encode()),
        timestamp=vector["timestamp"],
    )
    signature = sign_symmetric(text, vector["secret"])

    assert text == vector["string_to_sign"]
    assert encode_signature(signature, SignatureEncoding.BASE64) == get_signature(vector)
    assert vector.get("signature_hex", signature.hex()) == signature.hex()


@pytest.mark.parametrize("vector", SYMMETRIC, ids=name)
def test_symmetric_signature_is_accepted(vector: Vector) -> None:
    verdict = verify_symmetric_request(GENERIC_HMAC, build_parts(vector), secret=vector["secret"])

    assert verdict.step is Step.LEXICAL_MINIFY
    assert vector["access_token"] not in verdict.string_to_sign.split(":")


@pytest.mark.parametrize("vector", SYMMETRIC, ids=name)
def test_symmetric_signature_of_another_secret_is_rejected(vector: Vector) -> None:
    verdict = verify_symmetric_request(
        GENERIC_HMAC, build_parts(vector), secret=vector["secret"] + "x"
    )

    assert not verdict.is_accepted


@pytest.mark.parametrize("vector", TOKEN, ids=name)
def test_token_signature_is_accepted_and_tampering_is_not(vector: Vector) -> None:
    key = load_public_key(DOCUMENT["keys"][vector["public_key"]]["pem"])

    good = verify_token_request(
        client_id=vector["client_id"],
        timestamp=vector["timestamp"],
        signature=vector["signature"],
        public_key=key,
    )
    other_client = verify_token_request(
        client_id="client-002",
        timestamp=vector["timestamp"],
        signature=vector["signature"],
        public_key=key,
    )

    assert good.is_accepted
    assert good.string_to_sign == vector["string_to_sign"]
    assert not other_client.is_accepted
