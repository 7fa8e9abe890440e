"""Supervised: the same network learns handwritten digits, one update a line.

python examples/digits.py [epochs]
"""

import sys

import numpy as np

from drl import MLP, AdamW, SoftmaxCrossEntropy
from drl.nn.schedules import Cosine
from drl.supervised import load

epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
data = load("digits")  # images (N, 8, 8, 1) in 0 … 1, labels (N,)
net = MLP(data.image_shape, outputs=10, hidden=(128,), seed=1)
loss = SoftmaxCrossEntropy(net.ops)
batch, n = 64, len(data.x_train)
optimizer = AdamW(net, Cosine(0.01, 0.0, epochs * (n // batch)), decay=0.1)
print(net.describe())

rng = np.random.default_rng(1)
for _ in range(epochs):
    for rows in rng.permutation(n)[: n // batch * batch].reshape(-1, batch):
        logits, backward = net.forward(data.x_train[rows])
        value, dlogits = loss(logits, data.y_train[rows])  # L and ∂L/∂logits
        backward(dlogits)  # ∂L/∂θ in net.grads
        optimizer.step()

accuracy = (net(data.x_test).argmax(axis=1) == data.y_test).mean()
print(f"{accuracy:.1%} of {len(data.y_test)} test images recognised")
