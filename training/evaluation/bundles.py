"""A bundle as it runs on the robot: ONNX Runtime, the device's preprocessing and masks, no torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from rigsight.edge.bundle.contract import wanted
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.select import open_engine
from rigsight.edge.frames import Aligned
from rigsight.edge.predictor import Predictor
from rigsight.training.evaluation.subject import HALF, OnGrid, Subject

ThermalInput = Literal["counts16", "camera8"]


class BundleSubject(Subject):
    """Answers as the bundle does, whatever its ``min_accuracy`` says of a missing camera."""

    def __init__(
        self, bundle: Bundle, engine: Engine | None = None, thermal_input: ThermalInput | None = None
    ) -> None:
        """``thermal_input`` replaces the bundle's own: ``camera8`` takes pictures that had their AGC.

        Raises:
            RigsightError: BND-… where the graph does not load.
        """
        changed = {} if thermal_input is None else {"thermal_input": thermal_input}
        super().__init__(bundle.spec.preprocessing.model_copy(update=changed), bundle.size)
        self.name, self.task, self.classes = bundle.id, bundle.spec.task, bundle.spec.classes
        self.cameras = wanted(bundle.part())
        self.threshold = bundle.spec.threshold or HALF
        lenient = replace(bundle, spec=bundle.spec.model_copy(update={"min_accuracy": 0.0}))
        self._predictor = Predictor(lenient, engine or open_engine(bundle))

    def _predict(self, aligned: Aligned) -> OnGrid:
        answer = self._predictor(aligned)
        return OnGrid(answer.mask, answer.probability, answer.fused, answer.instances or ())
