"""The networks: one file a family, and the constructor that they share."""

from keras_resnets.models.resnest import ResNeSt as ResNeSt
from keras_resnets.models.resnest import ResNeSt14 as ResNeSt14
from keras_resnets.models.resnest import ResNeSt50 as ResNeSt50
from keras_resnets.models.resnext import ResNeXt as ResNeXt
from keras_resnets.models.resnext import ResNeXt50 as ResNeXt50
from keras_resnets.models.zoo import create_model as create_model
from keras_resnets.models.zoo import list_models as list_models
from keras_resnets.models.zoo import model_info as model_info
