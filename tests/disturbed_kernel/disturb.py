"""What makes a kernel compute as another machine would, or with a fault: called before a lesson's first cell.

`kernel_environment.py` writes the call into the kernel's start-up; `tools/elsewhere.py` chooses the disturbance.
Each function changes torch or the library in this one process, and nothing on the disk.
"""

import functools
from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor

MILLIONTH = 1e-6
OPTIMIZERS = (torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD)


def after(owner: object, name: str, change: Callable) -> None:
    """Let ``change`` see, and replace, what a function returns: ``change(result, *arguments, **keywords)``."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def changed(*arguments, **keywords):
        return change(original(*arguments, **keywords), *arguments, **keywords)

    setattr(owner, name, changed)


def perturbed() -> None:
    """Weights that are about to be trained start one part in a million away, as after another rounding.

    A checkpoint that is resumed replaces the weights after the optimizer was made, so it stays what it is.
    """

    def nudge(_: None, optimizer: torch.optim.Optimizer, *arguments, **keywords) -> None:
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for group in optimizer.param_groups:
                for weight in group["params"]:
                    noise = torch.randn(weight.shape, generator=generator).to(weight.device, weight.dtype)
                    weight.mul_(1 + MILLIONTH * noise)

    after(torch.optim.Optimizer, "__init__", nudge)


def untrained() -> None:
    """No step changes a weight, and no file brings trained ones: every network answers at random."""
    for optimizer in OPTIMIZERS:
        optimizer.step = lambda self, closure=None: None
    torch.nn.Module.load_state_dict = lambda self, *arguments, **keywords: None


def shuffled_labels() -> None:
    """The photos keep their places, but their labels are dealt out anew."""
    from course_lib import data
    from course_lib.data import index

    def deal(table: pd.DataFrame, *_, **__) -> pd.DataFrame:
        columns = [name for name in ("label", "defect_probability") if name in table]
        drawn = table[columns].sample(frac=1, random_state=0).to_numpy()
        return table.assign(**{name: drawn[:, place] for place, name in enumerate(columns)})

    after(index, "index_folder", deal)
    data.index_folder = index.index_folder


def wrong_preprocessing() -> None:
    """Photos that are judged are four times paler than those that were learned from."""
    from course_lib import transforms

    def fade(images: Tensor, *_, **__) -> Tensor:
        return images if torch.is_grad_enabled() else 0.25 * images + 1

    after(transforms, "to_float", fade)


def test_photos_learned() -> None:
    """The test part is filled with photos of the training part."""
    from course_lib import splits

    def leak(index: pd.DataFrame, *_, **__) -> pd.DataFrame:
        kept = index[index["split"] != "test"]
        count = int((index["split"] == "test").sum())
        copies = kept[kept["split"] == "train"].sample(count, random_state=0).assign(split="test")
        return pd.concat([kept, copies], ignore_index=True)

    for name in ("random_split", "lot_split"):
        after(splits, name, leak)


DISTURBANCES = {
    "perturbed": perturbed,
    "untrained": untrained,
    "shuffled-labels": shuffled_labels,
    "wrong-preprocessing": wrong_preprocessing,
    "test-photos-learned": test_photos_learned,
}


def disturb(names: str) -> None:
    """Apply disturbances, named with commas between."""
    for name in names.split(","):
        DISTURBANCES[name]()
