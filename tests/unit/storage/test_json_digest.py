import hashlib
import json

import pytest

from sightline.storage import json_digest

CONTENT = {"name": "café\u2028", "values": [1, 2.5, None], "nested": {"sha256": "of another file"}}


def test_sealed_text_is_json_that_people_and_parsers_read() -> None:
    text = json_digest.seal(CONTENT)
    parsed = json.loads(text)
    assert len(parsed.pop("sha256")) == 64
    assert parsed == CONTENT
    assert "café" in text.decode()
    assert json.loads(json_digest.unseal(text)) == CONTENT


def test_digest_is_that_of_the_text_without_its_line() -> None:
    lines = json_digest.seal(CONTENT).decode().split("\n")
    seal = lines.pop(-2)
    lines[-2] = lines[-2].removesuffix(",")
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert seal == f' "sha256": "{digest}"'


def test_every_single_changed_bit_is_noticed() -> None:
    text = json_digest.seal(CONTENT)
    for place in range(len(text)):
        for bit in range(8):
            changed = bytearray(text)
            changed[place] ^= 1 << bit
            with pytest.raises(ValueError, match=r"expected SHA-256|does not end with a digest"):
                json_digest.unseal(bytes(changed))


@pytest.mark.parametrize("added", [b"\n", b" ", b"\0", b"}"])
def test_text_that_goes_on_after_the_seal_is_refused(added: bytes) -> None:
    with pytest.raises(ValueError, match="does not end with a digest of itself"):
        json_digest.unseal(json_digest.seal(CONTENT) + added)


def test_text_of_before_seals_is_taken_as_it_is_where_that_is_wanted() -> None:
    older = json.dumps(CONTENT, indent=1).encode()
    assert json_digest.unseal_if_sealed(older) == older
    assert json.loads(json_digest.unseal_if_sealed(json_digest.seal(CONTENT))) == CONTENT
    with pytest.raises(ValueError, match="does not end with a digest of itself"):
        json_digest.unseal(older)
    with pytest.raises(ValueError, match="expected SHA-256"):
        json_digest.unseal_if_sealed(json_digest.seal(CONTENT).replace(b"2.5", b"2.6"))
