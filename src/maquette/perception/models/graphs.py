"""The only file that imports mediapipe: the graphs of its bundled networks, loaded when they are first run."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maquette.perception.models.results import MESH_INPUT, PERSON_DETECTOR_INPUT, POSE_INPUT

LOWEST_SCORE = 0.25  # face detections below this are not even reported

# Image -> landmark network -> 478 refined landmarks and the probability that the picture shows a face. MediaPipe's
# own FaceLandmark graph keeps that probability to itself and crops with plain bilinear sampling.
_MESH_GRAPH = """
input_stream: "image"
output_stream: "landmarks"
output_stream: "presence"
node {
  calculator: "ImageToTensorCalculator"
  input_stream: "IMAGE:image" output_stream: "TENSORS:input"
  options { [mediapipe.ImageToTensorCalculatorOptions.ext] {
    output_tensor_width: 192 output_tensor_height: 192 output_tensor_float_range { min: 0 max: 1 } } }
}
node { calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:resolver" }
node {
  calculator: "InferenceCalculator"
  input_stream: "TENSORS:input" output_stream: "TENSORS:output" input_side_packet: "OP_RESOLVER:resolver"
  options { [mediapipe.InferenceCalculatorOptions.ext] {
    model_path: "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite"
    delegate { xnnpack { num_threads: 1 } } } }
}
node {
  calculator: "SplitTensorVectorCalculator"
  input_stream: "output" output_stream: "shape" output_stream: "flag"
  options { [mediapipe.SplitVectorCalculatorOptions.ext] { ranges { begin: 0 end: 6 } ranges { begin: 6 end: 7 } } }
}
node {
  calculator: "TensorsToFloatsCalculator"
  input_stream: "TENSORS:flag" output_stream: "FLOAT:presence"
  options { [mediapipe.TensorsToFloatsCalculatorOptions.ext] { activation: SIGMOID } }
}
node {
  calculator: "TensorsToFaceLandmarksWithAttention"
  input_stream: "TENSORS:shape" output_stream: "LANDMARKS:landmarks"
}
"""

# Image -> network -> its tensors. MediaPipe's own PoseLandmark graph follows one person only.
_START = """
input_stream: "image"
node {
  calculator: "ImageToTensorCalculator"
  input_stream: "IMAGE:image" output_stream: "TENSORS:input"
  options { [mediapipe.ImageToTensorCalculatorOptions.ext] {
    output_tensor_width: SIDE output_tensor_height: SIDE output_tensor_float_range { min: DARKEST max: 1 } } }
}
node { calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:resolver" }
node {
  calculator: "InferenceCalculator"
  input_stream: "TENSORS:input" output_stream: "TENSORS:output" input_side_packet: "OP_RESOLVER:resolver"
  options { [mediapipe.InferenceCalculatorOptions.ext] {
    model_path: "mediapipe/modules/MODEL.tflite"
    delegate { xnnpack { num_threads: 1 } } } }
}
node {
  calculator: "SplitTensorVectorCalculator"
  input_stream: "output" SPLIT
  options { [mediapipe.SplitVectorCalculatorOptions.ext] { RANGES } }
}
"""
_NUMBERS = """
output_stream: "NAME"
node { calculator: "TensorsToFloatsCalculator" input_stream: "TENSORS:tensor_NAME" output_stream: "FLOATS:NAME" }
"""
# The points are drawn to the heat around them, and the outline made an image, before they reach Python: 18 ms less.
_POSE_END = """
output_stream: "points"
output_stream: "mask"
node {
  calculator: "TensorsToLandmarksCalculator"
  input_stream: "TENSORS:tensor_points" output_stream: "NORM_LANDMARKS:plain"
  options { [mediapipe.TensorsToLandmarksCalculatorOptions.ext] { num_landmarks: 39
    input_image_width: 256 input_image_height: 256 visibility_activation: SIGMOID presence_activation: SIGMOID } }
}
node {
  calculator: "RefineLandmarksFromHeatmapCalculator"
  input_stream: "NORM_LANDMARKS:plain" input_stream: "TENSORS:tensor_heat" output_stream: "NORM_LANDMARKS:points"
  options { [mediapipe.RefineLandmarksFromHeatmapCalculatorOptions.ext] { kernel_size: 7 } }
}
node {
  calculator: "TensorsToSegmentationCalculator"
  input_stream: "TENSORS:tensor_mask" output_stream: "MASK:mask"
  options { [mediapipe.TensorsToSegmentationCalculatorOptions.ext] { activation: SIGMOID } }
}
"""


class _Raw(NamedTuple):
    """A bundled network whose tensors are read directly.

    Attributes:
        model: path below mediapipe's modules.
        side: of its input, pixels.
        darkest: what it calls black.
        tensors: their names in order.
        numbers: those that come as plain numbers.
    """

    model: str
    side: int
    darkest: int
    tensors: tuple[str, ...]
    numbers: tuple[str, ...]


_RAW = {
    "detect persons": _Raw(
        "pose_detection/pose_detection", PERSON_DETECTOR_INPUT, -1, ("values", "scores"), ("values", "scores")
    ),
    "pose": _Raw(
        "pose_landmark/pose_landmark_full",
        POSE_INPUT,
        0,
        ("points", "presence", "mask", "heat", "metric"),
        ("presence", "metric"),
    ),
}

_loading = threading.Lock()
_in_use = {name: threading.Lock() for name in ("face landmarks", "segment", "detect short", "detect full", *_RAW)}


def run(name: str, pixels: NDArray) -> Any:
    """What mediapipe gives for a picture (H, W, 3) uint8: an object with the outputs of the graph of this name."""
    pixels = np.ascontiguousarray(pixels)
    with _loading:
        network = _network(name)
    with _in_use[name]:
        return network.process(pixels)


@cache
def _network(name: str) -> Any:
    """Load one network and run it once: its messages about itself come with the first picture."""
    with _silence():
        os.environ.setdefault("GLOG_minloglevel", "3")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from mediapipe.python.solution_base import PacketDataType, SolutionBase
        from mediapipe.python.solutions.face_detection import FaceDetection
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

        if name in _RAW:
            hints = {"image": PacketDataType.IMAGE_FRAME}
            hints |= {tensor: PacketDataType.FLOAT_LIST for tensor in _RAW[name].numbers}
            if name == "pose":
                # Makes the options in its graph known to protobuf.
                import_module("mediapipe.python.solutions.pose")

                hints |= {"points": PacketDataType.PROTO, "mask": PacketDataType.IMAGE}
            network = SolutionBase(graph_config=_raw_graph(_RAW[name]), stream_type_hints=hints)
        elif name == "face landmarks":
            hints = {"image": PacketDataType.IMAGE_FRAME, "presence": PacketDataType.FLOAT}
            network = SolutionBase(graph_config=_MESH_GRAPH, stream_type_hints=hints)
        elif name == "segment":
            network = SelfieSegmentation(model_selection=0)
        else:
            selection = ("detect short", "detect full").index(name)
            network = FaceDetection(min_detection_confidence=LOWEST_SCORE, model_selection=selection)
        network.process(np.zeros((MESH_INPUT, MESH_INPUT, 3), np.uint8))
    return network


def _raw_graph(raw: _Raw) -> str:
    split = " ".join(f'output_stream: "tensor_{name}"' for name in raw.tensors)
    ranges = " ".join(f"ranges {{ begin: {i} end: {i + 1} }}" for i in range(len(raw.tensors)))
    text = _START
    values = {"SIDE": raw.side, "DARKEST": raw.darkest, "MODEL": raw.model, "SPLIT": split, "RANGES": ranges}
    for word, value in values.items():
        text = text.replace(word, str(value))
    text += "".join(_NUMBERS.replace("NAME", name) for name in raw.numbers)
    return text + _POSE_END if "heat" in raw.tensors else text


@contextmanager
def _silence() -> Iterator[None]:
    """Close stderr to native code: TensorFlow Lite and absl write to it whatever the log level."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError, ValueError):  # no stderr at all: a service, a windowed program
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
