"""The layers' arithmetic once more in plain NumPy, slow and close to the papers' notation.

Images are `(batch, height, width, channels)`, kernels `(height, width, channels per group, filters)`.
"""

import numpy as np

NORM_EPSILON = 1e-5


def pad(images, edge):
    return np.pad(images, ((0, 0), (edge, edge), (edge, edge), (0, 0)))


def conv(images, kernel, *, strides=1, dilation_rate=1, groups=1, bias=0.0):
    """A convolution, zero-padded by half the kernel, position by position."""
    size = kernel.shape[0]
    reach = dilation_rate * (size - 1)
    padded = pad(images, reach // 2)
    batch, height, width, channels = images.shape
    filters = kernel.shape[-1]
    rows, columns = range(0, height, strides), range(0, width, strides)
    outputs = np.zeros((batch, len(rows), len(columns), filters))
    wide, out = channels // groups, filters // groups
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            patch = padded[:, y : y + reach + 1 : dilation_rate, x : x + reach + 1 : dilation_rate]
            for g in range(groups):
                outputs[:, i, j, g * out : (g + 1) * out] = np.einsum(
                    "bhwc,hwcf->bf",
                    patch[..., g * wide : (g + 1) * wide],
                    kernel[..., g * out : (g + 1) * out],
                )
    return outputs + bias


def norm(images, gamma, beta, mean, variance):
    return gamma * (images - mean) / np.sqrt(variance + NORM_EPSILON) + beta


def relu(x):
    return np.maximum(x, 0)


def relu6(x):
    return np.clip(x, 0, 6)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def softmax(x, axis):
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def average_pool(images, *, size=3, strides=1):
    """The mean over a window with its border of zeros, the zeros counted."""
    padded = pad(images, size // 2)
    rows, columns = range(0, images.shape[1], strides), range(0, images.shape[2], strides)
    return np.stack(
        [
            np.stack([padded[:, y : y + size, x : x + size].mean((1, 2)) for x in columns], axis=1)
            for y in rows
        ],
        axis=1,
    )


def conv_norm(layer, images, activation=lambda x: x):
    """What a `ConvNorm` computes, from its weights and geometry."""
    kernel, *bias = layer.conv.get_weights()
    outputs = conv(
        images,
        kernel,
        strides=layer.strides,
        dilation_rate=layer.dilation_rate,
        groups=layer.groups,
        bias=bias[0] if bias else 0.0,
    )
    return activation(norm(outputs, *layer.norm.get_weights()))
