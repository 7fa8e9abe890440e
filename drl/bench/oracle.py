"""The oracle of `drl check-gradients`: the same functions in torch, differentiated by autograd.

A second opinion, written apart from drl.nn and used by nothing that trains: no product code may
import this file.  A new layer or loss is one more line in its table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import distributions as dist
from torch.nn import functional as F

from drl.bench.policies import OfActor, OfPolicy
from drl.nn import layers as hand
from drl.nn import losses
from drl.nn.batch_renorm import BatchRenorm
from drl.nn.branches import Branches, Slice
from drl.nn.conv import Conv2d, MaxPool2d
from drl.nn.distributions import BernoulliActions, MultiCategorical
from drl.nn.dueling import Dueling
from drl.nn.embedding import QuantileEmbedding
from drl.nn.free import Free
from drl.nn.gaussian import DiagonalGaussian, TanhGaussian
from drl.nn.layer_norm import LayerNorm
from drl.nn.network import Network
from drl.nn.noisy import NoisyLinear
from drl.nn.normalise import Normalise
from drl.nn.recurrent import GRU


def _conv2d(layer: Conv2d, x: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
    kernels = W.permute(3, 2, 0, 1).contiguous()  # torch cannot differentiate a view of one filter
    y = F.conv2d(x.permute(0, 3, 1, 2), kernels, b, layer.stride, layer.padding)
    return y.permute(0, 2, 3, 1)


def _max_pool2d(layer: MaxPool2d, x: Tensor) -> Tensor:
    return F.max_pool2d(x.permute(0, 3, 1, 2), layer.size).permute(0, 2, 3, 1)


def _noisy(
    layer: NoisyLinear, x: Tensor, W: Tensor, W_sigma: Tensor,
    b: Tensor | None = None, b_sigma: Tensor | None = None,
) -> Tensor:  # fmt: skip
    eps_W, eps_b = (torch.as_tensor(noise) for noise in layer.noise)
    bias = None if b is None or b_sigma is None else b + b_sigma * eps_b
    y: Tensor = F.linear(x, (W + W_sigma * eps_W).T, bias)
    return y


def _dueling(layer: Dueling, x: Tensor, **parameters: Tensor) -> Tensor:
    streams = []
    for (name, stream), h in zip(layer.streams.items(), x.chunk(2, dim=1), strict=True):
        own = {of: parameters[f"{name}_{of}"] for of in stream.shapes}
        streams.append(_entry(LAYERS, stream)(stream, h, **own))
    value, advantage = streams[0].unsqueeze(1), streams[1].unflatten(1, (layer.actions, -1))
    q: Tensor = (value + advantage - advantage.mean(1, keepdim=True)).flatten(1)
    return q


def _embedding(layer: Any, x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """drl.bench.gradients.EmbeddingAt: the N rows of an example side by side."""
    tau = torch.as_tensor(layer.tau)
    phi = [
        torch.relu(sum(torch.cos(torch.pi * i * t) * w for i, w in enumerate(W)) + b)
        for t in tau[0]
    ]
    return torch.cat([x * each for each in phi], dim=1)


def _normalise(layer: Normalise, x: Tensor) -> Tensor:
    mean, variance = (torch.as_tensor(layer.buffers[name]) for name in ("mean", "variance"))
    return ((x - mean) / variance.sqrt()).clamp(-layer.limit, layer.limit)


def _batch_renorm(layer: BatchRenorm, x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    if not layer.by_batch:
        mean, variance = (torch.as_tensor(layer.buffers[of]) for of in ("mean", "variance"))
        return (x - mean) / (variance + layer.eps).sqrt() * gain + offset
    rows = x.flatten(0, -2)
    mean, variance = rows.mean(0), rows.var(0, unbiased=False)
    rate = 1 / (variance + layer.eps).sqrt()
    made = layer._correction(*(layer.ops.asarray(np.asarray(v.detach())) for v in (mean, rate)))
    r, d = (torch.as_tensor(v) for v in made)
    return ((x - mean) * rate * r + d) * gain + offset


def _branches(layer: Branches, x: Tensor, **parameters: Tensor) -> Tensor:
    made = []
    for layers in layer.branches.values():
        y = x
        for part in layers:
            own = {of: parameters[f"{part.name}.{of}"] for of in part.shapes}
            y = _entry(LAYERS, part)(part, y, **own)
        made.append(y)
    return torch.cat(made, dim=1)


def _gru(
    layer: Any, x: Tensor, W: Tensor, U: Tensor, b: Tensor, c: Tensor
) -> Tensor:  # fmt: skip
    """drl.bench.gradients.Unrolled, by torch's own cell."""
    h, keep = (torch.as_tensor(layer.ops.numpy(each)) for each in layer.sequences(len(x)))
    hidden_bias = torch.cat([torch.zeros(2 * layer.units, dtype=x.dtype), c])
    made = []
    for t, step in enumerate(x.reshape(len(x), layer.steps, -1).unbind(1)):
        h = torch.gru_cell(step, h * keep[t], W.T, U.T, b, hidden_bias)
        made.append(h)
    return torch.cat(made, dim=1)


def _quantile_huber(loss: Any, y: Tensor, t: Tensor) -> Tensor:
    total = y.new_zeros(())
    for i in range(y.shape[1]):
        for j in range(t.shape[1]):
            u = t[:, j] - y[:, i]
            huber = torch.where(u.abs() <= 1, 0.5 * u**2, u.abs() - 0.5)
            under = (u.detach() < 0).to(u.dtype)
            total = total + (torch.abs(0.3 - under) * huber).sum() / t.shape[1]
    return total


def _law(law: Any, z: Tensor, mask: Tensor | None) -> Any:
    """torch's distribution of what `law.action` gives, and of a tanh its normal one besides."""
    if isinstance(law, DiagonalGaussian):
        mean, s = z.chunk(2, dim=1)
        normal = dist.Normal(mean, (s if law.bounds is None else s.clamp(*law.bounds)).exp())
        return dist.Independent(normal, 1)
    if isinstance(law, BernoulliActions):
        if mask is not None:
            z = z.masked_fill(~mask[:, 1::2], -1e8).masked_fill(~mask[:, ::2], 1e8)
        return dist.Independent(dist.Bernoulli(logits=z), 1)
    return dist.Categorical(logits=z if mask is None else z.masked_fill(~mask, -1e8))


def _of_policy(loss: OfPolicy, z: Tensor, a: Tensor) -> Any:
    rows = len(z)
    weights, other = (torch.as_tensor(v[:rows]) for v in (loss.weights, loss.other))
    allowed = loss.mask(rows)
    mask = None if allowed is None else torch.as_tensor(allowed)
    if not isinstance(loss.law, MultiCategorical):
        return (weights * _value(loss.what, loss.law, z, other, a, mask)).sum()
    total = z.new_zeros(rows)
    for i, (part, span) in enumerate(zip(loss.law.parts, loss.law.spans, strict=True)):
        own = None if mask is None else mask[:, span]
        total = total + _value(loss.what, part, z[:, span], other[:, span], a[:, i], own)
    return (weights * total).sum()


def _value(
    what: str, law: Any, z: Tensor, other: Tensor, a: Tensor, mask: Tensor | None
) -> Any:  # fmt: skip
    ours, theirs = _law(law, z, mask), _law(law, other, mask)
    if what.startswith("KL"):
        return dist.kl_divergence(*((theirs, ours) if what == "KL, turned" else (ours, theirs)))
    if not isinstance(law, TanhGaussian):
        return ours.log_prob(a.to(z.dtype)) if what == "log π" else ours.entropy()
    if what == "log π":
        return ours.log_prob(a.to(z.dtype)) - _log_slope(a.to(z.dtype)).sum(1)
    nodes, weights = (torch.as_tensor(v) for v in (law.nodes, law.weights))
    u = ours.mean + ours.stddev * nodes
    return ours.entropy() + (weights * _log_slope(u)).sum(0).sum(1)


def _log_slope(u: Tensor) -> Any:
    return dist.TanhTransform().log_abs_det_jacobian(u, torch.tanh(u))  # type: ignore[no-untyped-call]


def _of_actor(loss: OfActor, z: Tensor, noise: Tensor) -> Any:
    law = _law(loss.law, z, None)
    u = law.mean + law.stddev * noise
    x = torch.cat([noise, torch.tanh(u)], dim=1)
    for layer in loss.critic.layers:
        own = {of: torch.as_tensor(getattr(layer, of)) for of in layer.shapes}
        x = _entry(LAYERS, layer)(layer, x, **own)
    log_prob = law.log_prob(u) - _log_slope(u).sum(1)
    return (loss.alpha * log_prob - x[:, 0]).sum()


LAYERS: dict[type, Callable[..., Any]] = {  # (layer, x, parameters by name) → y
    hand.Linear: lambda layer, x, W, b=None: F.linear(x, W.T, b),
    hand.ReLU: lambda layer, x: torch.relu(x),
    hand.Tanh: lambda layer, x: torch.tanh(x),
    hand.Sigmoid: lambda layer, x: torch.sigmoid(x),
    hand.Flatten: lambda layer, x: x.flatten(1),
    hand.Scale: lambda layer, x: x * torch.as_tensor(layer.factor, dtype=x.dtype),
    Normalise: _normalise,
    Slice: lambda layer, x: x[:, layer.start : layer.stop].unflatten(1, layer.shape),
    Branches: _branches,
    BatchRenorm: _batch_renorm,
    Free: lambda layer, x, b: b.expand(len(x), -1),
    LayerNorm: lambda layer, x, gain, offset: F.layer_norm(x, gain.shape, gain, offset, layer.eps),
    NoisyLinear: _noisy,
    Dueling: _dueling,
    QuantileEmbedding: _embedding,
    GRU: _gru,
    Conv2d: _conv2d,
    MaxPool2d: _max_pool2d,
}

LOSSES: dict[type, Callable[[Any, Tensor, Tensor], Tensor]] = {  # summed over the batch
    losses.SoftmaxCrossEntropy: lambda loss, y, t: F.cross_entropy(y, t, reduction="sum"),
    losses.Bernoulli: lambda loss, y, t: F.binary_cross_entropy_with_logits(y, t, reduction="sum"),
    losses.MSE: lambda loss, y, t: F.mse_loss(y, t, reduction="sum"),
    partial: _quantile_huber,  # with τ = 0.3 and κ = 1, as `drl check-gradients` binds it
    losses.CategoricalCrossEntropy: lambda loss, y, t: F.cross_entropy(y, t, reduction="sum"),
    OfPolicy: _of_policy,
    OfActor: _of_actor,
    losses.Huber: lambda loss, y, t: F.huber_loss(y, t, reduction="sum", delta=loss.kappa),
}


def autograd(
    net: Network, x: np.ndarray, loss: Any, target: np.ndarray, rows: int
) -> tuple[float, dict[str, np.ndarray]]:
    """L on the first `rows` of the batch, ∂L/∂x and every ∂L/∂θ, float64.

    Named as in drl.nn.gradcheck: "x", "linear0.W", …   KeyError for what the tables do not hold.
    """
    leaves = {"x": torch.tensor(x, requires_grad=True)}
    y = leaves["x"]
    for layer in net.layers:
        parameters = {}
        for name in layer.shapes:
            values = net.ops.numpy(getattr(layer, name))
            parameters[name] = torch.tensor(values, requires_grad=True)
            leaves[f"{layer.name}.{name}"] = parameters[name]
        y = _entry(LAYERS, layer)(layer, y, **parameters)
    value = _entry(LOSSES, loss)(loss, y[:rows], torch.tensor(target[:rows])) / rows
    value.backward()
    return float(value.detach()), {name: _gradient(leaf) for name, leaf in leaves.items()}


def _gradient(leaf: Tensor) -> np.ndarray:
    assert leaf.grad is not None
    return np.asarray(leaf.grad)


def _entry(table: dict[type, Any], thing: object) -> Any:
    """The line for the thing's class, or for the one that it derives from."""
    return next(table[kind] for kind in type(thing).__mro__ if kind in table)
