"""The inspector: one file that holds all that is needed to inspect new photos.

Introduced in lessons 8 and 10. A model alone is not enough to inspect a photo: its size, its
preprocessing, the class names and the threshold belong to it. The inspector keeps them together.
"""

import glob
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_lib import device as devices
from course_lib.checks import LARGEST_FILE, RAW_ENDINGS, fault_in, sniff
from course_lib.data import IMAGE_ENDINGS, is_hidden, read_pixels
from course_lib.errors import CourseError
from course_lib.evaluation import decide, grad_cam
from course_lib.models import Classifier, ScratchCNN, load_weights, untrained_backbone, weights_hash
from course_lib.paths import make_folder, shorten, write_atomically
from course_lib.transforms import VIEWS, to_float

FORMAT = "visual-inspection-course inspector 1"
# Searched for in folders. Those that Pillow cannot read are reported: passed over they would look
# inspected.
LISTED = RAW_ENDINGS.union(IMAGE_ENDINGS, (
    ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".jfif", ".jpe", ".pgm", ".ppm", ".pnm", ".psd",
    ".dcm", ".svg",
))  # fmt: skip


@dataclass(frozen=True)
class InspectorSettings:
    """All of an inspector that is not a weight (lesson 10).

    Attributes:
        classes: class names in the order of the logits; the last is the positive one.
        size: width and height of the photos in pixels.
        channels: 1 for grey, 3 for colour.
        mean, std: the preprocessing, one number for each channel, on 0…1.
        threshold: from this probability on, a part is rejected.
        temperature: divides the logits, see `course_lib.evaluation.fit_temperature`.
        views: 1; 4 to average over the mirrored photo too, 8 over all flips and quarter turns.
        notes: plain facts worth keeping: training, validation result, licence of the photos.
    """

    classes: Sequence[str]
    size: int
    channels: int
    mean: Sequence[float]
    std: Sequence[float]
    threshold: float = 0.5
    temperature: float = 1.0
    views: int = 1
    notes: dict = field(default_factory=dict)


class Inspector:
    """A trained model with its preprocessing, classes and threshold (lesson 10).

    Args:
        model: a `ScratchCNN` or a `Classifier`.
        settings: what belongs to it.

    Raises:
        CourseError: another kind of model, or settings that do not fit it.
    """

    def __init__(self, model: nn.Module, settings: InspectorSettings):
        _check_settings(settings, _network_description(model)["classes"])
        self.model, self.settings = model.eval(), settings

    @torch.no_grad()
    def logits(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """Logits of each class, for photos in memory as they lie (lesson 10).

        Args:
            images: uint8, (N, channels, size, size).
            batch_size: photos computed at a time; a small batch stays in the processor's cache.

        Returns:
            float32, (N, classes).
        """
        found = [np.zeros((0, len(self.settings.classes)), np.float32)]
        for batch in self._batches(images, batch_size):
            found.append(self.model(batch).float().cpu().numpy())
        return np.concatenate(found)

    @torch.no_grad()
    def probabilities(
        self,
        images: np.ndarray,
        batch_size: int = 32,
        device: torch.device | str | None = None,
    ) -> np.ndarray:
        """Probability of each class, for photos in memory (lesson 10).

        Args:
            images, batch_size: as for `logits`.
            device: where to compute, by default `course_lib.device.choose`.

        Returns:
            float32, (N, classes); each row sums to 1.
        """
        found = [np.zeros((0, len(self.settings.classes)), np.float32)]
        for batch in self._batches(images, batch_size, device):
            views = VIEWS[self.settings.views](batch)
            logits = torch.stack([self.model(view) for view in views]).float()
            probabilities = (logits / self.settings.temperature).softmax(dim=2).mean(dim=0)
            found.append(probabilities.cpu().numpy())
        return np.concatenate(found)

    def _batches(
        self, images: np.ndarray, batch_size: int, device: torch.device | str | None = None
    ) -> Iterator[Tensor]:
        """Preprocessed photos, where the model computes."""
        settings, device = self.settings, devices.choose(device)
        # Channels side by side in memory: the same result up to rounding, mostly faster.
        self.model.to(device, memory_format=devices.layout(device)).eval()
        for start in range(0, len(images), batch_size):
            pixels = torch.from_numpy(np.array(images[start : start + batch_size])).to(device)
            yield to_float(pixels, settings.mean, settings.std)

    def heat_maps(self, images: np.ndarray, targets: Sequence[int]) -> np.ndarray:
        """Where each photo speaks for one class (lesson 8), see `course_lib.evaluation.grad_cam`.

        Args:
            images: uint8, (N, channels, size, size).
            targets: the class number that is asked about, (N,).

        Returns:
            float32, (N, h, w), 0…1.
        """
        scratch = isinstance(self.model, ScratchCNN)
        # The last maps of the scratch network are too coarse: 2 x 2 for a photo of 64 pixels.
        layer = self.model.blocks[-2] if scratch else self.model.backbone.stages[-1]
        found = []
        for batch, target in zip(self._batches(images, 1), targets, strict=True):
            found.append(grad_cam(self.model, layer, batch, int(target))[0])
        return np.stack(found)

    def inspect(
        self,
        photos: str | os.PathLike | Iterable,
        *,
        batch_size: int = 32,
        progress: bool = True,
        heat_maps: str | os.PathLike | None = None,
        keep: str | os.PathLike | None = None,
    ) -> pd.DataFrame:
        """Inspect photos and decide; one that cannot be read is reported, the rest goes on (lesson 8).

        Args:
            photos: one photo, a folder (searched with its sub-folders), or several of them; see
                `list_photos`.
            batch_size: photos computed at a time.
            progress: show a progress bar.
            heat_maps: a folder for one picture of each photo that shows where it speaks for the
                positive class (with more than two classes: for the class decided on). What lies
                in it is not inspected.
            keep: a file of this inspector's rows; a photo that stands there unchanged is not
                computed again, so that an interrupted inspection goes on.

        Returns:
            One row for each photo, and for each folder without one: ``path``, ``probability`` of
            the positive class (with more than two classes: of the class decided on), ``decision``
            (a class name, or "not inspected"), ``problem`` (why not, or empty), and ``heat_map``
            (its file) if asked for.

        Raises:
            CourseError: there is nothing to inspect, or a folder cannot be written to.
        """
        paths = list_photos(photos, heat_maps)
        maps = None if heat_maps is None else make_folder(heat_maps)
        code = "" if maps is None else self.code()
        kept = _read_kept(keep)
        rows: list[dict] = []
        bar = tqdm(total=len(paths), desc="inspecting", unit="photo", disable=not progress)
        for start in range(0, len(paths), batch_size):
            batch = paths[start : start + batch_size]
            states = {path: _photo_state(path) for path in batch}
            drawings = {}
            if maps is not None:
                drawings = {path: _map_file(maps, path, code + states[path]) for path in batch}
            # A heat map that is asked for now may not have been drawn the last time.
            known = {
                path: kept[states[path]]
                for path in batch
                if states[path] in kept and (maps is None or drawings[path].exists())
            }
            new = self._inspect_batch([path for path in batch if path not in known], drawings)
            _write_kept(keep, {states[path]: row for path, row in new.items()})
            for path in batch:
                row = {"path": shorten(path), **(known | new)[path]}
                drawn = maps is not None and not row["problem"]
                rows.append(row | {"heat_map": shorten(drawings[path]) if drawn else ""})
            bar.update(len(batch))
        bar.close()
        columns = ["path", "probability", "decision", "problem"]
        return pd.DataFrame(rows, columns=columns + ["heat_map"] * (maps is not None))

    def _inspect_batch(self, paths: list[Path], drawings: dict[Path, Path]) -> dict[Path, dict]:
        """The row of each photo, but for its path; heat maps, if any, are drawn on the way."""
        settings, images, rows = self.settings, {}, {}
        for path in paths:
            try:
                _refuse_unusable(path)
                images[path] = read_pixels(path, settings.size, settings.channels)
            except CourseError as error:
                rows[path] = {
                    "probability": float("nan"), "decision": "not inspected", "problem": str(error)
                }  # fmt: skip
        if not images:
            return rows
        pixels = np.stack(list(images.values()))
        probabilities = self.probabilities(pixels)
        decisions = decide(probabilities, settings.threshold)
        targets = np.full(len(decisions), 1) if len(settings.classes) == 2 else decisions
        for number, path in enumerate(images):
            rows[path] = {
                "probability": float(probabilities[number, targets[number]]),
                "decision": settings.classes[decisions[number]],
                "problem": "",
            }
        if drawings:
            for path, image, heat in zip(images, pixels, self.heat_maps(pixels, targets), strict=True):
                with write_atomically(drawings[path]) as temporary:
                    _heat_picture(image, heat).save(temporary)
        return rows

    def code(self) -> str:
        """A short code of weights and settings: another code may give other decisions (lesson 10)."""
        facts = weights_hash(self.model) + repr(replace(self.settings, notes={}))
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def save(self, path: str | os.PathLike) -> Path:
        """Save everything in one file, which holds tensors and text, no code (lesson 10).

        Returns:
            The file, with the ending ``.safetensors``.

        Raises:
            CourseError: the folder cannot be written to, or the disk is full.
        """
        from safetensors.torch import save

        path = inspector_file(path)
        header = {
            "format": FORMAT,
            "network": json.dumps(_network_description(self.model)),
            "settings": json.dumps(asdict(self.settings), ensure_ascii=False, default=_plain),
        }
        tensors = {name: tensor.cpu().contiguous() for name, tensor in self.model.state_dict().items()}
        with write_atomically(path) as temporary:
            # Not save_file: where the disk is full, it raises anything but an OSError.
            temporary.write_bytes(save(tensors, header))
        return path

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Inspector":
        """Load a saved inspector; nothing in the file is executed (lesson 10).

        Raises:
            CourseError: no such file, damaged, or not an inspector of this course.
        """
        path = path if Path(path).is_file() else inspector_file(path)
        header, tensors = _read_inspector(Path(path))
        try:
            model = _build_network(json.loads(header["network"]))
            settings = InspectorSettings(**json.loads(header["settings"]))
            _check_settings(settings, _network_description(model)["classes"])
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CourseError(
                f"The inspector {shorten(path)} describes itself wrongly ({error}); save it again."
            ) from error
        load_weights(model, tensors, path)
        if not all(torch.isfinite(tensor).all() for tensor in model.state_dict().values()):
            raise CourseError(f"The inspector {shorten(path)} holds weights that are no numbers; train it again.")
        return cls(model, settings)


def inspector_file(path: str | os.PathLike) -> Path:
    """The file of an inspector: ``inspector`` means ``inspector.safetensors`` (lesson 10).

    The ending is added, not exchanged: "cells-0.5" and "cells-0.6" shall stay two files.

    Example:
        >>> inspector_file("cells-0.5").name
        'cells-0.5.safetensors'
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        return path
    return path.with_name(path.name + ".safetensors")


def list_photos(photos: str | os.PathLike | Iterable, heat_maps: str | os.PathLike | None = None) -> list[Path]:
    """The photos that paths, patterns and folders stand for, each once (lesson 8).

    Args:
        photos: one or several photos, folders (searched with their sub-folders) and patterns such
            as ``photos/*.png``, which the shell of Windows leaves as they are.
        heat_maps: a folder of heat maps; what lies in it is left out.

    Returns:
        Photos, those in a format that cannot be read among them, and folders that hold none or
        cannot be searched: an inspection reports them.

    Raises:
        CourseError: there is no photo at all, or the folder of the heat maps itself is named.
    """
    if isinstance(photos, str | os.PathLike):
        photos = [photos]
    given = [match for each in photos for match in _matches(Path(each))]
    searched = [path for path in given if not _is_below(path, heat_maps)]
    if given and not searched:
        raise CourseError(
            f"The folder {shorten(heat_maps)} is to hold the heat maps, so it is not inspected; name "
            "another one for them."
        )
    paths: list[Path] = []
    for path in searched:
        paths += _photos_below(path, heat_maps) if os.path.isdir(path) else [path]
    if not paths:
        raise CourseError("There are no photos to inspect; name at least one.")
    if all(map(os.path.isdir, paths)):
        raise CourseError(_folder_fault(paths[0]))
    return list(dict.fromkeys(paths))


def _matches(path: Path) -> list[Path]:
    """The paths that a pattern stands for; any other path, and a pattern of nothing, for itself."""
    if os.path.exists(path):
        return [path]
    return [Path(match) for match in sorted(glob.glob(str(path), recursive=True))] or [path]


def _photos_below(folder: Path, heat_maps: str | os.PathLike | None) -> list[Path]:
    """The photos of a folder and the sub-folders that cannot be searched, or the folder itself."""
    found: list[Path] = []

    def report(error: OSError) -> None:
        found.append(Path(error.filename))

    for parent, folders, files in os.walk(folder, onerror=report):
        folders[:] = [
            name for name in folders if not is_hidden(f"{name}/") and not _is_below(Path(parent, name), heat_maps)
        ]
        names = (name for name in files if not is_hidden(name))
        found += [Path(parent, name) for name in names if Path(name).suffix.lower() in LISTED]
    return sorted(found) or [folder]


def _is_below(path: Path, folder: str | os.PathLike | None) -> bool:
    """Whether a path is this folder, or something in it."""
    if folder is None:
        return False
    path, folder = (Path(os.path.realpath(each)) for each in (path, folder))
    return path == folder or folder in path.parents


def _folder_fault(folder: Path) -> str:
    """Why no photo was found in a folder."""
    try:
        os.listdir(folder)
    except OSError as error:
        return f"The folder {shorten(folder)} cannot be searched ({error.strerror}); allow reading it."
    return f"The folder {shorten(folder)} holds no photo; check the path."


def _refuse_unusable(path: Path) -> None:
    """Raise for what decoders do not notice, or would not say in words that help."""
    if os.path.isdir(path):
        raise CourseError(_folder_fault(path))
    suffix = path.suffix.lower()
    foreign = suffix in RAW_ENDINGS or suffix not in Image.registered_extensions()
    if suffix in LISTED and foreign and os.path.exists(path):
        raise CourseError(
            f"The photo {shorten(path)} is in a format that cannot be read ({path.suffix}); save it as PNG or JPEG."
        )
    if glob.has_magic(str(path)) and not os.path.exists(path):
        raise CourseError(f"There is no photo {shorten(path)}; check the path.")
    # Each byte is read twice, which costs some hundredths of the decoding.
    with suppress(OSError):
        if os.path.isfile(path) and path.stat().st_size <= LARGEST_FILE:
            with open(path, "rb") as file:
                data = file.read(512)
                kind = sniff(data)
                data += b"" if kind == "TIFF" else file.read()  # of a TIFF no damage is known
            if fault := fault_in(kind, data):
                raise CourseError(
                    f"The photo {shorten(path)} is {fault[0]} ({fault[1]}); set it aside (lesson 2 shows how)."
                )


def _photo_state(path: Path) -> str:
    """What tells whether a photo is still the one that was inspected."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return f"{os.path.abspath(path)}: not there"
    return f"{os.path.abspath(path)}: {state.st_size} bytes, {state.st_mtime_ns}"


def _read_kept(file: str | os.PathLike | None) -> dict[str, dict]:
    """Rows of earlier inspections by photo state; a line that was broken off is passed over."""
    kept: dict[str, dict] = {}
    if file is None or not Path(file).exists():
        return kept
    for line in Path(file).read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            state, row = json.loads(line)
            kept[state] = {name: row[name] for name in ("probability", "decision", "problem")}
        except (ValueError, TypeError, KeyError):
            continue
    return kept


def _write_kept(file: str | os.PathLike | None, rows: dict[str, dict]) -> None:
    """Add the rows of inspected photos; one that could not be read is tried again next time."""
    lines = [json.dumps([state, row]) for state, row in rows.items() if not row["problem"]]
    if file is None or not lines:
        return
    make_folder(Path(file).parent)
    try:
        with open(file, "a", encoding="utf-8", newline="\n") as log:
            log.write("\n".join(lines) + "\n")
    except OSError as error:
        raise CourseError(
            f"The rows cannot be kept in {shorten(file)} ({error.strerror}); allow writing there, make "
            "room, or set COURSE_WORK to another folder."
        ) from error


def _map_file(folder: Path, photo: Path, facts: str) -> Path:
    """A name for the heat map; another photo or another inspector gets another."""
    code = hashlib.sha256(facts.encode(errors="surrogateescape")).hexdigest()[:12]
    return folder / f"{photo.stem}-{code}.png"


def _heat_picture(image: np.ndarray, heat: np.ndarray) -> Image.Image:
    """The photo in grey; the more a place speaks for the class, the more orange it is."""
    size = image.shape[1:]
    grey = image.astype(np.float32).mean(axis=0)[:, :, None]
    wide = Image.fromarray(heat.astype(np.float32)).resize(size[::-1], Image.Resampling.BILINEAR)
    share = 0.6 * np.asarray(wide)[:, :, None].clip(0, 1)
    mixed = grey * (1 - share) + np.array([213, 94, 0], np.float32) * share
    return Image.fromarray(mixed.round().astype(np.uint8))


def _plain(value):
    """NumPy's numbers and arrays as JSON knows them; anything else as text."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def _check_settings(settings: InspectorSettings, classes: int) -> None:
    faults = [
        (len(settings.classes) < 2, "needs at least two classes"),
        (not all(isinstance(name, str) for name in settings.classes), "needs classes with names"),
        (
            len(set(settings.classes)) < len(settings.classes),
            "needs a different name for each class",
        ),
        (len(settings.classes) != classes, f"needs {classes} class names, one for each logit"),
        (settings.channels not in (1, 3), "needs 1 or 3 channels"),
        (len(settings.mean) != settings.channels, "needs one mean for each channel"),
        (len(settings.std) != settings.channels, "needs one std for each channel"),
        (
            not all(isinstance(number, Integral) for number in (settings.size, settings.channels, settings.views)),
            "needs whole numbers as size, channels and views",
        ),
        (not 1 <= settings.size <= 4096, "needs a size of 1 to 4096 pixels"),
        (not all(map(math.isfinite, settings.mean)), "needs a finite mean"),
        (not all(0 < std < math.inf for std in settings.std), "needs a finite std above 0"),
        (not 0 < settings.temperature < math.inf, "needs a finite temperature above 0"),
        (math.isnan(settings.threshold), "needs a number as its threshold"),
        (settings.views not in VIEWS, "knows 1, 4 or 8 views"),
    ]
    for wrong, what in faults:
        if wrong:
            raise CourseError(f"The inspector {what}; check its settings ({settings}).")


def _network_description(model: nn.Module) -> dict:
    """What `_build_network` needs to build the same network again."""
    if isinstance(model, ScratchCNN):
        first = model.blocks[0][0]
        return {
            "kind": "scratch",
            "classes": model.head[-1].out_features,
            "channels": first.in_channels,
            "width": first.out_channels,
        }
    if isinstance(model, Classifier):
        return {
            "kind": "classifier",
            "backbone": model.backbone.name,
            "classes": model.head.out_features,
            "stages": model.stages,
        }
    raise CourseError(
        f"An inspector can save a ScratchCNN or a Classifier, not a {type(model).__name__}; put the "
        "network into one of them."
    )


def _build_network(description: dict) -> nn.Module:
    kind = description.pop("kind")
    if kind == "scratch":
        return ScratchCNN(**description)
    if kind != "classifier":
        raise ValueError(f"unknown network {kind}")
    try:
        backbone = untrained_backbone(description["backbone"])
    except CourseError as error:
        raise ValueError(str(error)) from error
    return Classifier(backbone, description["classes"], description["stages"])


def _read_inspector(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise CourseError(f"There is no inspector {shorten(path)}; check the path, or save one (lesson 10).")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CourseError(
            f"The file {shorten(path)} is damaged or no inspector ({error}); get it again from its source."
        ) from error
    if header.get("format") != FORMAT:
        raise CourseError(f"The file {shorten(path)} is no inspector of this course; save one with Inspector.save.")
    return header, tensors
