"""Why a model said what it said: heat maps over the image, and which of a block's paths answered."""

from keras_resnets.explain.activation_maps import (
    class_activation_map as class_activation_map,
    grad_cam as grad_cam,
)
from keras_resnets.explain.paths import (
    path_contributions as path_contributions,
    split_attention_weights as split_attention_weights,
)
from keras_resnets.explain.photo import (
    Explanation as Explanation,
    explain_photo as explain_photo,
)
from keras_resnets.explain.pictures import overlay as overlay
from keras_resnets.explain.tracing import Tracer as Tracer
