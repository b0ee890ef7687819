"""Tar files that try to write outside, or to exhaust the memory."""

import tarfile
import zlib
from pathlib import Path

import bad_files as bad
from bad_files import Write
from bad_input import Case
from hostile_input import BOMB_BYTES, zeros
from tar_files import grey, samples, tar_bytes


def hostile_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Write:
    """A tar file of samples and a member of any name and type."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    content = grey(0) if kind == tarfile.REGTYPE else b""
    return bad.file("data.tar", tar_bytes([*samples("abab").items(), (info, content)]))


def bomb(name: str, kind: bytes) -> Write:
    """A compressed tar file whose first member has 3 GiB."""

    def write(folder: Path) -> Path:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, BOMB_BYTES
        packed = zeros(zlib.compressobj(9, zlib.DEFLATED, 31), info.tobuf(tarfile.GNU_FORMAT))
        return bad.file("data.tar.gz", packed)(folder)

    return write


def endless_sample(folder: Path) -> Path:
    """A tar file whose only sample has a hundred thousand members."""
    members = {f"0.{number}": b"" for number in range(100_000)}
    return bad.file("data.tar", tar_bytes(members))(folder)


TARS = (
    Case("link-tar", ("data.tar, 9.png", "link"), hostile_member("9.png", tarfile.SYMTYPE, "/etc")),
    Case("device-tar", ("data.tar, 9.png", "device"), hostile_member("9.png", tarfile.CHRTYPE)),
    Case("slip-tar", ("escaped.png has no label",), hostile_member("../../escaped.png")),
    Case("bomb-tar", ("data.tar.gz, 0.png", "67,108,864"), bomb("0.png", tarfile.REGTYPE)),
    Case("bomb-in-the-header-tar", ("data.tar.gz", "header"), bomb("0", tarfile.GNUTYPE_LONGNAME)),
    Case("endless-sample-tar", ("data.tar, 0.100", "100 members"), endless_sample),
)
