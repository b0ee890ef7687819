"""The classes that model files may contain."""

CLASSES = frozenset(
    {
        ("None", "__keras_tensor__"),
        ("keras", "DTypePolicy"),
        ("keras", "Sequential"),
        ("keras.initializers", "Constant"),
        ("keras.initializers", "GlorotUniform"),
        ("keras.initializers", "HeNormal"),
        ("keras.initializers", "HeUniform"),
        ("keras.initializers", "Ones"),
        ("keras.initializers", "VarianceScaling"),
        ("keras.initializers", "Zeros"),
        ("keras.layers", "Activation"),
        ("keras.layers", "Add"),
        ("keras.layers", "AveragePooling2D"),
        ("keras.layers", "BatchNormalization"),
        ("keras.layers", "Concatenate"),
        ("keras.layers", "Conv2D"),
        ("keras.layers", "Cropping2D"),
        ("keras.layers", "Dense"),
        ("keras.layers", "DepthwiseConv2D"),
        ("keras.layers", "Dropout"),
        ("keras.layers", "Flatten"),
        ("keras.layers", "GlobalAveragePooling2D"),
        ("keras.layers", "GlobalMaxPooling2D"),
        ("keras.layers", "InputLayer"),
        ("keras.layers", "LayerNormalization"),
        ("keras.layers", "LeakyReLU"),
        ("keras.layers", "MaxPooling2D"),
        ("keras.layers", "Multiply"),
        ("keras.layers", "Normalization"),
        ("keras.layers", "ReLU"),
        ("keras.layers", "Rescaling"),
        ("keras.layers", "Reshape"),
        ("keras.layers", "SeparableConv2D"),
        ("keras.layers", "Softmax"),
        ("keras.layers", "ZeroPadding2D"),
        ("keras.regularizers", "L2"),
        ("keras.src.applications.convnext", "LayerScale"),
        ("keras.src.models.functional", "Functional"),
        ("keras.src.ops.numpy", "Add"),
        ("keras.src.ops.numpy", "Multiply"),
    }
)
"""Module and class of everything that the architectures and `keras_files.export` use, and common
ones for models of users; a new layer needs a line here. None of them reads a file, imports a module
or runs code from its config."""
