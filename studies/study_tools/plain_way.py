"""Photos as most tutorials load them: ImageFolder, which opens each file again in each epoch."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from torchvision.datasets import ImageFolder

from course_lib.data import label_numbers, photo_path


def image_folder(index: pd.DataFrame, rows: np.ndarray, transform: Callable) -> ImageFolder:
    """An ImageFolder of some rows of an index, with the class numbers of the course.

    Args:
        index: table of photos.
        rows: which of them, as numbers or as True and False.
        transform: gets a Pillow photo in colour.
    """
    photos = ImageFolder(index.attrs["folder"], transform)
    numbers = np.arange(len(index))[rows]
    labels = label_numbers(index)
    # What it found itself would be all photos, and classes in the order of the alphabet.
    photos.samples = [(str(photo_path(index, row)), int(labels[row])) for row in numbers]
    photos.imgs, photos.targets = photos.samples, [label for _, label in photos.samples]
    return photos
