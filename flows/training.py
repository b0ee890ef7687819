"""The main path: from a data set to a saved report."""

from prefect import flow

from flows.judgement import judged
from flows.stopwatch import Stopwatch
from sightline import datasets, runs, shipping
from sightline.at_work import at_work
from sightline.config import TrainingConfig
from sightline.keras_process import prepare_device
from sightline.measures import slices
from sightline.records import Run, RunSummary, Source, StageRecords
from tasks.build import build
from tasks.evaluate import evaluate
from tasks.gate import gate
from tasks.ingest import ingest
from tasks.preprocess import preprocess
from tasks.promote import promote
from tasks.publish import publish
from tasks.report import report
from tasks.train import train


def pipeline(config: TrainingConfig, run: Run, source: Source | None = None) -> RunSummary:
    """Train a classifier and publish its run folder.

    Args:
        config: What to do.
        run: Where to do it, and under which id.
        source: The data set's source, where the caller has found it already.

    Returns:
        What came out, and where the run folder lies.

    Raises:
        InputError: The run id is taken, a demanded device is missing, the data cannot be used.
        RunError: A stage failed.
    """
    runs.check_new(run.root, run.id)
    shipping.check(config)
    prepare_device(config.training)
    source = source or datasets.locate(config.data)
    stage = Stopwatch(run)

    with at_work(run.root):
        files = stage(ingest, run, source, config.data)
        verdict = gate(run, files, config.gate)
        slices.check(run.root, files, config.evaluation.slices)
        arrays = stage(preprocess, run, files, config.preprocessing)
        blueprint = stage(build, run, arrays, config.model)
        trained = stage(train, run, arrays, blueprint, config.training)
        evaluation = stage(evaluate, run, files, arrays, trained, config.evaluation)
        pictures = stage(report, run, files, trained, evaluation, config.report)
        certificate, decision = judged(stage, run, config, source, files, trained, evaluation)

        records = StageRecords(
            ingest=files,
            gate=verdict,
            preprocess=arrays,
            build=blueprint,
            train=trained,
            evaluate=evaluation,
            report=pictures,
            export=certificate,
            decision=decision,
        )
        summary = publish(run, config, source, records, stage.times)
        if decision is None:
            return summary
        return summary.model_copy(update={"promotion": promote(run)})


training_flow = flow(
    name="train", flow_run_name="{run.id}", persist_result=False, result_serializer="json"
)(pipeline)
