"""Networks: the small one from scratch, and backbones trained on a million photos (lessons 6 and 9).

A backbone turns photos into features, a head turns features into one logit for each class. `scratch` builds
the small network, `backbones` cuts a network of timm into stages, `classifier` joins backbone and head
and freezes parts of them, `weights` finds and reads files of weights.
"""

from course_lib.models.backbones import Backbone, imagenet_classes, load_backbone, untrained_backbone
from course_lib.models.classifier import AfterStage, Classifier, freeze, head_from_probe, trainable_parameters, unfreeze
from course_lib.models.scratch import ScratchCNN
from course_lib.models.weights import load_weights, read_weights, weight_file, weights_hash
