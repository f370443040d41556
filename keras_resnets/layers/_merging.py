"""Merging groups: one grouped kernel as another with fewer, wider groups."""

import numpy as np

# Narrow groups waste SIMD lanes; wider ones, with zeros filled in, waste arithmetic. The int8 kernels of
# a phone run groups of 4 or 8 input channels merged to 16 in 0.43 and 0.67 of the time, and TensorFlow
# on a CPU those of 4 merged to 8 in 0.6, to 16 in 1.1 (docs/performance.md).
PHONE_WIDTH = 16
CPU_WIDTH = 8


def block_diagonal_mask(group_width: int, filters: int, groups: int, merged: int) -> np.ndarray:
    """Which entries of a tiled kernel belong to their own group.

    Args:
        group_width: Input channels of one group.
        filters: Output channels of all groups.
        groups: Number of groups.
        merged: How many neighbouring groups become one; divides `groups`.

    Returns:
        Ones and zeros, `(1, 1, group_width * merged, filters)`, to multiply with the kernel tiled
        `merged` times along its input axis.
    """
    row_group = np.arange(group_width * merged)[:, None] // group_width
    column_group = np.arange(filters)[None, :] // (filters // groups) % merged
    return np.asarray(row_group == column_group, "float32")[None, None]


def merge_groups(kernel: np.ndarray, groups: int, merged: int) -> np.ndarray:
    """The kernel of `groups // merged` groups that computes the same convolution, zeros filled in.

    Args:
        kernel: `(height, width, group_width, filters)`.
        groups: Number of groups.
        merged: How many neighbouring groups become one; divides `groups`. All of them make the
            kernel dense.

    Returns:
        `(height, width, group_width * merged, filters)`.
    """
    mask = block_diagonal_mask(kernel.shape[2], kernel.shape[3], groups, merged)
    return np.asarray(np.tile(kernel, (1, 1, merged, 1)) * mask, kernel.dtype)


def folded_groups(groups: int, channels: int, width: int = CPU_WIDTH) -> int:
    """How many groups are left when narrow ones are merged.

    Args:
        groups: Number of groups, before.
        channels: Input channels of all groups. One channel a group is a depthwise convolution and
            stays one.
        width: Input channels that a merged group may have at most.
    """
    if groups == channels:
        return groups
    most = max(width * groups // channels, 1)
    return groups // max(m for m in range(1, most + 1) if groups % m == 0)
