"""Logistic regression by gradient ascent on the log-likelihood, as in a first course.

python examples/logistic_regression.py [steps]

p(y = 1 | x) = σ(θᵀx),   LL(θ) = Σ_i y_i log p_i + (1 − y_i) log(1 − p_i),   θ ← θ + α ∂LL/∂θ
"""

import sys

import numpy as np

from drl import MLP, SGD, Bernoulli

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
rng = np.random.default_rng(0)
true = np.array([1.0, -2.0, 0.5])  # the last is the intercept's
x = np.hstack([rng.normal(size=(2_000, 2)), np.ones((2_000, 1))])  # the intercept is a feature
y = rng.random(2_000) < 1 / (1 + np.exp(-x @ true))

net = MLP(3, outputs=1, hidden=(), bias=False, dtype="float64")  # one neuron: θᵀx
ascent = SGD(net, lr=0.5, ascent=True)
loss = Bernoulli(net.ops)  # −LL/B
for step in range(steps + 1):
    z, backward = net.forward(x)
    value, dz = loss(z, y[:, None])
    backward(-dz)  # ∂(LL/B)/∂z = (y − p)/B: up the likelihood, not down the loss
    if step % max(1, steps // 5) == 0:
        print(f"step {step:5d}   LL/B {-value:.4f}   θ {np.round(net.params, 2)}")
    ascent.step()

print(f"gradient {np.abs(net.grads).max():.1e}; the data were drawn with θ {true}")
