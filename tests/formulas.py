"""The layers' arithmetic once more in plain NumPy, slow and close to the papers' notation.

Images are `(batch, height, width, channels)`, kernels `(height, width, channels per group, filters)`.
What bears a layer's name takes that layer for its weights and geometry, and computes what it should.
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


def batch_norm(layer, images):
    return norm(images, *layer.get_weights())


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


def average_pool(images, *, size=3, strides=1, dilation_rate=1):
    """The mean over a window with its border of zeros, the zeros counted."""
    reach = dilation_rate * (size - 1)
    padded = pad(images, reach // 2)
    rows, columns = range(0, images.shape[1], strides), range(0, images.shape[2], strides)
    return np.stack(
        [
            np.stack(
                [
                    padded[
                        :, y : y + reach + 1 : dilation_rate, x : x + reach + 1 : dilation_rate
                    ].mean((1, 2))
                    for x in columns
                ],
                axis=1,
            )
            for y in rows
        ],
        axis=1,
    )


def pair_means(images, *, strides=2, dilation_rate=1):
    """ResNet-D's pool: the mean over 2x2 positions, of those alone that lie in the image."""
    _, height, width, _ = images.shape
    window = slice(None, dilation_rate + 1, dilation_rate)
    return np.stack(
        [
            np.stack(
                [
                    images[:, y:, x:][:, window, window].mean((1, 2))
                    for x in range(0, width, strides)
                ],
                axis=1,
            )
            for y in range(0, height, strides)
        ],
        axis=1,
    )


def max_pool(images, *, size=3, strides=2):
    """The maximum over a window that may reach beyond the image."""
    edge = size // 2
    rows, columns = range(0, images.shape[1], strides), range(0, images.shape[2], strides)
    return np.stack(
        [
            np.stack(
                [
                    images[:, max(0, y - edge) : y + edge + 1, max(0, x - edge) : x + edge + 1].max(
                        (1, 2)
                    )
                    for x in columns
                ],
                axis=1,
            )
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


def relu_conv_norm(layer, images):
    return conv_norm(layer, images, relu)


def stem(layer, images):
    for convolution in layer.convs:
        images = relu_conv_norm(convolution, images)
    if layer.kind == "small":
        return images
    if layer.pool == "average":
        _, height, width, _ = images.shape
        return pair_means(images[:, : height // 2 * 2, : width // 2 * 2])
    return max_pool(images)


def squeeze_excite(layer, images):
    pooled = images.mean((1, 2), keepdims=True)
    if layer.use_norm:
        hidden = conv_norm(layer.fc1, pooled, relu)
    else:
        kernel, bias = layer.fc1.get_weights()
        hidden = relu(conv(pooled, kernel, bias=bias))
    kernel, bias = layer.fc2.get_weights()
    return images * sigmoid(conv(hidden, kernel, bias=bias))


def linear_bottleneck(layer, images):
    outputs = images
    if layer.expand:
        activation = {"silu": silu, "relu6": relu6}[layer.activation]
        outputs = conv_norm(layer.expansion, outputs, activation)
    outputs = conv_norm(layer.depthwise, outputs)
    if layer.squeezed:
        outputs = squeeze_excite(layer.squeeze_excite, outputs)
    outputs = conv_norm(layer.projection, relu6(outputs))
    if layer.shortcut:
        outputs[..., : images.shape[-1]] += images
    return outputs


def res2net_scale(layer, images):
    """Equation 1 of the paper; without connections the last part is pooled."""
    *parts, last = np.split(images, layer.scale, axis=-1)
    outputs: list[np.ndarray] = []
    for convolution, part in zip(layer.convs, parts, strict=True):
        joined = part + outputs[-1] if layer.connected and outputs else part
        outputs.append(conv_norm(convolution, joined, relu))
    if not layer.connected:
        last = average_pool(last, strides=layer.strides, dilation_rate=layer.dilation_rate)
    return np.concatenate([*outputs, last], axis=-1)


def split_attention(layer, images):
    """The released implementation: the convolution's channels are `(radix, cardinality, rest)`."""
    maps, weights = splits(layer, images)
    outputs = (weights * maps).sum(3)
    return _split_attention_pool(layer, outputs) if layer.pool == "after" else outputs


def splits(layer, images):
    """The maps of a split attention, `(batch, height, width, radix, filters)`, and their weights."""
    radix, cardinality, filters = layer.radix, layer.cardinality, layer.filters
    if layer.pool == "before":
        images = _split_attention_pool(layer, images)
    maps = conv_norm(layer.conv, images, relu)
    maps = maps.reshape(*maps.shape[:3], radix, filters)
    hidden = conv_norm(layer.fc1, maps.sum(3).mean((1, 2), keepdims=True), relu)
    kernel, bias = layer.fc2.get_weights()
    # The second layer's output is cardinality-major.
    logits = conv(hidden, kernel, groups=cardinality, bias=bias)
    logits = logits.reshape(-1, cardinality, radix, filters // cardinality)
    weights = sigmoid(logits) if radix == 1 else softmax(logits, axis=2)
    return maps, weights.transpose(0, 2, 1, 3).reshape(-1, 1, 1, radix, filters)


def _split_attention_pool(layer, images):
    return average_pool(images, strides=layer.strides, dilation_rate=layer.dilation_rate)


def bottleneck(layer, images, spatial):
    """The block of figure 5 of the ResNet paper around a formula of its spatial layer."""
    branch = conv_norm(layer.conv1, images, relu)
    branch = conv_norm(layer.conv3, spatial(layer.spatial, branch))
    if layer.attention is not None:
        branch = squeeze_excite(layer.attention, branch)
    if layer.pool is not None:
        images = pair_means(images, strides=layer.strides, dilation_rate=layer.dilation_rate)
    if layer.shortcut is not None:
        images = conv_norm(layer.shortcut, images)
    return relu(images + branch)
