"""The network of a preset in Keras 3 on TensorFlow: a VAE's training step, or its encoder, by Keras' own functions."""

import os

from protocol import answer, setting

given = setting()
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

tf.config.threading.set_intra_op_parallelism_threads(given["threads"])
tf.config.threading.set_inter_op_parallelism_threads(1)
keras.utils.set_random_seed(0)
if given["precision"] == "bf16":
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")


class Vae(keras.Model):
    """Encoder, two heads and decoder, float32 from the heads on; loss: summed cross-entropy plus KL, nats per image."""

    def __init__(self):
        super().__init__()
        self.trunk, edges = [], [given["shape"][:2]]
        for filters, stride in given["layers"]:
            self.trunk += [layers.Conv2D(filters, 3, stride, "same"), layers.LeakyReLU(given["slope"])]
            edges.append([-(-edge // stride) for edge in edges[-1]])
        self.trunk.append(layers.Flatten())
        self.mean = layers.Dense(given["z_dim"], dtype="float32")
        self.logvar = layers.Dense(given["z_dim"], dtype="float32")
        last = (*edges[-1], given["layers"][-1][0])
        self.back = [layers.Dense(int(np.prod(last))), layers.Reshape(last)]
        outputs = [*(filters for filters, _ in given["layers"][-2::-1]), given["shape"][2]]
        for (_, stride), filters in zip(given["layers"][::-1], outputs, strict=True):
            self.back += [layers.Conv2DTranspose(filters, 3, stride, "same"), layers.LeakyReLU(given["slope"])]
        self.back.pop()
        self.noise = keras.random.SeedGenerator(0)

    def encode(self, images):
        for layer in self.trunk:
            images = layer(images)
        return self.mean(images), self.logvar(images)

    def call(self, images):
        mean, logvar = self.encode(images)
        codes = mean + ops.exp(0.5 * logvar) * keras.random.normal(ops.shape(mean), seed=self.noise)
        for layer in self.back:
            codes = layer(codes)
        logits, images = ops.cast(codes, "float32"), ops.cast(images, "float32")
        cross = ops.sum(ops.binary_crossentropy(images, logits, from_logits=True), axis=(1, 2, 3))
        divergence = 0.5 * ops.sum(ops.square(mean) + ops.exp(logvar) - 1 - logvar, axis=1)
        return ops.mean(cross + divergence)


images = np.random.default_rng(0).random((given["batch"], *given["shape"]), dtype=np.float32)
model = Vae()
model(images[:1])
if given["work"] == "train":
    optimiser = keras.optimizers.Adam(5e-4)
    optimiser.build(model.trainable_variables)
    data = tf.constant(images)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = model(data)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimiser.apply(gradients, model.trainable_variables)
        return loss

    def work(times):
        for _ in range(times):
            float(step())

else:
    data = tf.constant(images)

    @tf.function
    def encode():
        return model.encode(data)

    def work(times):
        for _ in range(times):
            for found in encode():
                found.numpy()


answer(work)
