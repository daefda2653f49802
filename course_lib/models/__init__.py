"""The network from scratch, backbones with their preprocessing, freezing, weights (lessons 6 and 9)."""

from course_lib.models.backbones import (
    Backbone,
    imagenet_classes,
    load_backbone,
    untrained_backbone,
)
from course_lib.models.classifier import (
    AfterStage,
    Classifier,
    ScratchCNN,
    freeze,
    head_from_probe,
    trainable_parameters,
    unfreeze,
)
from course_lib.models.sources import source_of, torch_cache, weight_file
from course_lib.models.weights import file_hash, load_weights, read_weights, weights_hash

__all__ = [
    "AfterStage",
    "Backbone",
    "Classifier",
    "ScratchCNN",
    "file_hash",
    "freeze",
    "head_from_probe",
    "imagenet_classes",
    "load_backbone",
    "load_weights",
    "read_weights",
    "source_of",
    "torch_cache",
    "trainable_parameters",
    "unfreeze",
    "untrained_backbone",
    "weight_file",
    "weights_hash",
]
