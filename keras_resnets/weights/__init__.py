"""Checkpoints: which there are, how they come here, and how they get into a model."""

from keras_resnets.weights.hub import (
    DownloadError as DownloadError,
    UnverifiedWarning as UnverifiedWarning,
    download as download,
)
from keras_resnets.weights.keras_file import load_keras as load_keras
from keras_resnets.weights.loading import (
    FreshHeadWarning as FreshHeadWarning,
    InitialWeights as InitialWeights,
    LicenceWarning as LicenceWarning,
    load_checkpoint as load_checkpoint,
    registered_checkpoint as registered_checkpoint,
)
from keras_resnets.weights.porting import (
    adapt_channels as adapt_channels,
    port as port,
    to_keras_layout as to_keras_layout,
)
from keras_resnets.weights.reading import (
    TensorFile as TensorFile,
    read_tensor_file as read_tensor_file,
    read_tensors as read_tensors,
)
from keras_resnets.weights.registry import (
    Checkpoint as Checkpoint,
    HubSource as HubSource,
    PublishedResult as PublishedResult,
    UrlSource as UrlSource,
    checkpoints as checkpoints,
    default_checkpoint as default_checkpoint,
    find_checkpoint as find_checkpoint,
)
from keras_resnets.weights.shared import (
    fetch_shared as fetch_shared,
    is_shared as is_shared,
)
