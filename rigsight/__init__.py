"""rigsight: from a calibration board to defect masks on a robot, for RGB + thermal rigs.

The rooms are ``rigsight.calibration``, ``rigsight.edge``, ``rigsight.training`` and ``rigsight.export``;
they lie at the top level of the repository and are linked in here.
"""

__version__ = "0.1.0"
