import gzip
import tarfile

import pytest

from reading import check_unreadable
from sightline.data.readers.webdataset.tar_members import read_members
from sightline.errors import DataError
from tar_files import samples, tar_bytes

CONTENT = tar_bytes(samples("abab"))


def info(name, kind=tarfile.REGTYPE, **fields):
    found = tarfile.TarInfo(name)
    found.type = kind
    for key, value in fields.items():
        setattr(found, key, value)
    return found


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("packed", [False, True])
def test_members_are_read_in_parts_and_skipped_in_any_format(tmp_path, form, packed):
    sizes = [0, 1, 511, 512, 513, 3 << 20, 5]
    named = {f"{'d' * 90}/{'n' * 90}{size}": bytes([size % 251]) * size for size in sizes}
    content = tar_bytes([(info("folder", tarfile.DIRTYPE), b""), *named.items()], form)
    path = tmp_path / "x.tar"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = {}
    for number, member in enumerate(read_members(path)):
        if number != 2:  # is skipped
            found[member.name] = member.read(100) + member.read(member.size)
            assert member.read(1) == b""
    skipped = [*named][2]
    assert found == {name: data for name, data in named.items() if name != skipped}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (tarfile.SYMTYPE, {"linkname": "/etc/passwd"}),
        (tarfile.LNKTYPE, {"linkname": "0000.png"}),
        (tarfile.CHRTYPE, {"devmajor": 1, "devminor": 3}),
        (tarfile.FIFOTYPE, {}),
        (tarfile.GNUTYPE_SPARSE, {}),
    ],
)
def test_link_or_device_is_refused_with_its_name(tmp_path, kind, fields):
    path = tmp_path / "x.tar"
    path.write_bytes(tar_bytes([*samples("ab").items(), (info("9.png", kind, **fields), b"")]))
    check_unreadable(path, "x.tar, 9.png", "link", "--dereference")


@pytest.mark.parametrize("name", ["../../9.png", "/9.png", "a/../../9.png"])
def test_name_that_leads_elsewhere_is_only_a_name(tmp_path, name):
    path = tmp_path / "given" / "x.tar"
    path.parent.mkdir()
    path.write_bytes(tar_bytes([(name, b"content")]))
    assert [member.read(99) for member in read_members(path)] == [b"content"]
    assert [found.name for found in tmp_path.rglob("*")] == ["given", "x.tar"]


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (CONTENT[: 8 * 1024], "truncated"),
        (CONTENT[:700], "unexpected end"),
        (CONTENT[:520], "truncated within a member"),
        (CONTENT[:1024], "truncated"),
        (CONTENT[: 1024 + 100], "truncated"),
        (CONTENT[:1024] + b"x" * 512 + CONTENT[1536:], "damaged"),
        (CONTENT + CONTENT, "continues after its end"),
        (b"no tar file" * 100, "tar"),
        (b"<!DOCTYPE html>", "HTML"),
        (gzip.compress(CONTENT)[:-9], "truncated within its gzip"),
        (b"", "empty"),
    ],
)
def test_damaged_file_is_refused_with_its_name(tmp_path, content, fact):
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    check_unreadable(path, "x.tar", fact)


def test_long_header_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "x.tar"
    path.write_bytes(tar_bytes([(info("n" * 20_000), b"")]))
    with pytest.raises(DataError, match=r"x\.tar.*header is larger than 16,384 bytes"):
        list(read_members(path))


def test_chain_of_headers_is_refused(tmp_path):
    path = tmp_path / "x.tar"
    long = tar_bytes([("n" * 200, b"")], tarfile.GNU_FORMAT)[:1024]
    path.write_bytes(long * 5000 + CONTENT)
    with pytest.raises(DataError, match="header is larger"):
        list(read_members(path))
