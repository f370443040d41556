"""Checkpoints: which there are, how they come here, and how they get into a model."""

from keras_resnets.weights.hub import (
    DownloadError as DownloadError,
    UnverifiedWarning as UnverifiedWarning,
    download as download,
)
from keras_resnets.weights.loading import (
    FreshHeadWarning as FreshHeadWarning,
    LicenceWarning as LicenceWarning,
    load_checkpoint as load_checkpoint,
    registered_checkpoint as registered_checkpoint,
)
from keras_resnets.weights.porting import (
    adapt_channels as adapt_channels,
    port as port,
    to_keras_layout as to_keras_layout,
)
from keras_resnets.weights.reading import read_tensors as read_tensors
from keras_resnets.weights.registry import (
    Checkpoint as Checkpoint,
    HubSource as HubSource,
    PublishedResult as PublishedResult,
    UrlSource as UrlSource,
    checkpoints as checkpoints,
    default_checkpoint as default_checkpoint,
    find_checkpoint as find_checkpoint,
)
