import pytest

from sightline.data import fact_lines
from sightline.records import DatasetFacts

FACTS = DatasetFacts(
    dataset="photos",
    source="/photos",
    format="image folder",
    label_source="column kind of labels.csv",
    places={"train": "folder Train", "test": "folder Val"},
    class_names=tuple(f"class {number}" for number in range(10)),
    image_shape=(64, 48, 3),
    resize="crop",
    counts={"train": (100,) * 10, "test": (20,) * 10},
    notes=(
        "Left out, as no images: 2 .txt.",
        "Colors were lost.",
        "Left out, as they lie beside: 3.",
    ),
    decisions=("Left out, as no images: 2 .txt.", "Colors were lost."),
)


def test_lines_state_splits_labels_images_and_what_was_left_out():
    assert fact_lines.lines(FACTS) == {
        "Data": "image folder; train: 1,000 (folder Train), test: 200 (folder Val)",
        "Labels": "column kind of labels.csv: 10 classes in this order: class 0, class 1, class 2, "
        "class 3, class 4, class 5, class 6, class 7 and 2 more",
        "Images": "64x48 pixels, RGB; images of another size are cropped to this shape",
        "Left out": "as no images: 2 .txt; as they lie beside: 3",
    }
    assert fact_lines.other_decisions(FACTS) == ("Colors were lost.",)


@pytest.mark.parametrize(
    ("changes", "title", "shown"),
    [
        ({"places": {}}, "Data", "test: 200 (set aside at random)"),
        ({"notes": ()}, "Left out", "nothing"),
        ({"image_shape": (8, 8, 1)}, "Images", "grayscale"),
        ({"resize": "letterbox"}, "Images", "black bars"),
        ({"format": "", "label_source": ""}, "Labels", "labels: 10 classes"),
    ],
)
def test_lines_fit_the_data(changes, title, shown):
    assert shown in fact_lines.lines(FACTS.model_copy(update=changes))[title]
