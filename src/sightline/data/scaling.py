"""The scale of pixels, in a module of its own so that models do not depend on preprocessing."""

import numpy as np

SCALE = np.float32(1 / 255)
"""Scales a uint8 pixel to [0, 1].

The exported model multiplies by the same float32, so that training and serving agree bit for bit.
"""
