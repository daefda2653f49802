"""What the tests of inspectors share: a small one with random weights, and photos for it."""

import numpy as np
import torch

from course_lib.inference import Inspector, InspectorSettings
from course_lib.models import ScratchCNN

GREY = {"size": 16, "channels": 1, "mean": [0.5], "std": [0.25]}


def scratch_inspector(**settings) -> Inspector:
    """An inspector that decides by chance, always alike."""
    torch.manual_seed(0)
    defaults = {"classes": ["functional", "defective"], **GREY}
    return Inspector(ScratchCNN(width=4), InspectorSettings(**defaults | settings))


def noise(channels: int = 1) -> np.ndarray:
    """Five photos in memory, always the same."""
    return np.random.default_rng(0).integers(0, 255, (5, channels, 16, 16), dtype=np.uint8)
