"""Makes the stored references with timm: the logits that our models must reproduce.

It runs in an environment of its own, because the library and its tests never import torch:

    python3 -m venv .venvs/references
    .venvs/references/bin/pip install -r tests/references/requirements.txt
    .venvs/references/bin/python tests/references/make_references.py [ARCHITECTURE ...]

Without arguments every architecture is made (two minutes on two cores, 3 GB of memory for
resnext101_32x32d). Each becomes `tests/references/data/ARCHITECTURE.npz`, holding

- `keys`: a JSON object, state-dict key → shape, in the order of the PyTorch model;
- `parameters`: how many trainable parameters it has;
- `fingerprint`: `draw.fingerprint` of its tensors;
- `logits_224` and `logits_129`: float32, a row for each of `draw.IMAGE_SEEDS`, every tenth class.

Nothing is downloaded: all weights come from `draw.py`. What timm lacks is described here: five of
ResNeSt's "fast" models from timm's own blocks, ReXNet-lite from the paper and the official keys.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import timm
import torch
from draw import CLASSES, IMAGE_SEEDS, IMAGE_SIZES, draw_image, draw_tensors, fingerprint
from timm.models.resnest import ResNestBottleneck
from timm.models.resnet import ResNet
from torch import nn

DATA = Path(__file__).parent / "data"

# What timm has: the catalogue alone is read, for the library needs Keras.
CATALOGUE = Path(__file__).parents[2] / "keras_resnets" / "catalogue.json"
NETWORKS = json.loads(CATALOGUE.read_text("utf-8"))["networks"].values()
TIMM = [entry["timm"] for entry in NETWORKS if "timm" in entry]

# name: (radix, cardinality, width)
RESNEST_FAST = {
    "resnest50_fast_1s1x64d": (1, 1, 64),
    "resnest50_fast_2s1x64d": (2, 1, 64),
    "resnest50_fast_4s1x64d": (4, 1, 64),
    "resnest50_fast_1s2x40d": (1, 2, 40),
    "resnest50_fast_2s2x40d": (2, 2, 40),
}
REXNET_LITE = {
    "rexnet_lite_100": 1.0,
    "rexnet_lite_130": 1.3,
    "rexnet_lite_150": 1.5,
    "rexnet_lite_200": 2.0,
}


class LiteBottleneck(nn.Module):
    """ReXNet-lite's block: expand, depthwise (both ReLU6), project; the input joins the front."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        expand = conv_norm(inputs, wide) if expansion > 1 else []
        depthwise = conv_norm(wide, wide, kernel=3, stride=stride, groups=wide)
        self.out = nn.Sequential(*expand, *depthwise, *conv_norm(wide, outputs, relu=False))
        self.joined = inputs if stride == 1 and inputs <= outputs else 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.out(x)
        if not self.joined:
            return y
        return torch.cat([y[:, : self.joined] + x, y[:, self.joined :]], dim=1)


class ReXNetLite(nn.Module):
    """Han et al. (2021), the variant without squeeze-excitation, for multipliers of at least 1."""

    def __init__(self, multiplier: float) -> None:
        super().__init__()
        blocks = 16
        channels = [
            divisible(round((16 + 164 / (blocks - 1) * i) * multiplier)) for i in range(blocks)
        ]
        stem, head = divisible(round(32 * multiplier)), int(1280 * multiplier)
        strides = {1: 2, 3: 2, 5: 2, 11: 2}
        body = [
            LiteBottleneck(inputs, outputs, expansion=6 if i else 1, stride=strides.get(i, 1))
            for i, (inputs, outputs) in enumerate(
                zip([stem, *channels[:-1]], channels, strict=True)
            )
        ]
        self.features = nn.Sequential(
            *conv_norm(3, stem, kernel=3, stride=2), *body, *conv_norm(channels[-1], head)
        )
        self.output = nn.Sequential(
            nn.Conv2d(head, 1024, 1),
            nn.BatchNorm2d(1024),
            nn.ReLU6(),
            nn.Dropout(0.2),
            nn.Conv2d(1024, 1000, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.features(x).mean((2, 3), keepdim=True)).flatten(1)


def conv_norm(
    inputs: int,
    outputs: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    relu: bool = True,
) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs), *([nn.ReLU6()] if relu else [])]


def divisible(channels: int, by: int = 8) -> int:
    rounded = max(by, (channels + by // 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded


def build(architecture: str) -> nn.Module:
    if architecture in REXNET_LITE:
        return ReXNetLite(REXNET_LITE[architecture])
    if architecture in RESNEST_FAST:
        radix, cardinality, width = RESNEST_FAST[architecture]
        return ResNet(
            block=ResNestBottleneck,
            layers=[3, 4, 6, 3],
            stem_type="deep",
            stem_width=32,
            avg_down=True,
            base_width=width,
            cardinality=cardinality,
            block_args={"radix": radix, "avd": True, "avd_first": True},
        )
    return timm.create_model(architecture, pretrained=False)


def make(architecture: str) -> dict[str, np.ndarray]:
    with torch.device("meta"):
        model = build(architecture)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    tensors = draw_tensors(architecture, shapes)
    state = {key: torch.from_numpy(value) for key, value in tensors.items()}
    counters = {key: torch.tensor(0) for key in shapes.keys() - tensors.keys()}
    model.load_state_dict(state | counters, strict=True, assign=True)
    model.eval()
    reference = {
        "keys": np.array(json.dumps(shapes)),
        "parameters": np.array(sum(p.numel() for p in model.parameters())),
        "fingerprint": np.array(fingerprint(tensors)),
    }
    for size in IMAGE_SIZES:
        rows = []
        for seed in IMAGE_SEEDS:
            image = torch.from_numpy(draw_image(seed, size).transpose(2, 0, 1).copy())
            with torch.inference_mode():
                rows.append(model(image[None])[0, CLASSES].numpy())
        reference[f"logits_{size}"] = np.stack(rows)
    return reference


def main() -> None:
    known = [*TIMM, *RESNEST_FAST, *REXNET_LITE]
    parser = argparse.ArgumentParser(description="Makes the stored references with timm.")
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE", help="default: all")
    wanted = parser.parse_args().architectures or known
    if unknown := [name for name in wanted if name not in known]:
        sys.exit(f"Unknown architectures: {unknown}. Known: {known}")
    DATA.mkdir(exist_ok=True)
    for name in wanted:
        start = time.monotonic()
        reference = make(name)
        np.savez_compressed(DATA / f"{name}.npz", allow_pickle=False, **reference)
        spread = {size: f"{reference[f'logits_{size}'].std():.3g}" for size in IMAGE_SIZES}
        print(
            f"{name}: {int(reference['parameters']):,} parameters, "
            f"logit spread {spread}, {time.monotonic() - start:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
