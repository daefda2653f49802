"""Layers that look at the whole batch, computed by several processes that have a part of it each.

Works for `course_lib.training.processes` (lesson 10). Most layers look at one photo at a time, so it does not matter
which process computes it. Two kinds do not: batch normalisation (lesson 6) takes mean and variance over
the batch, and dropout draws random numbers for the batch.
"""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional
from torch.nn.modules._functions import SyncBatchNorm
from torch.overrides import TorchFunctionMode


class WholeBatch(TorchFunctionMode):
    """Within it, batch normalisation and dropout act as if one process had all photos (lesson 10).

    PyTorch calls `__torch_function__` instead of each of its functions, so the layers of the
    model, whoever wrote them, stay as they are. Other layers that draw random numbers draw them in
    each process for itself.

    Args:
        rank, count: number of this process, and how many there are; its photos are
            ``rank, rank + count, …`` of the batch.
        photos: in the whole batch.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> whole = functional.dropout(torch.ones(4, 3))
        >>> _ = torch.manual_seed(0)
        >>> with WholeBatch(rank=1, count=2, photos=4):
        ...     part = functional.dropout(torch.ones(2, 3))
        >>> torch.equal(part, whole[1::2])
        True
    """

    def __init__(self, rank: int, count: int, photos: int):
        super().__init__()
        self.rank, self.count, self.photos = rank, count, photos

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is functional.batch_norm:
            return _batch_norm(*args, **kwargs)
        if function is functional.dropout:
            return self._dropout(*args, **kwargs)
        return function(*args, **kwargs)

    def _dropout(self, images, p: float = 0.5, training: bool = True, inplace: bool = False):
        """Draw for all photos, use the own: the same numbers as one process draws."""
        if not training or len(images) != len(range(self.rank, self.photos, self.count)):
            return functional.dropout(images, p, training, inplace)
        kept = functional.dropout(images.new_ones(self.photos, *images.shape[1:]), p)
        return images * kept[self.rank :: self.count]


def _batch_norm(
    images: Tensor, running_mean: Tensor | None, running_variance: Tensor | None,
    weight: Tensor | None = None, bias: Tensor | None = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """``torch.nn.functional.batch_norm`` with mean and variance over the photos of all processes."""
    if not training:
        return functional.batch_norm(images, running_mean, running_variance, weight, bias, False, momentum, eps)
    if images.is_cuda:
        if len(images) == 0:
            # Without a photo it would send zeros in the precision of the images, and the other
            # processes send float32, so the messages would differ in length.
            images = images.float()
        return SyncBatchNorm.apply(
            images, weight, bias, running_mean, running_variance, eps, momentum,
            dist.group.WORLD, dist.get_world_size(),
        )  # fmt: skip
    # PyTorch's SyncBatchNorm refuses CPUs (release 2.15), so here is what it computes. The sums have
    # twice the digits, because the variance is the small difference of two large numbers.
    axes, shape = [0, *range(2, images.ndim)], [1, -1, *[1] * (images.ndim - 2)]
    values, double = images.float(), torch.float64
    own_count = torch.tensor([values.numel() // values.size(1)], dtype=double)
    own = [values.sum(axes, dtype=double), values.square().sum(axes, dtype=double), own_count]
    *_, count = sums = _Sum.apply(torch.cat(own))
    if count <= 1:
        raise ValueError("Expected more than 1 value per channel when training")
    mean, mean_square = (sums[:-1] / count).chunk(2)
    variance = (mean_square - mean.square()).clamp(min=0)
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean.float(), momentum)
            running_variance.lerp_((variance * count / (count - 1)).float(), momentum)
    scale = (variance + eps).rsqrt() * (1 if weight is None else weight)
    shift = (0 if bias is None else bias) - mean * scale
    return (values * scale.float().view(shape) + shift.float().view(shape)).to(images.dtype)


class _Sum(torch.autograd.Function):
    """Add up a tensor over all processes; the loss of each depends on the tensors of all."""

    @staticmethod
    def forward(context, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)
