"""How stored pixels become the numbers that a network sees."""

import numpy as np

SCALE = np.float32(1 / 255)
"""A uint8 pixel times this float32 lies in [0, 1].

The exported model multiplies by the same number, so that training and serving agree to the
last bit.
"""
