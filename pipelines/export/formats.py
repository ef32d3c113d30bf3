"""Writes a model in each format, and runs what was written, as a user of the format would."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.contracts.process.errors import StreetloopError
from pipelines.export.graph import LABEL_IDS, PROBABILITIES, Answer, fixed_module, photo_module
from pipelines.predict.view import Size

Run = Callable[[np.ndarray], Answer]
_OPSET = 17


@dataclass(frozen=True)
class Source:
    """What a format is made from.

    Attributes:
      generator: the network.
      trained: height and width of the images that it was trained on; None if they differed.
      fixed: height and width that formats of a fixed size accept.
      calibration: images uint8 [H, W, 3] of the fixed size that int8 is calibrated with.
    """

    generator: Any
    trained: Size | None
    fixed: Size
    calibration: Callable[[], Iterable[np.ndarray]]


def write_saved_model(generator: Any, trained: Size | None, path: Path) -> None:
    """Write a SavedModel, which takes photos of any size; see `Source`."""
    _save(photo_module(generator, trained), path)


def _write_saved_model(source: Source, path: Path) -> None:
    write_saved_model(source.generator, source.trained, path)


def _save(module: Any, path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def run_saved_model(path: Path) -> Run:
    """Load a SavedModel."""
    import tensorflow as tf

    serve = tf.saved_model.load(str(path)).signatures["serving_default"]

    def run(image: np.ndarray) -> Answer:
        found = serve(image=tf.constant(image[None]))
        return Answer(found[LABEL_IDS].numpy()[0], found[PROBABILITIES].numpy()[0])

    return run


def write_float16(source: Source, path: Path) -> None:
    """Write TFLite with weights of 16 bits."""
    import tensorflow as tf

    def settings(converter: Any) -> None:
        converter.target_spec.supported_types = [tf.float16]

    _write_tflite(source, path, settings)


def write_int8(source: Source, path: Path) -> None:
    """Write TFLite with weights and activations of 8 bits, calibrated with images of the pool."""
    import tensorflow as tf

    def settings(converter: Any) -> None:
        converter.representative_dataset = lambda: ([image[None]] for image in source.calibration())
        # The conversion of the input and the look-up of label ids have no 8-bit kernels.
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]

    _write_tflite(source, path, settings)


def _write_tflite(source: Source, path: Path, settings: Callable[[Any], None]) -> None:
    import tensorflow as tf

    with tempfile.TemporaryDirectory(prefix="streetloop-") as folder, warnings.catch_warnings():
        # It takes the image's uint8 for a quantized input, and misses its statistics.
        warnings.simplefilter("ignore")
        # By way of a file: only then does the result know its inputs and outputs by name.
        _save(fixed_module(source.generator, source.fixed), Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        settings(converter)
        path.write_bytes(converter.convert())


def run_tflite(path: Path) -> Run:
    """Load a TFLite model."""
    import tensorflow as tf

    with warnings.catch_warnings():
        # It asks to use another package, which the pinned TensorFlow does not need yet.
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(model_path=str(path))
    runner = interpreter.get_signature_runner()

    def run(image: np.ndarray) -> Answer:
        found = runner(image=image[None])
        return Answer(found[LABEL_IDS][0], found[PROBABILITIES][0])

    return run


def check_onnx() -> None:
    """Raise a StreetloopError if the packages for ONNX are not installed."""
    try:
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise StreetloopError(
            f"ONNX needs a package that is not installed: {error.name}. Install it with pip install -e "
            "'.[onnx]' in Streetloop's folder, or leave `--format onnx` out."
        ) from error


def write_onnx(source: Source, path: Path) -> None:
    """Write ONNX."""
    import tf2onnx

    module = fixed_module(source.generator, source.fixed)  # its function does not keep it alive
    tf2onnx.convert.from_function(
        module.serve,
        input_signature=module.serve.input_signature,
        opset=_OPSET,
        output_path=str(path),
    )


def run_onnx(path: Path) -> Run:
    """Load an ONNX model."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(image: np.ndarray) -> Answer:
        return Answer(
            *(v[0] for v in session.run([LABEL_IDS, PROBABILITIES], {"image": image[None]}))
        )

    return run


@dataclass(frozen=True)
class Format:
    """A format of exported models.

    Attributes:
      file: its name in the output folder.
      least: share of the pixels that must get the same class as from Keras.
      any_size: whether it takes photos of any size.
      write, run: see above.
    """

    file: str
    least: float
    any_size: bool
    write: Callable[[Source, Path], None]
    run: Callable[[Path], Run]


FORMATS = {
    "saved_model": Format("saved_model", 0.999, True, _write_saved_model, run_saved_model),
    "float16": Format("model_float16.tflite", 0.999, False, write_float16, run_tflite),
    "int8": Format("model_int8.tflite", 0.99, False, write_int8, run_tflite),
    "onnx": Format("model.onnx", 0.999, False, write_onnx, run_onnx),
}
