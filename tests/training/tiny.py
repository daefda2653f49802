"""A tiny network, photos of noise and `fit` on them: what the tests of training share."""

import numpy as np
import pandas as pd
from torch import nn

from course_lib.datasets import BatchLoader
from course_lib.device import seed_everything
from course_lib.models import ScratchCNN
from course_lib.training.loop import fit as library_fit
from course_lib.transforms import flips_and_quarter_turns


def loader(labels: list[int], batch_size: int = 4, seed: int = 0, **settings) -> BatchLoader:
    """Photos of noise, 32 pixels wide; those of class 1 are brighter."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 150, (len(labels), 1, 32, 32), dtype=np.uint8)
    images += np.array(labels, dtype=np.uint8)[:, None, None, None] * 80
    return BatchLoader(images, labels, batch_size=batch_size, **settings)


def train_loader() -> BatchLoader:
    """Ten photos in an uneven number of batches, shuffled and augmented."""
    return loader([0, 1] * 5, shuffle=True, augment=flips_and_quarter_turns)


def new_model(seed: int = 0) -> ScratchCNN:
    seed_everything(seed)
    return ScratchCNN(width=4)


def fit(model: nn.Module, train=None, validation=None, **settings) -> pd.DataFrame:
    settings = {"epochs": 3, "learning_rate": 1e-2, "device": "cpu", "progress": False} | settings
    return library_fit(model, train or train_loader(), validation, **settings)
