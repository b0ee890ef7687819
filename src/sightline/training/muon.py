"""The optimizer Muon for the kernels of dense layers and convolutions. Runs in the Keras process.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), with the scale of
the update of Liu et al., "Muon is scalable for LLM training" (2025).
"""

from typing import Any

import keras
from keras import ops

_CONVOLUTION = 4  # Dimensions of its kernel: height, width, input channels, filters


class Muon(keras.optimizers.Muon):  # type: ignore[misc] # Keras is untyped
    """Keras' Muon, which leaves kernels of convolutions to Adam, for these as well.

    A kernel is one matrix, (height * width * input channels, filters).
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        if len(variable.shape) == _CONVOLUTION:
            return int(variable.shape[-1]) == 1  # depthwise: a vector for each channel
        return bool(super()._should_use_adamw(variable))

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return the nearest matrix with orthogonal rows or columns, in the shape of `x`."""
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Scale the update of one kernel so that its elements are about as large as Adam's."""
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().lr_adjust(matrix), x.shape)
