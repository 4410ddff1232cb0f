"""A chain from a bundle and a rig, and the five-line way to use one."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from rigsight.calibration.alignment.kernels import Maps, maps_chosen_by
from rigsight.calibration.rig import Cylinder, MatchedHomography, Plane, Rig
from rigsight.edge.bundle.contract import wanted
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import AgcSpec, Variant
from rigsight.edge.bundle.start import Start, start_bundle
from rigsight.edge.distance import DistanceFollower
from rigsight.edge.engines.onnxruntime import default_threads
from rigsight.edge.engines.select import EngineChoice, Note, open_engine
from rigsight.edge.frames import Frame, FrameSet, Image, PixelFormat, Prediction
from rigsight.edge.pairing import NO_CAMERA
from rigsight.edge.pipeline.chain import Chain
from rigsight.edge.predictor import Predictor
from rigsight.edge.preprocess import Preprocessor


def build_chain(
    bundle: Bundle,
    rig: Rig | None = None,
    *,
    surface: Plane | Cylinder | MatchedHomography | None = None,
    agc: AgcSpec | None = None,
    thermal_input: str | None = None,
    variant: Variant | None = None,
    threads: int | None = None,
    engine: EngineChoice = "auto",
    note: Note | None = None,
    scene: str | None = None,
    confidence: bool = False,
    maps: Maps = "rule",
) -> Chain:
    """Preprocessor and network of ``bundle``; without a rig the pictures count as aligned.

    ``surface``, ``agc`` and ``thermal_input`` ("counts16" or "camera8") override the rig's and the bundle's.
    ``maps="measured"`` times float against fixed-point maps with the first pictures; the two differ by up to
    1/32 px in OpenCV 5, so that only the rule gives the same output on every machine.

    ``engine`` "auto" takes the TensorRT engine that was built here, else ONNX Runtime; ``note`` hears why an
    engine that was built is not used.

    Raises:
        RigsightError: BND-… for a graph that does not load or a variant that the bundle lacks, CAL-004 and
            SRC-102 for a rig that does not fit.
    """
    spec = bundle.spec.preprocessing
    changes = {"agc": agc, "thermal_input": thermal_input}
    spec = spec.model_copy(update={key: value for key, value in changes.items() if value is not None})
    with maps_chosen_by(maps):
        preprocessor = Preprocessor(spec, bundle.size, rig, surface, wanted(bundle.part()))
    opened = open_engine(bundle, variant, threads, engine, note)
    follower = None if rig is None else DistanceFollower(preprocessor, rig)
    return Chain(preprocessor, Predictor(bundle, opened, scene=scene, confidence=confidence), follower)


def share_cores(engine_threads: int | None) -> None:
    """Leave OpenCV the cores that the engine does not take (at least one), for this whole process.

    Its worker threads would otherwise push the engine's off their cores in the middle of a run.
    """
    cv2.setNumThreads(max(1, (os.cpu_count() or 1) - (engine_threads or default_threads())))


class Pipeline:
    """A bundle as one call: pictures in, prediction out. Make it with :func:`rigsight.open_pipeline`.

    ``notes`` says what happened at the start, such as a rollback.
    """

    def __init__(self, bundle: Bundle, chain: Chain, start: Start | None = None) -> None:
        self.bundle, self.chain = bundle, chain
        self._start = start or Start(bundle)
        self.notes = self._start.notes
        self._index = 0

    def __call__(self, rgb: Image | None, thermal: Image | None = None) -> Prediction:
        """Predict one pair; None for a camera that is missing.

        Args:
            rgb: uint8 [H,W,3], RGB order, as the camera gives it.
            thermal: uint16 [H,W] counts, or uint8 [H,W] where the bundle takes the camera's own 8 bits.

        Raises:
            ValueError: an array of another shape or type.
            RigsightError: SRC-101, CAL-005 when the pictures do not fit the bundle or the rig.
        """
        frames: dict[str, Frame] = {}
        if rgb is not None:
            if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
                raise ValueError(f"rgb must be uint8 [H,W,3], not {rgb.dtype} {list(rgb.shape)}")
            frames["rgb"] = Frame("rgb", rgb, 0, self._index, PixelFormat.RGB8)
        if thermal is not None:
            if thermal.ndim != 2 or thermal.dtype not in (np.uint8, np.uint16):
                raise ValueError(
                    f"thermal must be uint16 or uint8 [H,W], not {thermal.dtype} {list(thermal.shape)}"
                )
            kind = PixelFormat.MONO16 if thermal.dtype == np.uint16 else PixelFormat.MONO8
            frames["thermal"] = Frame("thermal", thermal, 0, self._index, kind)
        missing = {role: NO_CAMERA for role in ("rgb", "thermal") if role not in frames}
        made = FrameSet(self._index, 0, frames, missing)
        self._index += 1
        prediction = self.chain(made)
        self._start.masked()
        return prediction

    def close(self) -> None:
        """Give the engine's memory back."""
        self._start.close()
        self.chain.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._start.close(error)
        self.close()


def open_pipeline(
    bundle: str | Path,
    rig: str | Path | None = None,
    *,
    thermal_input: str | None = None,
    trust: str | Path | None = None,
    allow_downgrade: bool = False,
) -> Pipeline:
    """See :func:`rigsight.open_pipeline`."""
    start = start_bundle(bundle, trust, allow_downgrade=allow_downgrade)
    try:
        loaded = None if rig is None else Rig.load(rig)
        chain = build_chain(start.bundle, loaded, thermal_input=thermal_input)
    except BaseException as error:
        start.close(error)
        raise
    return Pipeline(start.bundle, chain, start)
