"""The networks: one file a family, and the constructor that they share."""

from keras_resnets.models.constructor import CONSTRUCTORS
from keras_resnets.models.res2net import (
    Res2Net as Res2Net,
    Res2Net50_14w_8s as Res2Net50_14w_8s,
    Res2Net50_26w_4s as Res2Net50_26w_4s,
    Res2Net50_26w_6s as Res2Net50_26w_6s,
    Res2Net50_26w_8s as Res2Net50_26w_8s,
    Res2Net50_48w_2s as Res2Net50_48w_2s,
    Res2Net50D as Res2Net50D,
    Res2Net101_26w_4s as Res2Net101_26w_4s,
    Res2Net101D as Res2Net101D,
    Res2NeXt50 as Res2NeXt50,
)
from keras_resnets.models.resnest import (
    ResNeSt as ResNeSt,
    ResNeSt14 as ResNeSt14,
    ResNeSt26 as ResNeSt26,
    ResNeSt50 as ResNeSt50,
    ResNeSt50Fast_1s1x64d as ResNeSt50Fast_1s1x64d,
    ResNeSt50Fast_1s2x40d as ResNeSt50Fast_1s2x40d,
    ResNeSt50Fast_1s4x24d as ResNeSt50Fast_1s4x24d,
    ResNeSt50Fast_2s1x64d as ResNeSt50Fast_2s1x64d,
    ResNeSt50Fast_2s2x40d as ResNeSt50Fast_2s2x40d,
    ResNeSt50Fast_4s1x64d as ResNeSt50Fast_4s1x64d,
    ResNeSt50Fast_4s2x40d as ResNeSt50Fast_4s2x40d,
    ResNeSt101 as ResNeSt101,
    ResNeSt200 as ResNeSt200,
    ResNeSt269 as ResNeSt269,
)
from keras_resnets.models.resnext import (
    ResNet50 as ResNet50,
    ResNet50D as ResNet50D,
    ResNet101 as ResNet101,
    ResNet101D as ResNet101D,
    ResNeXt as ResNeXt,
    ResNeXt50 as ResNeXt50,
    ResNeXt50D as ResNeXt50D,
    ResNeXt101 as ResNeXt101,
    ResNeXt101_32x8d as ResNeXt101_32x8d,
    ResNeXt101_32x16d as ResNeXt101_32x16d,
    ResNeXt101_32x32d as ResNeXt101_32x32d,
    ResNeXt101_64x4d as ResNeXt101_64x4d,
)
from keras_resnets.models.rexnet import (
    ReXNet as ReXNet,
    ReXNet100 as ReXNet100,
    ReXNet130 as ReXNet130,
    ReXNet150 as ReXNet150,
    ReXNet200 as ReXNet200,
    ReXNet300 as ReXNet300,
    ReXNetLite100 as ReXNetLite100,
    ReXNetLite130 as ReXNetLite130,
    ReXNetLite150 as ReXNetLite150,
    ReXNetLite200 as ReXNetLite200,
    ReXNetR100 as ReXNetR100,
    ReXNetR130 as ReXNetR130,
    ReXNetR150 as ReXNetR150,
    ReXNetR200 as ReXNetR200,
    ReXNetR300 as ReXNetR300,
)
from keras_resnets.models.zoo import (
    create_model as create_model,
    list_models as list_models,
    model_info as model_info,
)

__all__ = ["ReXNet", "Res2Net", "ResNeSt", "ResNeXt", "create_model", "list_models", "model_info"]
__all__ += list(CONSTRUCTORS)
