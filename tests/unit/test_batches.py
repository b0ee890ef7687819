from sightline import arrays, batches
from sightline.records import ArraySet, Run


def test_order_is_a_function_of_seed_and_epoch(run: Run, prepared: ArraySet) -> None:
    def order(seed: int | None, epoch: int) -> bytes:
        fed = batches.Batches(run.root, prepared.splits["train"], 16, seed)
        fed.start_epoch(epoch)
        return b"".join(fed[index][0].tobytes() for index in range(fed.num_batches))

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    stored = arrays.open_mapped(run.root / prepared.splits["train"].images.path)
    assert order(None, 0) == order(None, 1) == stored.tobytes()


def test_epoch_can_pass_over_some_examples_or_over_all_several_times(
    run: Run, prepared: ArraySet
) -> None:
    def fed(examples: int | None, epoch: int) -> list[bytes]:
        given = batches.Batches(run.root, prepared.splits["train"], 16, 0, examples=examples)
        given.start_epoch(epoch)
        blocks = [given[index][0] for index in range(given.num_batches)]
        return [image.tobytes() for block in blocks for image in block]

    whole = fed(None, 0)
    assert fed(40, 0) == whole[:40]
    assert fed(40, 1) != whole[:40]
    several = fed(300, 0)
    assert several[:128] == whole
    assert sorted(several[128:256]) == sorted(whole)
    assert several[128:256] != whole
    assert len(several) == 300
