"""What a run is, as typed and frozen values. YAML recipes are parsed into these by pydantic."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Rate = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Range = tuple[float, float]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(Section):
    """The network.

    Attributes:
        name: a name of `keras_resnets.list_models()`, or a family's for a free-form network.
        arguments: of the constructor beyond classes, weights and input shape.
        weights: where the network starts: see the constructors of `keras_resnets`.
        classes: must equal the data's, where given.
        freeze: layers that do not learn, by the start of their names, such as `stem` and `stage1`.
    """

    name: str = "ResNeSt14"
    arguments: dict[str, Any] = {}
    weights: str | None = None
    classes: Count | None = None
    freeze: tuple[str, ...] = ()


class Data(Section):
    """What to train on: see `keras_resnets.data.open_data`.

    Attributes:
        shuffle_megabytes: memory for the encoded images among which the next one is drawn.
    """

    dataset: str | None = None
    folder: str | None = None
    data_dir: str | None = None
    shuffle_megabytes: Count = 512


class Preprocessing(Section):
    """The evaluation transform: see `keras_resnets.preprocessing.Preprocessing`."""

    size: Count = 224
    crop_fraction: Annotated[float, Field(gt=0, le=1)] = 0.875
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    antialias: bool = True
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


class Crop(Section):
    """Inception's random-resized crop: an area and an aspect ratio drawn from these ranges."""

    area: Range = (0.08, 1.0)
    aspect_ratio: Range = (3 / 4, 4 / 3)


class Shift(Section):
    """A random affine map: up to so many degrees, and fractions of the side or of the scale."""

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    translation: Rate = 0.0
    zoom: Rate = 0.0


class Jitter(Section):
    """Factors of brightness, contrast and saturation, drawn from 1 - x to 1 + x."""

    brightness: Rate = 0.4
    contrast: Rate = 0.4
    saturation: Rate = 0.4


class AutoAugment(Section):
    """AutoAugment's policy for ImageNet (Cubuk et al., 2019): a pair of operations of its 25."""

    kind: Literal["autoaugment"] = "autoaugment"


class RandAugment(Section):
    """Operations drawn alike, at one magnitude (Cubuk et al., 2020).

    Attributes:
        operations: for each image.
        magnitude: from 0 to 10.
    """

    kind: Literal["randaugment"] = "randaugment"
    operations: Count = 2
    magnitude: Annotated[float, Field(ge=0, le=10)] = 9.0


class Erasing(Section):
    """A rectangle of noise (Zhong et al., 2020).

    Attributes:
        probability: of an image to lose one.
        area: its share of the image.
        aspect_ratio: its width to its height.
    """

    probability: Annotated[float, Field(ge=0, le=1)] = 0.25
    area: Range = (0.02, 1 / 3)
    aspect_ratio: Range = (0.3, 1 / 0.3)


class Augmentation(Section):
    """What is done at random to training images, in the order of the fields.

    Attributes:
        crop: a random-resized crop; `None` for the centre, as at evaluation but for rounding.
        flip: whether half of the images are mirrored.
        shift: an affine map.
        policy: AutoAugment or RandAugment.
        jitter: of the colours.
        erasing: of a rectangle.
        mixup: alpha of mixup's beta distribution (Zhang et al., 2018); 0 for none.
        cutmix: alpha of CutMix's (Yun et al., 2019); with both, each batch gets one of them.
    """

    crop: Crop | None = None
    flip: bool = False
    shift: Shift | None = None
    policy: Annotated[AutoAugment | RandAugment, Field(discriminator="kind")] | None = None
    jitter: Jitter | None = None
    erasing: Erasing | None = None
    mixup: Annotated[float, Field(ge=0)] = 0.0
    cutmix: Annotated[float, Field(ge=0)] = 0.0


class Lookahead(Section):
    """Slow weights that follow the fast ones (Zhang et al., 2019).

    Attributes:
        steps: between two moves of the slow weights.
        share: of the way that they move.
    """

    steps: Count = 5
    share: Annotated[float, Field(gt=0, le=1)] = 0.5


class Optimizer(Section):
    """How gradients become steps.

    Attributes:
        momentum: of `sgd`, with Nesterov's look ahead where `nesterov`; the first beta of the others.
        weight_decay: 0 for none.
        coupled: the decay is part of the gradient (L2, as PyTorch's SGD) and not a step of its own.
        no_decay: ends of the paths of the variables that do not decay.
        clip: largest global norm of the gradient over all replicas.
        accumulation: parts of a batch that a replica computes one after the other, to save memory.
        layer_decay: factor of the learning rate from each stage to the one before it.
        lookahead: slow weights around the rule.
    """

    name: Literal["sgd", "adam", "radam", "lamb"] = "sgd"
    learning_rate: Positive = 0.1
    momentum: Rate = 0.9
    nesterov: bool = False
    beta_2: Rate = 0.999
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    coupled: bool = False
    no_decay: tuple[str, ...] = ("bias", "gamma", "beta")
    clip: Positive | None = None
    accumulation: Count = 1
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    lookahead: Lookahead | None = None


class Schedule(Section):
    """The learning rate over the epochs, as a factor of the optimizer's.

    Attributes:
        warmup: epochs of linear growth from zero at the start, part of the run's epochs.
        milestones: epochs at which `steps` multiplies by `factor`.
        final: where `cosine` ends, and between which and 1 `cyclical` swings (Smith, 2017).
        cycle: epochs of a whole swing of `cyclical`.
        drop_block: whether DropBlock's rate grows linearly over the run.
    """

    name: Literal["constant", "steps", "cosine", "cyclical"] = "cosine"
    warmup: Annotated[float, Field(ge=0)] = 0.0
    milestones: tuple[Count, ...] = ()
    factor: Rate = 0.1
    final: Rate = 0.0
    cycle: Positive = 10.0
    drop_block: bool = False


class Averaging(Section):
    """Averages of the weights, which are evaluated and saved in place of the last ones.

    Attributes:
        ema: decay of an exponential moving average, one step at a time; `None` for none.
        swa_from: epoch from whose end on the weights are averaged alike (Izmailov et al., 2018).
    """

    ema: Rate | None = None
    swa_from: Count | None = None


class Distribution(Section):
    """Where the work is done.

    Attributes:
        strategy: `one` device; `mirrored` over those of this machine; `multiworker` over the machines
            in `TF_CONFIG`; `tpu`.
        devices: GPUs, all of them by default; on a machine without any, logical CPUs, one by default.
        sync_batch_norm: statistics over all replicas in place of each one's own.
    """

    strategy: Literal["one", "mirrored", "multiworker", "tpu"] = "mirrored"
    devices: Count | None = None
    sync_batch_norm: bool = False


class Saving(Section):
    """How often the whole state is put on the disk, from which a run continues."""

    every: Count = 1
    unit: Literal["epochs", "steps"] = "epochs"


class Config(Section):
    """A run.

    Attributes:
        name: of the recipe, if any.
        batch_size: over all replicas.
        precision: what the network computes in; its weights are float32 in any case.
        jit_compile: by XLA, on one GPU.
        deterministic: the same numbers from each run with the same seed, at some cost on GPUs.
        tensorboard: write event files too.
    """

    name: str = "custom"
    model: Model = Model()
    data: Data = Data()
    preprocessing: Preprocessing = Preprocessing()
    augmentation: Augmentation = Augmentation()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    averaging: Averaging = Averaging()
    distribution: Distribution = Distribution()
    saving: Saving = Saving()
    epochs: Count = 20
    batch_size: Count = 32
    label_smoothing: Rate = 0.0
    seed: Natural = 0
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    jit_compile: bool = False
    deterministic: bool = True
    tensorboard: bool = False
