import hashlib

from sightline.data.sharding.partition import cut

SIZE = 40
IMAGES = [(str(number), hashlib.sha256(str(number).encode()).digest()) for number in range(4000)]


def shards(images):
    return [tuple(digest for _, digest in part) for part in cut(images, SIZE)]


def test_shards_hold_all_images_in_order_and_about_the_wanted_number():
    found = [*cut(IMAGES, SIZE)]
    assert [image for part in found for image in part] == IMAGES
    assert 80 <= len(found) <= 120
    assert min(map(len, found[:-1])) >= SIZE // 4
    assert max(map(len, found)) <= 4 * SIZE


def test_equal_images_are_cut_as_well():
    other, ending = ("x", b"\1" * 32), ("x", b"\0" * 32)
    assert [len(part) for part in cut([other] * 400, SIZE)] == [4 * SIZE, 4 * SIZE, 80]
    assert {len(part) for part in cut([ending] * 400, SIZE)} == {SIZE // 4}


def test_an_image_that_is_added_or_removed_changes_few_shards():
    before = {*shards(IMAGES)}
    new = ("new", hashlib.sha256(b"new").digest())
    changed = []
    for place in range(0, 4000, 100):
        for images in (
            [*IMAGES[:place], new, *IMAGES[place:]],
            [*IMAGES[:place], *IMAGES[place + 1 :]],
        ):
            changed.append(len({*shards(images)} - before))
    assert sum(changed) / len(changed) < 1.5
    assert max(changed) <= 6
