"""Where did the model look, and where is it most wrong?

Introduced in lesson 8.
"""

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError


def grad_cam(model: nn.Module, layer: nn.Module, images: Tensor, target: int = 1) -> np.ndarray:
    """Heat maps of where the photo speaks for one class (lesson 8).

    The gradient of the class's logit says how much each feature map of a layer matters;
    the maps are added with these weights, and what speaks against the class is set to 0.
    Source: Selvaraju et al. 2017, Grad-CAM.

    Args:
        model: gives logits (N, classes).
        layer: the layer whose feature maps are used, mostly the last convolution block.
        images: what the model takes, (N, C, H, W).
        target: class number.

    Returns:
        float32 (N, h, w), 0…1, in the size of the layer's feature maps.

    Raises:
        CourseError: the layer is no part of the model.

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


def worst_mistakes(
    index: pd.DataFrame,
    probabilities: np.ndarray,
    labels: np.ndarray,
    count: int = 6,
    threshold: float = 0.5,
) -> pd.DataFrame:
    """The photos on which the model was sure and wrong, the surest first (lesson 8).

    Args:
        index: the photos, N rows in the order of the probabilities.
        probabilities: of "defective", (N,).
        labels: 1 for defective, (N,).
        count: how many rows at most.
        threshold: from this probability on, a part is rejected; the further a probability lies from
            it, the surer was the decision.

    Returns:
        Rows of the index with ``row`` (its number in the index), ``probability`` and
        ``mistake`` ("missed defect" or "overkill").

    Example:
        >>> index = pd.DataFrame({"path": ["a.png", "b.png"]})
        >>> found = worst_mistakes(index, np.array([0.2, 0.9]), np.array([0, 1]), threshold=0.1)
        >>> found[["path", "mistake"]].values.tolist()
        [['a.png', 'overkill']]
    """
    wrong = (probabilities >= threshold) != (labels == 1)
    table = index.assign(
        row=np.arange(len(index)),
        probability=probabilities,
        mistake=np.where(labels == 1, "missed defect", "overkill"),
        surety=np.abs(probabilities - threshold),
    )[wrong]
    return table.sort_values("surety", ascending=False, kind="stable").drop(columns="surety").head(count)


def is_doubted(index: pd.DataFrame) -> np.ndarray:
    """For which photos the experts were unsure (lesson 8).

    Args:
        index: with ``defect_probability`` where the experts stated one, N rows.

    Returns:
        bool (N,): True where that probability is neither 0 nor 1. False everywhere where the
        experts stated none.

    Example:
        >>> is_doubted(pd.DataFrame({"defect_probability": [0, 1 / 3, 1]})).tolist()
        [False, True, False]
    """
    if "defect_probability" not in index:
        return np.zeros(len(index), dtype=bool)
    return index["defect_probability"].between(0, 1, inclusive="neither").to_numpy()
