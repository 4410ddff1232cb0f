"""The configuration of a training, one idea a file; ``file.py`` puts them together and reads the YAML."""

from rigsight.training.config.augmentation import Augmentation
from rigsight.training.config.data import (
    SCENES,
    DatasetData,
    PairFolders,
    PairsData,
    Scene,
    SimulatedData,
    Split,
)
from rigsight.training.config.file import TrainConfig, apply_override, load_config
from rigsight.training.config.model import ModelConfig
from rigsight.training.config.optimisation import Optimizer, Rate, Schedule
from rigsight.training.config.recipes import InstancesRecipe, InteractiveRecipe, MasksRecipe

__all__ = [
    "SCENES",
    "Augmentation",
    "DatasetData",
    "InstancesRecipe",
    "InteractiveRecipe",
    "MasksRecipe",
    "ModelConfig",
    "Optimizer",
    "PairFolders",
    "PairsData",
    "Rate",
    "Scene",
    "Schedule",
    "SimulatedData",
    "Split",
    "TrainConfig",
    "apply_override",
    "load_config",
]
