"""The main path: from a data set to a saved report."""

from prefect import flow

from sightline.config import RunConfig
from sightline.data import locate
from sightline.evaluation import slices
from sightline.flows.judgement import judged
from sightline.flows.stage_timer import Stopwatch
from sightline.records import Run, RunSummary, Source, StageRecords
from sightline.registry import workflow
from sightline.runs import new_run
from sightline.tasks.build import build
from sightline.tasks.data_gate import check_data
from sightline.tasks.evaluate import evaluate
from sightline.tasks.ingest import ingest
from sightline.tasks.preprocess import preprocess
from sightline.tasks.promote import promote
from sightline.tasks.publish import publish
from sightline.tasks.report import report
from sightline.tasks.train import train
from sightline.training.device import prepare_process


def pipeline(config: RunConfig, run: Run, source: Source | None = None) -> RunSummary:
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
    new_run.check_new(run.workspace, run.id)
    workflow.check_requirements(config)
    prepare_process(config.training)
    source = source or locate.locate(config.data)
    stage = Stopwatch(run)

    with run.workspace.in_use():
        files = stage(ingest, run, source, config.data)
        verdict = check_data(run, files, config.data_gate)
        slices.check(run.workspace, files, config.evaluation.slices)
        arrays = stage(preprocess, run, files, config.preprocessing)
        blueprint = stage(build, run, arrays, config.model)
        trained = stage(train, run, arrays, blueprint, config.training)
        evaluation = stage(evaluate, run, files, arrays, trained, config.evaluation)
        drawn = stage(report, run, files, blueprint, trained, evaluation, config.report)
        certificate, decision = judged(stage, run, config, source, files, trained, evaluation)

        records = StageRecords(
            ingest=files,
            gate=verdict,
            preprocess=arrays,
            build=blueprint,
            train=trained,
            evaluate=evaluation,
            report=drawn,
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
