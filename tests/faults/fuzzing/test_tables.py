"""Parquet and CSV with arbitrary columns, types and cells."""

import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bad_files import X, png
from damaging import damaged, maybe
from fuzzing import fuzz, read_or_refuse

pytestmark = pytest.mark.filterwarnings("ignore")  # users do not turn warnings into errors


IMAGES = [png(image) for image in X[:4]]
NAMES = {"image": {"_type": "Image"}, "label": {"names": ["a", "b"], "_type": "ClassLabel"}}
FEATURES = json.dumps({"info": {"features": NAMES}}).encode()
COUNT = len(IMAGES)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["info", "features", "label", "names"]), inner),
    ),
    max_leaves=8,
)
IMAGE_COLUMNS: list[Any] = [
    IMAGES,
    [{"bytes": image, "path": None} for image in IMAGES],
    [{"path": "a.png"}] * COUNT,
    [{"bytes": number} for number in (1, 2**60, 3, 4)],
    [{"bytes": [1, 300]}] * COUNT,
    [{"bytes": "x"}] * COUNT,
    [{"bytes": None, "path": "../../etc/passwd"}] * COUNT,
    pa.StructArray.from_arrays(
        [pa.array(IMAGES), pa.array([b"\xff"] * COUNT, pa.binary()).view(pa.string())],
        ["bytes", "path"],
    ),
    [None] * COUNT,
    [b""] * COUNT,
    [b"<html>"] * COUNT,
    ["a.png"] * COUNT,
    [1.5] * COUNT,
    [[IMAGES[0]]] * COUNT,
]
LABELS = st.one_of(
    st.lists(st.integers(-(2**63), 2**64 - 1), min_size=COUNT, max_size=COUNT),
    st.lists(st.text(max_size=3), min_size=COUNT, max_size=COUNT),
    st.lists(st.one_of(st.none(), st.integers(0, 2)), min_size=COUNT, max_size=COUNT),
    st.just(pa.array([b"\xff", b"a"] * 2, pa.binary()).view(pa.string())),
    st.sampled_from([[0.5] * COUNT, [True] * COUNT, [b"a"] * COUNT, [[1]] * COUNT, [None] * COUNT]),
)
CELLS = st.one_of(
    st.integers(-2, 300).map(str),
    st.floats().map(str),
    st.sampled_from(["", "nan", '"', '""', "1e400", "0x10", "1_0", *"\0\r\n,\u2028"]),
    st.text(max_size=4),
)


@st.composite
def parquet_file(draw):
    """Draw a table of valid or unusual columns, sometimes damaged."""
    columns: dict[str, Any] = {"image": draw(maybe(IMAGES, st.sampled_from(IMAGE_COLUMNS)))}
    if draw(st.booleans()) and columns["image"] is IMAGES:
        columns["image"] = [*IMAGES[1:], draw(damaged(IMAGES[0]))]
    columns["label"] = draw(maybe([0, 1, 0, 1], LABELS))
    try:
        table = pa.table(columns)
    except (pa.ArrowException, OverflowError):  # no common type: write strings
        table = pa.table(columns | {"label": [repr(label) for label in columns["label"]]})
    features = draw(maybe(FEATURES, damaged(FEATURES), JSON.map(json.dumps).map(str.encode)))
    file = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata({b"huggingface": features}),
        file,
        compression=draw(st.sampled_from(["none", "snappy", "gzip", "zstd"])),
        use_dictionary=draw(st.booleans()),
        write_page_checksum=draw(st.booleans()),
        row_group_size=draw(st.sampled_from([1, 3, 100])),
    )
    content = file.getvalue()
    return draw(st.one_of(st.just(content), damaged(content)))


@st.composite
def csv_file(draw):
    """Draw rows of numbers with some arbitrary cells, sometimes damaged."""
    rows = [[str(row % 2), *(str(row + pixel) for pixel in range(9))] for row in range(6)]
    if draw(st.booleans()):
        rows.insert(0, ["label", *(f"pixel{number}" for number in range(9))])
    elif draw(st.booleans()):
        rows = [[label, " ".join(pixels), "train"] for label, *pixels in rows]
        rows.insert(0, ["label", "pixels", "split"])
    for _ in range(draw(st.integers(0, 2))):
        row = draw(st.sampled_from(rows))
        row[draw(st.integers(0, len(row) - 1))] = draw(CELLS)
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    encoding = draw(maybe("utf-8", st.sampled_from(["utf-8-sig", "utf-16", "latin-1"])))
    content = end.join(",".join(row) for row in rows).encode(encoding, errors="replace")
    return draw(st.one_of(st.just(content), damaged(content)))


@fuzz
@given(content=parquet_file())
def test_parquet_file_is_refused_or_consistent(folder, content):
    (folder / "data.parquet").write_bytes(content)
    read_or_refuse(folder / "data.parquet")


@st.composite
def image_table(draw):
    """Draw the name and the content of a table that labels the images 0.png to 3.png."""
    rows = [[f"{number}.png", "ab"[number % 2]] for number in range(COUNT)]
    for _ in range(draw(st.integers(0, 2))):
        draw(st.sampled_from(rows))[draw(st.integers(0, 1))] = draw(st.one_of(CELLS, JSON))
    if draw(st.booleans()):
        lines = [json.dumps(dict(zip(("file", "label"), row, strict=True))) for row in rows]
        name = "metadata.jsonl"
    else:
        lines = ["file,label", *(",".join(map(str, row)) for row in rows)]
        name = "metadata.csv"
    content = "\n".join(lines).encode(errors="replace")
    return name, draw(st.one_of(st.just(content), damaged(content)))


@fuzz
@given(table=image_table())
def test_table_of_images_is_refused_or_consistent(folder, table):
    with TemporaryDirectory(dir=folder) as place:
        for number, image in enumerate(IMAGES):
            (Path(place) / f"{number}.png").write_bytes(image)
        (Path(place) / table[0]).write_bytes(table[1])
        read_or_refuse(Path(place))


@fuzz
@given(content=csv_file())
def test_csv_file_is_refused_or_consistent(folder, content):
    (folder / "data.csv").write_bytes(content)
    read_or_refuse(folder / "data.csv", image_size=[8, 8])
