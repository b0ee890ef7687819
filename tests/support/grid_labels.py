"""Situations of splits and labels: rows of the grid."""

import unicodedata
from pathlib import Path

from grid_formats import Example
from grid_situation import READ, Situation, flat, labelled, noted, refused, unsplit

_PAIR = ("a", "b")


def _surround(path: Path) -> None:
    inner = path.rename(path.with_name("inner"))
    path.mkdir()
    inner.rename(path / "archive")


SPLITS = (
    Situation("no split", unsplit(0, 1, 0, 1), noted("set aside")),
    Situation("`train`, `test`", labelled(train=[0, 1], test=[1, 0])),
    Situation(
        "`train`, `val`, `test`", labelled(train=[0, 1], val=[0, 1], test=[1, 0]), needs="splits"
    ),
    Situation(
        "`train`, `val`: the test split",
        labelled(train=[0, 1], val=[1, 0]),
        noted("is the test split"),
        roles={"train": "train", "val": "test"},
        needs="splits",
    ),
    Situation(
        "`Training`, `Dev`, `TESTING`",
        labelled(Training=[0, 1], Dev=[0, 1], TESTING=[1, 0]),
        roles={"Training": "train", "Dev": "validation", "TESTING": "test"},
        needs="splits",
    ),
    Situation(
        "`test` without labels: predicted",
        labelled(train=[0, 1, 0, 1], test=[None, None, None]),
        noted("3 image(s) of the test split", "set aside"),
        roles={"train": "", "test": None},
    ),
    Situation(
        "`test` with the label -1 throughout: predicted",
        labelled(train=[0, 1, 0, 1], test=[-1, -1, -1]),
        noted("3 image(s) of the test split", "set aside"),
        roles={"train": "", "test": None},
        needs="text",
    ),
    Situation(
        "`train` beside `training`",
        labelled(train=[0, 1], training=[0, 1]),
        refused("'train'", "'training'"),
        needs="splits",
    ),
    Situation("`test` alone", labelled(test=[0, 1, 0, 1]), refused("train")),
    Situation(
        "one folder around everything",
        labelled(train=[0, 1], test=[1, 0]),
        noted("archive"),
        others=dict.fromkeys(
            ("Parquet", "TFRecord", "WebDataset"), READ
        ),  # as on the Hugging Face Hub
        change=_surround,
    ),
)

LABELS = (
    Situation(
        "integers from 0 to 11",
        labelled(train=[*range(11, -1, -1)], test=[10, 2]),
        classes=tuple(map(str, range(12))),
    ),
    Situation(
        "integers with gaps", labelled(train=[7, 1, 3], test=[3, 7]), classes=("1", "3", "7")
    ),
    Situation("text", labelled(train=["cat", "dog"], test=["dog", "cat"]), needs="text"),
    Situation(
        "text with leading zeros",
        labelled(train=["001", "002", "010"], test=["010"]),
        needs="text",
    ),
    Situation(
        "`01` beside `1`",
        labelled(train=["01", "1", "2"], test=["1"]),
        classes=("01", "1", "2"),
        needs="text",
    ),
    Situation(
        "`10` beside `1e1`",
        labelled(train=["10", "1e1", "2"], test=["10"]),
        classes=("10", "1e1", "2"),
        needs="text",
    ),
    Situation(
        "markup, commas, other scripts",
        labelled(train=["<b>x", "a, b", "\u732b"], test=["a, b", "\u732b"]),
        needs="text",
    ),
    Situation(
        "floating-point numbers 0.0 and 1.0",
        labelled(train=[0.0, 1.0], test=[1.0]),
        classes=("0", "1"),
        needs="typed",
    ),
    Situation(
        "fractions",
        labelled(train=[0.5, 1.5], test=[1.5]),
        others={name: refused("0.5", "0 (counted") for name in ("Parquet", "TFRecord", "NPZ")},
        needs="typed",
    ),
    Situation("truth values", labelled(train=[False, True], test=[True]), needs="booleans"),
    Situation(
        "numbers in `train`, the same as text in `test`",
        labelled(train=[0, 1], test=["1", "0"]),
        needs="text",
    ),
    Situation(
        "decomposed Unicode beside composed",
        labelled(train=["b", unicodedata.normalize("NFD", "\xe9")], test=["\xe9"]),
        classes=("b", "\xe9"),
        outcome=noted("NFC"),
        needs="text",
    ),
    Situation(
        "blanks around",
        labelled(train=[" a", "b "], test=["a", "b"]),
        noted("blanks"),
        dict.fromkeys(("label table", "WebDataset", "CSV"), READ),  # blanks around cells are none
        classes=_PAIR,
        needs="text",
    ),
    Situation(
        "`Cat` beside `cat`",
        labelled(train=["Cat", "cat"]),
        refused("'Cat'", "'cat'"),
        needs="text",
    ),
    Situation(
        "`Cat` in `train`, `cat` in `test`",
        labelled(train=["Cat", "b"], test=["cat", "b"]),
        refused("'Cat'", "'cat'", "one spelling"),
        needs="text",
    ),
    Situation(
        "a class that only `test` has",
        labelled(train=[0, 1], test=[0, 2]),
        refused("2", "training split", "add"),
    ),
    Situation("a class that only `train` has", labelled(train=[0, 1, 2], test=[0, 1])),
    Situation("one class", labelled(train=[0, 0], test=[0]), refused("one class", "2")),
    Situation(
        "a missing label",
        (*labelled(train=["a", "b"]), Example("train", None, flat(9)), *labelled(test=["a", "b"])),
        refused("label", "add it"),
        {
            "class folders": noted("beside the class folders: 1"),
            "NPZ": refused("y_train", "pickled"),
            "WebDataset": refused("label", ".json"),
        },
        needs="text",
    ),
    Situation(
        "one-hot rows",
        labelled(train=[[1, 0], [0, 1]], test=[[0, 1]]),
        refused("label"),
        {"NPZ": READ},
        classes=("0", "1"),
        needs="lists",
    ),
    Situation(
        "several labels of an image",
        labelled(train=[[1, 0], [1, 1]], test=[[0, 1]]),
        refused("label"),
        needs="lists",
    ),
)
