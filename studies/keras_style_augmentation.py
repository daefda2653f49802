"""The augmentation recipe of a Keras tutorial, in PyTorch: does it help, and what do photos look like?

    python studies/keras_style_augmentation.py [--data FOLDER] [--backbone vgg16 --weights FILE]

The recipe: freeze all, then unfreeze the last four layers; turn by up to 40 degrees, shift by up to 0.2
of the width and height, shear by 0.2, zoom by 0.2, mirror; fill the empty edges with the nearest pixels.
Keras counts every layer, also the pooling; here a layer is a convolution with its normalisation. Keras
took 0.2 of shear as radians at first, as degrees today; here it is radians (11 degrees), because 0.2
degrees could not be seen.

Three models, each with the same seeds, photos and epochs: only the head trained; the last four layers as
well, without augmentation; the same with it. Test: a stratified quarter (or the folder's part test).
Results: studies/results/keras_style_augmentation.csv. A picture of changed photos goes to ``work/studies``.
"""

import argparse
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from study_tools import arguments, photo_index, print_and_save, run, test_rows
from torch import Tensor, nn

from course_lib import data, datasets, device, evaluation, models
from course_lib.paths import shorten, work_folder, write_atomically
from course_lib.training import fit

LAYERS = 4


def main(given: argparse.Namespace) -> None:
    """Train the three models with each seed, print and save the table."""
    index = photo_index(given.data, given.limit)
    pixels = datasets.pixels(index, given.size, channels=3)
    labels = data.label_numbers(index)
    draw_changed(pixels, given.seed)
    rows = []
    for seed in range(given.seed, given.seed + given.seeds):
        test = test_rows(index, seed)
        for name, layers, augment in (
            ("head only", 0, None),
            ("last four layers", LAYERS, None),
            ("last four layers, augmented", LAYERS, keras_style),
        ):
            device.seed_everything(seed)
            backbone = models.load_backbone(given.backbone, given.weights)
            model = models.Classifier(backbone, len(data.class_names(index)))
            models.freeze(model.backbone)
            unfreeze_last_layers(model.backbone, layers)

            def loader(part: np.ndarray, seed=seed, backbone=backbone, **training):
                photos, answers = pixels[part], labels[part]
                settings = {"mean": backbone.mean, "std": backbone.std, "batch_size": 32}
                return datasets.BatchLoader(photos, answers, seed=seed, **settings, **training)

            rates = {"head": 10 * given.learning_rate}
            if layers:
                rates["backbone"] = given.learning_rate
            start = perf_counter()
            fit(
                model,
                loader(~test, shuffle=True, augment=augment),
                epochs=given.epochs,
                learning_rate=rates,
                progress=False,
            )
            seconds = perf_counter() - start
            logits, _ = evaluation.predict_logits(model, loader(test))
            row = evaluation.accuracy_row(name, labels[test], logits.argmax(1))
            weights = sum(p.numel() for p in model.parameters() if p.requires_grad)
            facts = {"trained weights": weights, "seconds": round(seconds), "seed": seed}
            rows.append(row | facts | {"size": given.size, "epochs": given.epochs})
            print(f"seed {seed}, {name}: {row['accuracy']:.4f} in {seconds:.0f} s", flush=True)
        # After each seed, so that a run that is stopped keeps what it has found.
        table = pd.DataFrame(rows)
        print_and_save(table, "keras_style_augmentation", given.limit)
    summary = table.groupby("model", sort=False)["accuracy"].agg(["mean", "min", "max"])
    print("\n" + summary.round(4).to_string())


def unfreeze_last_layers(backbone: models.Backbone, count: int) -> None:
    """Let the last convolutions be trained again, each with the normalisation behind it."""
    layers = [module for module in backbone.modules() if list(module.parameters(recurse=False))]
    for layer in reversed(layers):
        if count == 0:
            break
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad = True
        count -= isinstance(layer, nn.Conv2d | nn.Linear)


def keras_style(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, shift, shear, zoom and mirror each photo of a batch (N, C, H, W) on its own."""
    from torchvision.transforms import v2

    size = images.shape[-1]
    change = v2.Compose(
        [
            # The edges are repeated first, so that no empty corner comes into the picture.
            v2.Pad(size // 2, padding_mode="edge"),
            v2.RandomAffine(
                degrees=40,
                translate=(0.1, 0.1),  # of the padded width, which is twice as large
                scale=(0.8, 1.2),
                shear=np.degrees(0.2),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.CenterCrop(size),
            v2.RandomHorizontalFlip(),
        ]
    )
    # torchvision draws from the global generator; it is set from ours and put back.
    with torch.random.fork_rng(devices=[]):
        start = int(torch.randint(2**31, (1,), generator=generator))
        torch.default_generator.manual_seed(start)
        return torch.stack([change(photo) for photo in images])


def draw_changed(pixels: np.ndarray, seed: int) -> None:
    """Four photos, each as it is and changed five times: look before you train."""
    from PIL import Image

    chosen = np.random.default_rng(seed).choice(len(pixels), 4, replace=False)
    photos = torch.from_numpy(np.array(pixels[np.sort(chosen)]))
    generator = torch.Generator().manual_seed(seed)
    columns = [photos, *(keras_style(photos, generator) for _ in range(5))]
    rows = torch.cat([torch.cat(list(column), dim=1) for column in columns], dim=2)
    file = work_folder() / "studies" / "keras_style_augmentation.png"
    with write_atomically(file) as temporary:
        Image.fromarray(rows.permute(1, 2, 0).numpy()).save(temporary)
    print(f"photos and what the recipe makes of them: {shorten(file)}")


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="efficientnet_lite0", help="any of load_backbone")
    parser.add_argument("--weights", help="file or folder with the weights of the backbone")
    parser.add_argument("--size", type=int, default=96, help="width of the photos in pixels")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="of the layers; the head's is ten times it")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from --seed on")
    run(main, parser)
