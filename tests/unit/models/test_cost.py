import keras
from keras import layers

from sightline.models import mirrored
from sightline.models.cost import multiplications


def test_each_weight_counts_at_each_place_of_its_output():
    images = keras.Input((8, 6, 1))
    found = layers.Conv2D(2, 3, padding="same")(images)  # 20 weights at 48 places
    found = layers.MaxPooling2D(2)(found)
    found = layers.Dense(3, activation="softmax")(layers.Flatten()(found))  # 24 * 3 + 3 weights
    network = keras.Model(images, found)
    assert multiplications(network) == 20 * 48 + 75
    assert multiplications(keras.Model(images, network(images))) == 20 * 48 + 75
    assert multiplications(mirrored.averaged(network)) == 2 * (20 * 48 + 75)
