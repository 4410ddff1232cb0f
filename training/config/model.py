"""Which network."""

from __future__ import annotations

from pydantic import Field

from rigsight.base.schema import StrictModel


class ModelConfig(StrictModel):
    """Which network; ``options`` as its builder takes them."""

    name: str = "segmif_nano"
    options: dict[str, int | float | bool | str | list[int] | None] = {}
    start_from: str | None = Field(
        default=None, description="checkpoint whose weights to start with; from=FILE on the command line"
    )
