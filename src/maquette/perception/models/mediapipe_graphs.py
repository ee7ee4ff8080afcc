"""The only file that imports mediapipe: its bundled networks as five plain functions.

Faces and people are found, traced and cut out by the networks inside the mediapipe wheel, each on a picture that the
caller has prepared, so that cropping and resampling stay in our hands. Nothing is loaded before the first call; nothing
is written to stderr; calls from several threads wait for each other.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MESH_INPUT = 192  # pixels: side of the picture that the landmark network sees
DETECTOR_INPUT = {"short": 128, "full": 192}  # pixels: sides of the pictures that the detectors see
SEGMENTER_INPUT = 256  # pixels
LOWEST_SCORE = 0.25  # detections below this are not even reported
PERSON_DETECTOR_INPUT = 224  # pixels: side of the picture that the detector of people sees
POSE_INPUT = 256  # pixels: side of the picture that the network of key points sees

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
    "find people": _Raw(
        "pose_detection/pose_detection", PERSON_DETECTOR_INPUT, -1, ("places", "scores"), ("places", "scores")
    ),
    "trace person": _Raw(
        "pose_landmark/pose_landmark_full",
        POSE_INPUT,
        0,
        ("points", "presence", "mask", "heat", "metric"),
        ("presence", "metric"),
    ),
}


class Pose(NamedTuple):
    """What the network of key points says of one square picture.

    Attributes:
        points: (39, 3) float64 pixels of the 256 x 256 input, z relative depth in the same unit; the last six are no
            points of the body but tell where to look next.
        visibility: (39,) 0-1: neither hidden nor outside.
        inside: (39,) 0-1: within the picture.
        presence: 0-1, probability that there is a person.
        mask: (256, 256) float32 0-1: this person.
        metric: (39, 3) float64 metres from the middle of the hips: x right, y down, z away from the viewer.
    """

    points: NDArray
    visibility: NDArray
    inside: NDArray
    presence: float
    mask: NDArray
    metric: NDArray


class Detection(NamedTuple):
    """One face as a detector reports it, pixels of the picture it was given.

    Attributes:
        box: (4,) x0, y0, x1, y1; brows to chin.
        keypoints: (6, 2): right eye, left eye, nose tip, mouth, right ear, left ear (the subject's right).
        score: 0-1.
    """

    box: NDArray
    keypoints: NDArray
    score: float


_loading = threading.Lock()
_in_use = {name: threading.Lock() for name in ("trace", "segment", "detect short", "detect full", *_RAW)}


def detect(pixels: NDArray, reach: str) -> list[Detection]:
    """Find faces.

    Args:
        pixels: (H, W, 3) uint8; is letterboxed to `DETECTOR_INPUT[reach]`, so shrink it well beforehand.
        reach: "short" (large faces) or "full" (also small ones).
    """
    result = _run(f"detect {reach}", pixels)
    height, width = pixels.shape[:2]
    size = np.array([width, height], float)
    found = []
    for item in result.detections or ():
        place = item.location_data
        relative = place.relative_bounding_box
        corner = np.array([relative.xmin, relative.ymin])
        box = np.concatenate([corner, corner + [relative.width, relative.height]]) * np.tile(size, 2)
        keypoints = np.array([[k.x, k.y] for k in place.relative_keypoints]) * size
        found.append(Detection(box, keypoints, float(item.score[0])))
    return found


def trace(crop: NDArray) -> tuple[NDArray, float]:
    """Landmarks of the one face in a square picture.

    Args:
        crop: (192, 192, 3) uint8, the face upright, its landmarks' longer extent about two thirds of the side.

    Returns:
        landmarks: (478, 3) float64, pixels of the crop; z relative depth in the same unit, smaller is nearer.
        presence: 0-1, probability that the crop shows a face.
    """
    result = _run("trace", crop)
    points = np.array([[p.x, p.y, p.z] for p in result.landmarks.landmark])
    return points * MESH_INPUT, float(result.presence)


def segment(pixels: NDArray) -> NDArray:
    """(H, W) float32 in 0-1: people against the background; the network sees 256 x 256."""
    return np.ascontiguousarray(_run("segment", pixels).segmentation_mask, np.float32)


def find_people(pixels: NDArray) -> tuple[NDArray, NDArray]:
    """Where people may be, one guess per anchor of the detector.

    Args:
        pixels: (224, 224, 3) uint8.

    Returns:
        places: (2254, 12) float32, what the network says of each anchor, see `people.find`.
        scores: (2254,) float32 logits.
    """
    result = _run("find people", pixels)
    return np.array(result.places, np.float32).reshape(-1, 12), np.array(result.scores, np.float32)


def trace_person(crop: NDArray) -> Pose:
    """Key points and outline of the one person in (256, 256, 3) uint8, upright, about 0.8 of the side."""
    result = _run("trace person", crop)
    points = np.array([[p.x, p.y, p.z, p.visibility, p.presence] for p in result.points.landmark])
    return Pose(
        points[:, :3] * POSE_INPUT,
        points[:, 3],
        points[:, 4],
        float(result.presence[0]),
        np.array(result.mask, np.float32).reshape(POSE_INPUT, POSE_INPUT),
        np.array(result.metric).reshape(39, 3),
    )


def _run(name: str, pixels: NDArray) -> Any:
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
            if name == "trace person":
                from mediapipe.python.solutions import pose  # noqa: F401, tells protobuf of the options in its graph

                hints |= {"points": PacketDataType.PROTO, "mask": PacketDataType.IMAGE}
            network = SolutionBase(graph_config=_raw_graph(_RAW[name]), stream_type_hints=hints)
        elif name == "trace":
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
