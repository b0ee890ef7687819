from sightline import reporting
from sightline.config import ReportConfig
from sightline.records import DatasetFiles, Evaluation, Run, TrainedModel


def test_worst_mistakes_are_the_surest_first_and_then_by_index(
    run: Run, hostile_files: DatasetFiles, trained: TrainedModel, evaluation: Evaluation
) -> None:
    result = reporting.report(run, hostile_files, trained, evaluation, ReportConfig())
    assert [mistake.index for mistake in result.mistakes] == [8, 20, 4]
    assert result.mistakes_total == 3
    assert {mistake.predicted for mistake in result.mistakes} == {"b"}
    assert result.mistakes[0].label == hostile_files.class_names[0]
    assert round(result.mistakes[0].probability, 4) == 0.9
    assert round(result.mistakes[0].label_probability, 4) == 0.0333
    assert len(result.thumbnails) == 3


def test_pictures_are_written_to_the_cache(
    run: Run, hostile_files: DatasetFiles, trained: TrainedModel, evaluation: Evaluation
) -> None:
    result = reporting.report(run, hostile_files, trained, evaluation, ReportConfig())
    for record in (*result.figures.values(), *result.thumbnails):
        assert (run.root / record.path).read_bytes().startswith(b"\x89PNG")


def test_number_of_mistakes_can_be_limited(
    run: Run, hostile_files: DatasetFiles, trained: TrainedModel, evaluation: Evaluation
) -> None:
    for most in (0, 1):
        settings = ReportConfig(mistakes=most)
        result = reporting.report(run, hostile_files, trained, evaluation, settings)
        assert len(result.mistakes) == len(result.thumbnails) == most
        assert result.mistakes_total == 3
