from itertools import pairwise
from typing import Any

import pytest
from huggingface_hub import ModelCard, ModelCardData
from markdown_it import MarkdownIt
from markdown_it.token import Token

from sightline.records import (
    Calibration,
    Check,
    ClassMetrics,
    CorruptionMetrics,
    DataGateResult,
    Evaluation,
    FileRecord,
    LabelErrors,
    ReliabilityBin,
    Report,
    Robustness,
    SliceMetrics,
    Temperature,
)
from sightline.records.manifest import RunManifest
from sightline.reporting.model_card import render_model_card

HOSTILE = (
    "---\nlicense: evil\n```\n# <b>x</b> | [y](javascript:z) ![p](http://q) `c` https://r\n---"
)


@pytest.fixture
def pictures() -> Report:
    """No pictures: the card shows none, and drawing takes a second."""
    return Report(figures={}, thumbnails=(), mistakes=(), mistakes_total=3)


def with_evaluation(manifest: RunManifest, **changes: Any) -> RunManifest:
    evaluation = manifest.records.evaluate.model_copy(update=changes)
    records = manifest.records.model_copy(update={"evaluate": evaluation})
    return manifest.model_copy(update={"records": records})


def in_depth(manifest: RunManifest, word: str) -> RunManifest:
    """The manifest of a run that measured everything; `word` is whatever comes from the user."""
    reliable = ReliabilityBin(low=0.5, high=1, images=30, confidence=0.99, accuracy=0.9)
    doubtful = ReliabilityBin(low=0, high=0.5, images=10, confidence=0.4, accuracy=1.0)
    temperature = Temperature(
        temperature=1.25, validation_images=40, loss=0.1, calibration_error=0.0123
    )
    table = FileRecord(path="made/doubts.parquet", sha256="e" * 64, bytes=1)
    deep = with_evaluation(
        manifest,
        top_k={3: 0.975},
        calibration=Calibration(bins=(doubtful, reliable), error=0.0456, temperature=temperature),
        slices=(
            SliceMetrics(column=word, value="b", images=30, accuracy=1, interval=(0.8865, 1)),
            SliceMetrics(column=word, value=word, images=10, accuracy=0.4, interval=(0.17, 0.69)),
        ),
        robustness=Robustness(
            images=20,
            accuracy=0.95,
            corruptions=(
                CorruptionMetrics(corruption="blur", accuracies=(0.9, 0.9, 0.85, 0.8, 0.75)),
                CorruptionMetrics(corruption="noise", accuracies=(0.9, 0.8, 0.6, 0.4, 0.15)),
            ),
        ),
        label_errors=LabelErrors(examined=160, found=7, threshold=0.95, table=table),
        classes=tuple(
            row.model_copy(update={"class_name": word if number == 3 else row.class_name})
            for number, row in enumerate(manifest.records.evaluate.classes)
        ),
    )
    check = Check(name="leaks", outcome="warned", measured=0.1, limit=0, sentence=word)
    off = Check(name="drift", outcome="off", measured=None, limit=0.1, sentence="Not shown.")
    records = deep.records.model_copy(
        update={
            "gate": DataGateResult(checks=(check, off)),
            "ingest": deep.records.ingest.model_copy(
                update={"source": f"/home/erika/{word.rpartition('/')[2]}", "notes": (word,)}
            ),
        }
    )
    config = deep.config.model_copy(
        update={
            "description": word,
            "data": deep.config.data.model_copy(update={"dataset": "./mnist"}),
        }
    )
    return deep.model_copy(update={"records": records, "config": config})


def metadata(card: str) -> ModelCardData:
    """Read the block as the hub does."""
    return ModelCard(card).data


def parsed(card: str) -> list[Token]:
    return MarkdownIt().enable("table").parse(card.partition("\n---\n")[2])


def cells(card: str) -> list[str]:
    return [
        "".join(child.content for child in token.children or [])
        for before, token in pairwise(parsed(card))
        if before.type == "td_open"
    ]


def text(card: str) -> str:
    return "\n".join(
        "".join(child.content for child in token.children or [])
        for token in parsed(card)
        if token.type == "inline"
    )


def test_hub_reads_what_it_sorts_and_compares_models_by(manifest: RunManifest) -> None:
    found = metadata(render_model_card(manifest))

    assert found.library_name == "keras"
    assert found.pipeline_tag == "image-classification"
    assert found.datasets == ["ylecun/mnist"]
    assert found.metrics == ["accuracy"]
    assert found.model_name == manifest.run_id
    for result in found.eval_results:
        assert result.task_type == "image-classification"
        assert (result.dataset_type, result.dataset_name) == ("ylecun/mnist", "MNIST")
        assert result.dataset_split == "test"


@pytest.mark.parametrize("value", [1.0, 0.0, 1e-07, 0.1 + 0.2])
def test_metrics_keep_every_digit(manifest: RunManifest, value: float) -> None:
    found = metadata(render_model_card(with_evaluation(manifest, accuracy=value, loss=value / 3)))

    assert {result.metric_type: result.metric_value for result in found.eval_results} == {
        "accuracy": value,
        "loss": value / 3,
    }


def test_own_images_are_not_taken_for_a_known_data_set(manifest: RunManifest) -> None:
    card = render_model_card(in_depth(manifest, "plain"))

    found = metadata(card)
    assert found.datasets is None
    assert found.eval_results[0].dataset_type == "textures"
    assert "Licence of the data" not in card
    assert "erika" not in card


def test_card_has_the_sections_that_readers_expect(manifest: RunManifest) -> None:
    tokens = parsed(render_model_card(manifest))
    titles = [
        heading.content
        for before, heading in pairwise(tokens)
        if before.type == "heading_open" and before.tag == "h2"
    ]

    assert titles == [
        "Intended use",
        "How to use",
        "Training data",
        "Training",
        "Evaluation",
        "Limits",
        "Provenance",
    ]
    (code,) = [token.content for token in tokens if token.type == "fence"]
    assert 'load_model("model.keras")' in code
    assert "(batch, 12, 12, 1)" in code


def plain(manifest: RunManifest) -> RunManifest:
    return with_evaluation(manifest, top_k={}, calibration=None, coverage=(), slices=())


def test_card_of_a_plain_evaluation_admits_what_was_not_measured(manifest: RunManifest) -> None:
    card = render_model_card(plain(manifest))

    assert "92.50%" in cells(card)
    assert "80.14% to 97.42%" in cells(card)
    for expected in (
        "The data were not checked for duplicates",
        "noise, blur or other light was not measured",
        "Whether its probabilities can be believed was not measured",
        "4 of the classes have fewer than 30 test images",
        "Its weakest class is “d”: it finds 70.00% of these images, and of what it calls so",
        "taken for “b”, 30.00% of them",
    ):
        assert expected in text(card)


def test_limits_follow_from_what_was_measured(manifest: RunManifest) -> None:
    card = render_model_card(in_depth(manifest, "site"))

    for expected in (
        "Images with site “site” are its weakest: 40.00% of 10 are right.",
        "What hurts most is “noise”: from 95.00% the accuracy falls to 15.00%",
        "8.25 percentage points below the share that is right",  # (10 * -0.6 + 30 * 0.09) / 40
        "are 4.56 points apart",
        "Dividing its logits by 1.250, fitted to 40 validation images",
        "Of 160 training images it gives 7 another class with a probability of 95.00% or more",
    ):
        assert expected in text(card)
    assert "97.50%" in cells(card)
    assert "warned" in cells(card)
    assert "Not shown." not in cells(card)


def test_limits_of_a_model_that_names_one_class_alone_claim_no_more(manifest: RunManifest) -> None:
    deep = in_depth(manifest, "site")
    unmoved = CorruptionMetrics(corruption="shift", accuracies=(0.25,) * 5)
    table = FileRecord(path="made/doubts.parquet", sha256="e" * 64, bytes=1)
    blind = with_evaluation(
        deep,
        confusion=((10, 0, 0, 0),) * 4,
        robustness=Robustness(images=20, accuracy=0.25, corruptions=(unmoved,)),
        label_errors=LabelErrors(examined=160, found=0, threshold=0.95, table=table),
    )

    card = text(render_model_card(blind))

    assert "of these images, and calls nothing so (F1" in card
    assert "None of these corruptions takes its accuracy down" in card
    assert "What hurts most" not in card
    assert "Some of their labels may be wrong" not in card


def test_slice_that_may_be_low_by_chance_is_not_called_weak(manifest: RunManifest) -> None:
    low = SliceMetrics(column="site", value="a", images=3, accuracy=0.5, interval=(0.1, 0.95))

    card = render_model_card(with_evaluation(manifest, slices=(low,)))

    assert "are its weakest" not in card
    assert "10.00% to 95.00%" in cells(card)


def test_tables_are_whole(manifest: RunManifest) -> None:
    for described, tables in ((plain(manifest), 6), (in_depth(manifest, "site"), 9)):
        tokens = parsed(render_model_card(described))
        assert [token.type for token in tokens].count("table_open") == tables
        inline = [token.content for token in tokens if token.type == "inline"]
        assert not [content for content in inline if content.startswith("|")]


def test_nothing_that_a_user_writes_is_markup_or_metadata(manifest: RunManifest) -> None:
    hostile = in_depth(manifest, HOSTILE)
    card = render_model_card(hostile)

    plain = render_model_card(in_depth(manifest, "plain"))
    assert metadata(card).to_dict() == metadata(plain).to_dict()
    tokens = parsed(card)
    inside = {child.type for token in tokens for child in token.children or []}
    assert inside <= {"text", "code_inline", "softbreak", "text_special"}
    kinds = [token.type for token in tokens]
    assert kinds.count("fence") == 1
    assert not {"html_block", "hr", "code_block", "blockquote_open"} & set(kinds)
    assert [kinds.count(kind) for kind in ("table_open", "heading_open")] == [9, 8]
    literal = " ".join(HOSTILE.split())
    assert cells(card).count(literal) == 5  # class, twice the column, its value, the gate


def test_many_classes_do_not_flood_the_card(manifest: RunManifest) -> None:
    names = tuple(f"class {number}" for number in range(1000))
    classes = tuple(
        ClassMetrics(class_name=name, precision=1, recall=1, f1=number / 1000, support=number % 2)
        for number, name in enumerate(names)
    )
    many = with_evaluation(manifest, classes=classes)
    ingest = many.records.ingest.model_copy(
        update={"class_names": names, "counts": {"train": (1,) * 1000, "test": (1,) * 1000}}
    )
    many = many.model_copy(update={"records": many.records.model_copy(update={"ingest": ingest})})

    card = render_model_card(many)

    assert "The other 950 classes are in manifest.json" in card
    assert "950 stronger classes are in metrics.json" in card
    assert "Nothing is known of 500 of the classes" in card
    assert "class 999" not in text(card)


def test_card_is_the_same_each_time(manifest: RunManifest) -> None:
    assert render_model_card(manifest) == render_model_card(manifest)


def test_class_without_test_images_is_not_called_the_weakest(
    manifest: RunManifest, evaluation: Evaluation
) -> None:
    first, *others = evaluation.classes
    untested = first.model_copy(update={"support": 0, "recall": 0.0, "f1": 0.0})

    card = render_model_card(with_evaluation(manifest, classes=(untested, *others)))

    assert "Nothing is known of 1 of the classes" in card
    assert "Its weakest class is “d”" in card
