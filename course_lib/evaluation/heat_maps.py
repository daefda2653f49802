"""Where did the model look?

Introduced in lesson 8.
"""

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError


def grad_cam(model: nn.Module, layer: nn.Module, images: Tensor, target: int = 1) -> np.ndarray:
    """Heat maps of where the photo speaks for one class.

    The gradient of the class's logit says how much each feature map of a layer matters;
    the maps are added with these weights, and what speaks against the class is set to 0.
    Source: Selvaraju et al. 2017, Grad-CAM.

    Args:
        model: gives logits (N, classes).
        layer: the layer whose feature maps are used, usually the last convolution block.
        images: what the model takes, (N, C, H, W).
        target: class number.

    Returns:
        float32 (N, h, w), 0…1, in the size of the layer's feature maps.

    Raises:
        CourseError: the layer is not a part of the model.

    Example:
        >>> from course_lib.models import ScratchCNN
        >>> model = ScratchCNN().eval()
        >>> grad_cam(model, model.blocks[1], torch.rand(2, 1, 32, 32)).shape
        (2, 4, 4)
    """
    kept = []
    hook = layer.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    try:
        model.eval()
        # With every weight frozen nothing would ask for gradients, so the photos do.
        device = next(model.parameters()).device
        with torch.enable_grad():
            logits = model(images.to(device).detach().requires_grad_())
            if not kept:
                raise CourseError(
                    "The layer given to grad_cam is not used by the model itself (a slice such as "
                    "blocks[:3] is a new layer); give one of its own layers, such as model.blocks[2]."
                )
            (gradients,) = torch.autograd.grad(logits[:, target].sum(), kept[0])
    finally:
        hook.remove()
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    maps = (weights * kept[0].detach()).sum(dim=1).clamp(min=0)
    highest = maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    return (maps / highest).cpu().numpy()
