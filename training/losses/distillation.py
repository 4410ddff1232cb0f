"""Learning from a teacher's soft masks (Hinton, Vinyals, Dean, Distilling the Knowledge, 2015, section 2)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def distillation(student: Tensor, teacher: Tensor, temperature: float = 2.0) -> Tensor:
    """T^2 times the Kullback-Leibler divergence of softened masks, teacher to student; mean over the pixels.

    Args:
        student: logits [N,C,H,W], or [N,1,H,W] of a binary network.
        teacher: logits of the same number of classes; resized where its pictures are of another size.
        temperature: T; larger lets the teacher's doubts count more.

    >>> import torch
    >>> x = torch.tensor([0.0, 2.0]).view(1, 2, 1, 1)
    >>> distillation(x, x).item()
    0.0
    >>> round(distillation(torch.zeros(1, 2, 1, 1), x, temperature=1.0).item(), 4)  # ln 2 - entropy of 0.8808
    0.3278
    """
    if teacher.shape[2:] != student.shape[2:]:
        teacher = F.interpolate(teacher, size=student.shape[2:], mode="bilinear")
    if student.shape[1] == 1:
        student, teacher = (F.pad(x, (0, 0, 0, 0, 1, 0)) for x in (student, teacher))
    soft, target = (x.float() / temperature for x in (student, teacher.detach()))
    divergence = F.kl_div(
        F.log_softmax(soft, dim=1), F.log_softmax(target, dim=1), reduction="none", log_target=True
    )
    return temperature**2 * divergence.sum(dim=1).mean()
