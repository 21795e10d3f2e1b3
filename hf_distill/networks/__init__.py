"""Networks: what distillation and evaluation train."""

from hf_distill.networks.alexnet import AlexNet
from hf_distill.networks.base import Architecture, Classifier
from hf_distill.networks.convnet import ConvNet
from hf_distill.networks.custom import CustomNetwork
from hf_distill.networks.mlp import MLP
from hf_distill.networks.resnet import ResNet18
from hf_distill.networks.transformers_adapter import TransformersClassifier
from hf_distill.networks.vgg import VGG11

ARCHITECTURES: dict[str, type[Architecture]] = {
    "ConvNet": ConvNet,
    "MLP": MLP,
    "AlexNet": AlexNet,
    "VGG11": VGG11,
    "ResNet18": ResNet18,
    "TransformersClassifier": TransformersClassifier,
    "CustomNetwork": CustomNetwork,
}
"""Every architecture by its name in a YAML file. What stands here runs through ``tests/contract``."""

__all__ = ["ARCHITECTURES", "Architecture", "Classifier", *ARCHITECTURES]
