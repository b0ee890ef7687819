from itertools import pairwise

import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from reported_runs import IN_DEPTH, NO_FIGURES, with_evaluation, with_records
from sightline.records import (
    Check,
    CorruptionMetrics,
    DataGateResult,
    Robustness,
    SliceMetrics,
)
from sightline.reporting.model_card import render_model_card

HOSTILE = (
    "---\nlicense: evil\n```\n# <b>x</b> | [y](javascript:z) ![p](http://q) `c` https://r\n---"
)


@pytest.fixture
def pictures():
    return NO_FIGURES


def in_depth(manifest, word):
    """The manifest of a run that measured everything; `word` is all text from the user."""
    slices = (
        SliceMetrics(column=word, value="b", images=30, accuracy=1, interval=(0.8865, 1)),
        SliceMetrics(column=word, value=word, images=10, accuracy=0.4, interval=(0.17, 0.69)),
    )
    *others, last = manifest.records.evaluate.classes
    classes = (*others, last.model_copy(update={"class_name": word}))
    check = Check(name="leaks", outcome="warned", measured=0.1, limit=0, sentence=word)
    source = f"/home/erika/{word.rpartition('/')[2]}"
    ingest = manifest.records.ingest.model_copy(update={"source": source, "notes": (word,)})
    deep = with_records(
        with_evaluation(manifest, top_k={3: 0.975}, slices=slices, classes=classes, **IN_DEPTH),
        gate=DataGateResult(checks=(check,)),
        ingest=ingest,
    )
    data = deep.config.data.model_copy(update={"dataset": "./mnist"})
    config = deep.config.model_copy(update={"description": word, "data": data})
    return deep.model_copy(update={"config": config})


def metadata(card):
    """Read the block as the hub does."""
    return ModelCard(card).data


def parsed(card):
    return MarkdownIt().enable("table").parse(card.partition("\n---\n")[2])


def content(token):
    return "".join(child.content for child in token.children or [])


def cells(card):
    found = pairwise(parsed(card))
    return [content(token) for before, token in found if before.type == "td_open"]


def test_hub_reads_what_it_sorts_and_compares_models_by(manifest):
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


def test_card_names_the_licence_that_was_set_and_the_data_set_that_images_are_a_part_of(manifest):
    assert metadata(render_model_card(manifest)).license is None
    report = manifest.config.report.model_copy(update={"license": "apache-2.0"})
    data = manifest.config.data.model_copy(update={"dataset": "mnist-5k"})
    config = manifest.config.model_copy(update={"report": report, "data": data})
    found = metadata(render_model_card(manifest.model_copy(update={"config": config})))
    assert (found.license, found.datasets) == ("apache-2.0", ["ylecun/mnist"])
    assert {result.dataset_type for result in found.eval_results} == {"textures"}


@pytest.mark.parametrize("value", [1.0, 0.0, 1e-07, 0.1 + 0.2])
def test_metrics_keep_every_digit(manifest, value):
    changed = with_evaluation(manifest, accuracy=value, loss=value / 3, macro_f1=value / 7)
    found = metadata(render_model_card(changed))
    assert {result.metric_type: result.metric_value for result in found.eval_results} == {
        "accuracy": value,
        "loss": value / 3,
        "f1": value / 7,
    }


def test_own_images_are_not_taken_for_a_known_data_set(manifest):
    card = render_model_card(in_depth(manifest, "plain"))
    found = metadata(card)
    assert found.datasets is None
    assert found.eval_results[0].dataset_type == "textures"
    assert "Licence of the data" not in card
    assert "erika" not in card


def test_card_has_the_sections_of_a_model_card(manifest):
    tokens = parsed(render_model_card(manifest))
    titles = [
        heading.content
        for before, heading in pairwise(tokens)
        if before.type == "heading_open" and before.tag == "h2"
    ]
    assert titles == [
        *("Intended use", "How to use", "Training data", "Training"),
        *("Evaluation", "Limitations", "Provenance"),
    ]
    (code,) = [token.content for token in tokens if token.type == "fence"]
    assert 'load_model("model.keras")' in code
    assert "(batch, 12, 12, 1)" in code


def plain(manifest):
    return with_evaluation(manifest, top_k={}, calibration=None, coverage=(), slices=())


def limitations(manifest):
    tokens = MarkdownIt().parse(render_model_card(manifest).partition("## Limitations")[2])
    return "\n".join(content(token) for token in tokens if token.type == "inline").splitlines()


def limitation(manifest, word):
    (line,) = [line for line in limitations(manifest) if word in line]
    return line


@pytest.mark.parametrize("word", ["not measured", "lighting", "fewer than 30"])
def test_card_of_a_plain_evaluation_admits_what_was_not_measured(manifest, word):
    assert any(word in line for line in limitations(plain(manifest)))


def test_card_has_the_metrics_and_the_weakest_class(manifest):
    card = render_model_card(plain(manifest))
    assert {"92.50%", "80.14% to 97.42%"} <= set(cells(card))
    assert "“d”: recall 70.00%, precision 90.00%" in limitation(manifest, "weakest class")
    assert "30.00%" in limitation(manifest, "“b”")


def test_limitations_follow_from_what_was_measured(manifest):
    deep = in_depth(manifest, "site")
    for word, numbers in {
        "weakest slice": ("40.00%", "10", "site “site”"),
        "“noise”": ("95.00%", "15.00%"),
        # (10 * -0.6 + 30 * 0.09) / 40
        "underconfident": ("8.25", "9.00%", "1.250", "50", "1.23%"),
        "label errors": ("7", "160", "95%"),
    }.items():
        line = limitation(deep, word)
        assert all(number in line for number in numbers), line
    card = render_model_card(deep)
    assert {"97.50%", "warned"} <= set(cells(card))


def test_limitations_of_a_model_that_predicts_one_class_claim_no_more(manifest):
    unmoved = CorruptionMetrics(corruption="shift", accuracies=(0.25,) * 5)
    blind = with_evaluation(
        in_depth(manifest, "site"),
        confusion=((10, 0, 0, 0),) * 4,
        robustness=Robustness(images=20, accuracy=0.25, corruptions=(unmoved,)),
    )
    assert "never predicted" in limitation(blind, "weakest class")
    assert not any("“shift”" in line for line in limitations(blind))


def test_slice_that_may_be_low_by_chance_is_not_called_weak(manifest):
    low = SliceMetrics(column="site", value="a", images=3, accuracy=0.5, interval=(0.1, 0.95))
    found = with_evaluation(manifest, slices=(low,))
    assert not any("weakest slice" in line for line in limitations(found))
    assert "50.00% (10.00% to 95.00%)" in cells(render_model_card(found))


def test_tables_are_complete(manifest):
    for described, tables in ((plain(manifest), 8), (in_depth(manifest, "site"), 11)):
        tokens = parsed(render_model_card(described))
        assert [token.type for token in tokens].count("table_open") == tables
        inline = [token.content for token in tokens if token.type == "inline"]
        assert not [content for content in inline if content.startswith("|")]


def test_nothing_that_a_user_writes_is_markup_or_metadata(manifest):
    card = render_model_card(in_depth(manifest, HOSTILE))
    harmless = render_model_card(in_depth(manifest, "plain"))
    assert metadata(card).to_dict() == metadata(harmless).to_dict()
    tokens = parsed(card)
    inside = {child.type for token in tokens for child in token.children or []}
    assert inside <= {"text", "code_inline", "softbreak", "text_special"}
    kinds = [token.type for token in tokens]
    assert kinds.count("fence") == 1
    assert not {"html_block", "hr", "code_block", "blockquote_open"} & set(kinds)
    assert [kinds.count(kind) for kind in ("table_open", "heading_open")] == [11, 8]
    literal = " ".join(HOSTILE.split())
    assert cells(card).count(literal) == 5  # class, twice the column, its value, the gate


def test_class_without_test_images_is_not_called_the_weakest(manifest, evaluation):
    first, *others = evaluation.classes
    untested = first.model_copy(update={"support": 0, "recall": 0.0, "f1": 0.0})
    found = with_evaluation(manifest, classes=(untested, *others))
    assert limitation(found, "no test images").startswith("1 class")
    assert "“d”" in limitation(found, "weakest class")
