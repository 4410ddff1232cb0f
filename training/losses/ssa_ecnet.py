"""The whole loss of SSA-ECNet, as the trainer calls it."""

from __future__ import annotations

from torch import Tensor, nn

from rigsight.training.losses.group_lasso import group_lasso
from rigsight.training.losses.segmentation import class_weights
from rigsight.training.losses.weighted_edge_dice import weighted_edge_dice


class SsaEcnetLoss:
    """Weighted edge Dice + lasso x L2,1 norm (eq. 2). The paper gives no number for any option."""

    def __init__(
        self,
        shares: Tensor | None = None,
        *,
        edge_weight: float = 2.0,
        smooth: float = 1e-5,
        lasso: float = 1e-6,
        class_weight_power: float = 0.5,
    ) -> None:
        """Weights of the classes from their ``shares`` [C] of the training pixels; without them all are 1.

        Args:
            shares: None where the data are not known.
            edge_weight: what an edge pixel adds to the weight 1.
            smooth: of the Dice term, a share of the pixels.
            lasso: factor of the L2,1 norm; the optimiser's weight decay is to be 0 then.
            class_weight_power: 0 to 1, of the inverse frequency; the mean pixel weighs 1. Dice balances the
                classes once already: with 1, what is damp with a probability of 0.1 is painted.
        """
        self.weights = None if shares is None else class_weights(shares, class_weight_power)
        self.edge_weight, self.smooth, self.lasso = edge_weight, smooth, lasso

    def __call__(self, outputs: dict[str, Tensor], labels: Tensor, network: nn.Module) -> Tensor:
        """``outputs["logits"]`` [N,C,H,W], ``labels`` int64 [N,H,W] with 255 unlabelled -> scalar."""
        dice = weighted_edge_dice(outputs["logits"], labels, self.weights, self.edge_weight, self.smooth)
        return dice + self.lasso * group_lasso(network) if self.lasso else dice
