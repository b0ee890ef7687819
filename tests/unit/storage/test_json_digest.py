import hashlib
import json

import pytest

from sightline.storage import json_digest

CONTENT = {"name": "café\u2028", "values": [1, 2.5, None], "nested": {"sha256": "of another file"}}


def test_any_parser_reads_the_json_and_its_digest_is_that_of_the_other_lines():
    text = json_digest.dumps(CONTENT)
    parsed = json.loads(text)
    assert len(parsed.pop("sha256")) == 64
    assert parsed == CONTENT
    assert "café" in text.decode()
    assert json.loads(json_digest.verify(text)) == CONTENT
    lines = text.decode().split("\n")
    last_line = lines.pop(-2)
    lines[-2] = lines[-2].removesuffix(",")
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert last_line == f' "sha256": "{digest}"'


def test_every_single_changed_bit_is_noticed():
    text = json_digest.dumps(CONTENT)
    for place in range(len(text)):
        for bit in range(8):
            changed = bytearray(text)
            changed[place] ^= 1 << bit
            with pytest.raises(ValueError, match=r"SHA-256|digest"):
                json_digest.verify(bytes(changed))


@pytest.mark.parametrize(
    "text",
    [
        *(json_digest.dumps(CONTENT) + added for added in (b"\n", b" ", b"\0", b"}")),
        json.dumps(CONTENT, indent=1).encode(),
    ],
)
def test_text_after_the_digest_and_text_without_one_are_refused(text):
    with pytest.raises(ValueError, match="digest"):
        json_digest.verify(text)
