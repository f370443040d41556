"""The networks: one file a family, and the constructor that they share."""

from keras_resnets.models.constructor import CONSTRUCTORS
from keras_resnets.models.res2net import (
    Res2Net as Res2Net,
)
from keras_resnets.models.res2net import (
    Res2Net50_14w_8s as Res2Net50_14w_8s,
)
from keras_resnets.models.res2net import (
    Res2Net50_26w_4s as Res2Net50_26w_4s,
)
from keras_resnets.models.res2net import (
    Res2Net50_26w_6s as Res2Net50_26w_6s,
)
from keras_resnets.models.res2net import (
    Res2Net50_26w_8s as Res2Net50_26w_8s,
)
from keras_resnets.models.res2net import (
    Res2Net50_48w_2s as Res2Net50_48w_2s,
)
from keras_resnets.models.res2net import (
    Res2Net50D as Res2Net50D,
)
from keras_resnets.models.res2net import (
    Res2Net101_26w_4s as Res2Net101_26w_4s,
)
from keras_resnets.models.res2net import (
    Res2Net101D as Res2Net101D,
)
from keras_resnets.models.res2net import (
    Res2NeXt50 as Res2NeXt50,
)
from keras_resnets.models.resnest import (
    ResNeSt as ResNeSt,
)
from keras_resnets.models.resnest import (
    ResNeSt14 as ResNeSt14,
)
from keras_resnets.models.resnest import (
    ResNeSt26 as ResNeSt26,
)
from keras_resnets.models.resnest import (
    ResNeSt50 as ResNeSt50,
)
from keras_resnets.models.resnest import (
    ResNeSt50Fast_1s1x64d as ResNeSt50Fast_1s1x64d,
)
from keras_resnets.models.resnest import (
    ResNeSt50Fast_1s2x40d as ResNeSt50Fast_1s2x40d,
)
from keras_resnets.models.resnest import (
    ResNeSt50Fast_1s4x24d as ResNeSt50Fast_1s4x24d,
)
from keras_resnets.models.resnest import (
    ResNeSt50Fast_2s1x64d as ResNeSt50Fast_2s1x64d,
)
from keras_resnets.models.resnest import (
    ResNeSt50Fast_2s2x40d as ResNeSt50Fast_2s2x40d,
)
from keras_resnets.models.resnest import (
    ResNeSt50Fast_4s1x64d as ResNeSt50Fast_4s1x64d,
)
from keras_resnets.models.resnest import (
    ResNeSt50Fast_4s2x40d as ResNeSt50Fast_4s2x40d,
)
from keras_resnets.models.resnest import (
    ResNeSt101 as ResNeSt101,
)
from keras_resnets.models.resnest import (
    ResNeSt200 as ResNeSt200,
)
from keras_resnets.models.resnest import (
    ResNeSt269 as ResNeSt269,
)
from keras_resnets.models.resnext import (
    ResNet50 as ResNet50,
)
from keras_resnets.models.resnext import (
    ResNet50D as ResNet50D,
)
from keras_resnets.models.resnext import (
    ResNet101 as ResNet101,
)
from keras_resnets.models.resnext import (
    ResNet101D as ResNet101D,
)
from keras_resnets.models.resnext import (
    ResNeXt as ResNeXt,
)
from keras_resnets.models.resnext import (
    ResNeXt50 as ResNeXt50,
)
from keras_resnets.models.resnext import (
    ResNeXt50D as ResNeXt50D,
)
from keras_resnets.models.resnext import (
    ResNeXt101 as ResNeXt101,
)
from keras_resnets.models.resnext import (
    ResNeXt101_32x8d as ResNeXt101_32x8d,
)
from keras_resnets.models.resnext import (
    ResNeXt101_32x16d as ResNeXt101_32x16d,
)
from keras_resnets.models.resnext import (
    ResNeXt101_32x32d as ResNeXt101_32x32d,
)
from keras_resnets.models.resnext import (
    ResNeXt101_64x4d as ResNeXt101_64x4d,
)
from keras_resnets.models.rexnet import (
    ReXNet as ReXNet,
)
from keras_resnets.models.rexnet import (
    ReXNet100 as ReXNet100,
)
from keras_resnets.models.rexnet import (
    ReXNet130 as ReXNet130,
)
from keras_resnets.models.rexnet import (
    ReXNet150 as ReXNet150,
)
from keras_resnets.models.rexnet import (
    ReXNet200 as ReXNet200,
)
from keras_resnets.models.rexnet import (
    ReXNet300 as ReXNet300,
)
from keras_resnets.models.rexnet import (
    ReXNetLite100 as ReXNetLite100,
)
from keras_resnets.models.rexnet import (
    ReXNetLite130 as ReXNetLite130,
)
from keras_resnets.models.rexnet import (
    ReXNetLite150 as ReXNetLite150,
)
from keras_resnets.models.rexnet import (
    ReXNetLite200 as ReXNetLite200,
)
from keras_resnets.models.rexnet import (
    ReXNetR100 as ReXNetR100,
)
from keras_resnets.models.rexnet import (
    ReXNetR130 as ReXNetR130,
)
from keras_resnets.models.rexnet import (
    ReXNetR150 as ReXNetR150,
)
from keras_resnets.models.rexnet import (
    ReXNetR200 as ReXNetR200,
)
from keras_resnets.models.rexnet import (
    ReXNetR300 as ReXNetR300,
)
from keras_resnets.models.zoo import create_model as create_model
from keras_resnets.models.zoo import list_models as list_models
from keras_resnets.models.zoo import model_info as model_info

__all__ = ["ResNeXt", "ResNeSt", "Res2Net", "ReXNet", "create_model", "list_models", "model_info"]
__all__ += list(CONSTRUCTORS)
