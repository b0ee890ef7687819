"""What TensorFlow Serving and Triton require of the folders that they read.

TensorFlow Serving takes the child of the base path with the highest number for the version
(FileSystemStoragePathSource). Triton wants `<model>/config.pbtxt`, which names that folder, and
`<model>/<number>/model.onnx`; it adds the dimension of the batch to `dims` itself.
"""

import errno
import json
import shutil

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from sightline.errors import InputError, StorageError
from sightline.export import layouts
from sightline.export.formats import FORMATS
from sightline.export.layouts import Layout

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 12, 12, 1), dtype=np.uint8)
FIELDS = {  # The part of Triton's model_config.proto that is used: number, type, repeated
    "Specific": {"versions": (1, "int64", True)},
    "Policy": {"specific": (3, "Specific", False)},
    "Input": {"name": (1, "string", False), "data_type": (2, "Type", False)}
    | {"dims": (4, "int64", True)},
    "Output": {"name": (1, "string", False), "data_type": (2, "Type", False)}
    | {"dims": (3, "int64", True), "label_filename": (4, "string", False)},
    "Batching": {},
    "Value": {"string_value": (1, "string", False)},
    "Parameter": {"key": (1, "string", False), "value": (2, "Value", False)},
    "ModelConfig": {
        "name": (1, "string", False),
        "platform": (2, "string", False),
        "version_policy": (3, "Policy", False),
        "max_batch_size": (4, "int32", False),
        "input": (5, "Input", True),
        "output": (6, "Output", True),
        "dynamic_batching": (11, "Batching", False),
        "parameters": (14, "Parameter", True),
    },
}


@pytest.fixture(scope="module")
def exports(entry):
    if missing := FORMATS["onnx"].missing:
        pytest.skip(f"{missing} not installed (extra export)")
    return entry / "exports"


def served_by_tensorflow(base):
    numbered = [path for path in base.iterdir() if path.name.isdecimal()]
    return max(numbered, key=lambda path: int(path.name))


def parsed(text):
    """Parse a ModelConfig of Triton; unknown fields and wrong types are errors."""
    file = descriptor_pb2.FileDescriptorProto(name="model_config.proto", package="inference")
    kinds = file.enum_type.add(name="Type")
    for number, name in ((0, "TYPE_INVALID"), (2, "TYPE_UINT8"), (11, "TYPE_FP32")):
        kinds.value.add(name=name, number=number)
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            known = {"int64": 3, "int32": 5, "string": 9, "Type": 14}.get(kind, 11)
            type_name = f".inference.{kind}" if known in {11, 14} else None
            label = 3 if repeated else 1
            message.field.add(
                name=field, number=number, type=known, label=label, type_name=type_name
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))
    return text_format.Parse(text, kind())


@pytest.mark.slow
def test_tensorflow_serving_finds_the_version_and_its_signature_answers(exports, tmp_path):
    import tensorflow as tf

    layouts.write(Layout.TF_SERVING, exports, "digits", 3, tmp_path)
    served = served_by_tensorflow(tmp_path / "digits")
    assert served == tmp_path / "digits" / "3"
    body = json.loads(json.dumps({"instances": IMAGES.tolist()}))
    signature = tf.saved_model.load(str(served)).signatures["serving_default"]
    (answer,) = signature(tf.constant(body["instances"], tf.uint8)).values()
    expected = FORMATS["saved_model"].runtime().load(exports / "saved_model")(IMAGES)
    assert np.array_equal(answer, expected)


def test_triton_finds_a_model_whose_names_types_and_shapes_are_those_of_its_config(
    exports, measured, tmp_path
):
    import onnxruntime

    folder = layouts.write(Layout.TRITON, exports, "digits", 3, tmp_path)
    assert folder == tmp_path / "digits" / "3"
    found = parsed((tmp_path / "digits" / "config.pbtxt").read_text())
    assert (found.name, found.platform) == ("digits", "onnxruntime_onnx")
    assert list(found.version_policy.specific.versions) == [3]
    assert found.HasField("dynamic_batching")
    (given,), (output,) = found.input, found.output
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    (of_model,) = session.get_inputs()
    assert (given.name, given.data_type, list(given.dims)) == ("pixels", 2, [12, 12, 1])
    assert (of_model.name, of_model.type) == ("pixels", "tensor(uint8)")
    assert not isinstance(of_model.shape[0], int), "a model of one batch size cannot be batched"
    many = np.resize(IMAGES, (found.max_batch_size, *given.dims))
    (answer,) = session.run([output.name], {given.name: many})
    assert (answer.dtype, output.data_type) == (np.float32, 11)
    assert answer.shape == (found.max_batch_size, *output.dims)
    labels = (tmp_path / "digits" / output.label_filename).read_text().splitlines()
    assert tuple(labels) == measured.files.class_names
    (parameter,) = found.parameters
    assert json.loads(parameter.value.string_value)["class_names"] == labels


@pytest.mark.parametrize("layout", Layout)
def test_version_that_was_rolled_back_to_is_the_one_that_is_served(exports, tmp_path, layout):
    for number in (3, 4, 3):
        layouts.write(layout, exports, "digits", number, tmp_path)
        parent = tmp_path / "digits"
        assert [path.name for path in parent.iterdir() if path.is_dir()] == [str(number)]
        assert json.loads((parent / "sightline.json").read_bytes())["number"] == number
    assert not list(tmp_path.rglob(".*"))


def test_version_that_could_not_be_copied_is_not_named(exports, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    layouts.write(Layout.TF_SERVING, exports, "digits", 3, tmp_path)
    monkeypatch.setattr(shutil, "copytree", fail)
    with pytest.raises(StorageError, match="is full"):
        layouts.write(Layout.TF_SERVING, exports, "digits", 4, tmp_path)
    assert json.loads((tmp_path / "digits" / "sightline.json").read_bytes())["number"] == 3


def test_folder_of_another_program_is_left_alone(exports, tmp_path):
    shutil.copytree(exports / "saved_model", tmp_path / "digits" / "9")
    with pytest.raises(InputError, match=r"digits was not written by this command.*--output"):
        layouts.write(Layout.TF_SERVING, exports, "digits", 3, tmp_path)
    assert [path.name for path in (tmp_path / "digits").iterdir()] == ["9"]
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="--output"):
        layouts.write(Layout.TF_SERVING, exports, "digits", 3, tmp_path / "file")
    with pytest.raises(InputError, match="--name"):
        layouts.write(Layout.TF_SERVING, exports, "../digits", 3, tmp_path)
