"""Statistics that move under a network which does not notice.

y = Wᵀ(x − μ)/σ + b is the same function of x with other statistics μ′, σ′ where

    W′ = W σ′/σ  (row by row),     b′ = b + Wᵀ(μ′ − μ)/σ,

but where the normalised x is cut.  Without it a policy jumps whenever its statistics do: on
Pendulum 5 of 9 runs failed (docs/decisions/normalisation.md).

Where W sees other inputs beside x, as a critic's sees actions, their rows stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from drl.nn.batch_renorm import BatchRenorm
from drl.nn.branches import Branches, Slice
from drl.nn.conv import Conv2d
from drl.nn.dueling import Dueling
from drl.nn.free import Free
from drl.nn.layers import Flatten, Layer, Linear, Scale
from drl.nn.moments import Moments
from drl.nn.network import Network
from drl.nn.noisy import NoisyLinear
from drl.nn.normalise import Normalise
from drl.nn.ops import Array
from drl.nn.optim import Optimizer

FROZEN_AFTER = 10_000  # inputs, where the layer behind cannot make up for a move
OTHER = -1  # an input that no statistic is of


class Behind(Protocol):
    """What sees normalised inputs x, and can make up for their moves."""

    @property
    def statistic(self) -> np.ndarray:
        """(I,) the number of the statistic that input i is made with, or OTHER."""

    def follow(
        self, net: Network, k: np.ndarray, d: np.ndarray, optimizer: Optimizer | None
    ) -> None:
        """Become the same function of x′, where x = k x′ + d.   k, d: (I,)."""


@dataclass(frozen=True)
class Weights:
    """W and b."""

    stage: str  # whose they are (Network.stages)
    prefix: str  # of their names there: a stream's, or none
    statistic: np.ndarray

    def follow(
        self, net: Network, k: np.ndarray, d: np.ndarray, optimizer: Optimizer | None
    ) -> None:
        compensate(net, self, k, d, optimizer)


@dataclass(frozen=True)
class Running:
    """Running statistics μ, σ² of a BatchRenorm: of x′ they are (μ − d)/k and (σ² + ε)/k² − ε.

    By running statistics the same function, but for the rounding of σ² + ε where k is large; by a
    batch's but for ε, as σ_B² + ε of x′ is not that of x.
    """

    layer: BatchRenorm
    statistic: np.ndarray

    def follow(
        self, net: Network, k: np.ndarray, d: np.ndarray, optimizer: Optimizer | None
    ) -> None:
        mean, variance = (self.layer.buffers[name] for name in ("mean", "variance"))
        mean[...] = (mean - d) / k
        variance[...] = (variance + self.layer.eps) / k**2 - self.layer.eps
        self.layer.buffers_changed()


class Place(NamedTuple):
    """A Normalise layer in its network."""

    name: str
    layer: Normalise
    before: Sequence[Layer]  # what the observations come through
    behind: Sequence[Behind] | None  # all that see its output; None: others than can make up for it


def places(net: Network) -> list[Place]:
    """Where the network normalises.

    ValueError where a Normalise stands behind a layer with weights: what comes to it is no
    observation.
    """
    found = list(_places(net.layers, "", ()))
    count = sum(isinstance(layer, Normalise) for _, layer, _ in net.stages())
    if len(found) != count:
        raise ValueError("Normalise must stand before all layers but Scale, Slice and Flatten")
    return found


def require_same(found: Sequence[Place], shape: tuple[int, ...]) -> None:
    """ValueError unless what is normalised are numbers of an observation of this shape."""
    for place in found:
        seen, own = _through(place.before, Moments(shape))[0].shape, place.layer.shape
        if seen != own:
            raise ValueError(
                f"{place.name} normalises {own}, an observation has {seen}: put a Slice of the "
                "observation before it"
            )


def renormalise(
    net: Network, seen: Moments, optimizer: Optimizer | None = None,
    at: Sequence[Place] | None = None,
) -> None:  # fmt: skip
    """Merge the statistics of observations into the network's, its function of x staying as it is.

    The first ones are just taken: nothing has been learnt by then.  So are those of an input that
    had not varied: its weights, which nothing has moved, are right for a spread of 1.  Where the
    layer behind is neither Linear, nor BatchRenorm, nor a Conv2d without padding, the function does
    jump, and from
    FROZEN_AFTER observations on the statistics stay.

    seen       since the last time: of each number of an observation, (*net.input_shape); where the
               network's inputs are more, as (s, a), of the first of them
    optimizer  of the network, whose moments follow its weights; None: there is none
    at         its `places`, where they are known already
    """
    if not seen.count:
        return
    for place in places(net) if at is None else at:
        layer, moments = place.layer, place.layer.moments
        if place.behind is None and moments.count >= FROZEN_AFTER:
            continue
        first, mean = not moments.count, moments.mean.copy()
        std, varied = layer.std, layer.varied
        layer.merge(*_through(place.before, seen), float(seen.count))
        if first:
            continue
        std = np.where(varied, std, layer.std)
        k = np.append(layer.std / std, 1.0)  # σ′/σ; at OTHER, the last: x′ = x
        d = np.append((moments.mean - mean) / std, 0.0)  # (μ′ − μ)/σ
        for each in place.behind or ():
            each.follow(net, k[each.statistic], d[each.statistic], optimizer)


def compensate(
    net: Network, weights: Weights, k: np.ndarray, d: np.ndarray, optimizer: Optimizer | None = None
) -> None:
    """W′ = k W, b′ = b + Wᵀd, for x = k x′ + d.   k, d: (I,).

    A gradient moves the other way: x′ = (x − d)/k, so that ∂L/∂W′ = (∂L/∂W − d ∂L/∂b)/k, and a
    moment m, which is a sum of gradients, with it.  Of squared gradients, v′ = (v + d² v_b)/k²: the
    term between, of x · (∂L/∂b)², is nothing on average, since x is centred.

    Noise on weights (NoisyLinear) keeps its size in x; what it adds through d is left to the next
    noise.
    """
    ops, prefix = net.ops, weights.prefix
    k, d = ops.asarray(k[:, None]), ops.asarray(d[:, None])  # (I, 1)

    def parts(vector: Array) -> tuple[Array, Array, Array | None]:
        views = net.views(weights.stage, vector)
        b = views[f"{prefix}b"]
        noise = views.get(f"{prefix}W_sigma")
        W = views[f"{prefix}W"].reshape(-1, b.shape[0])
        return W, b, noise

    W, b, noise = parts(net.params)
    b += ops.sum(d * W, axis=0)  # b′ = b + Wᵀd
    W *= k  # W′ = k W
    if noise is not None:
        noise *= k
    if optimizer is None:
        return
    for name in optimizer.moments:
        moment, squares = getattr(optimizer, name), name in optimizer.squares
        W, b, noise = parts(moment)
        W += d * d * b if squares else -d * b  # (I, O)
        W /= k * k if squares else k
        if noise is not None:
            noise /= k * k if squares else k


class Joint(NamedTuple):
    """Where a branch's output goes: beside those of others, into the layers behind the branches."""

    chain: Sequence[Layer]
    within: str
    start: int  # its first place in what is joined …
    width: int  # … of so many numbers
    then: Joint | None  # behind the chain, where that is a branch itself


def _places(
    chain: Sequence[Layer], within: str, before: tuple[Layer, ...], then: Joint | None = None
) -> Iterator[Place]:  # fmt: skip
    for i, layer in enumerate(chain):
        if isinstance(layer, Normalise):
            behind = _behind(chain[i + 1 :], within, _numbers(layer), then)
            yield Place(within + layer.name, layer, before, behind)
        elif isinstance(layer, Branches):
            for branch, joint in _branches(layer, chain[i + 1 :], within, then):
                yield from _places(branch, f"{within}{layer.name}.", before, joint)
        if not isinstance(layer, (Scale, Slice, Flatten)):
            return
        before = (*before, layer)


def _branches(
    layer: Branches, chain: Sequence[Layer], within: str, then: Joint | None
) -> Iterator[tuple[Sequence[Layer], Joint]]:
    """Each branch, and where its output goes.   chain: behind the branches."""
    start, width = 0, sum(layer.widths.values())
    for name, branch in layer.branches.items():
        yield branch, Joint(chain, within, start, width, then)
        start += layer.widths[name]


def _numbers(layer: Normalise) -> np.ndarray:
    """Which statistic each number of the layer's output is made with: (*shape)."""
    own = layer.moments.mean
    return np.broadcast_to(np.arange(own.size).reshape(own.shape), layer.shape)


def _through(before: Sequence[Layer], seen: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance behind layers that scale, cut and reshape."""
    mean, variance = seen.mean, seen.variance
    for layer in before:
        if isinstance(layer, Scale):
            factor = np.asarray(layer.factor, np.float64)
            mean, variance = mean * factor, variance * factor**2
        elif isinstance(layer, Slice):
            mean, variance = (
                a.ravel()[layer.start : layer.stop].reshape(layer.shape) for a in (mean, variance)
            )
        else:
            mean, variance = mean.ravel(), variance.ravel()
    return mean, variance


def _behind(
    chain: Sequence[Layer], within: str, numbers: np.ndarray, then: Joint | None
) -> list[Behind] | None:
    """What first sees the outputs of a chain, in it, in each of its branches, or behind it; None
    where it is nothing that can make up for a move."""
    for i, layer in enumerate(chain):
        name = within + layer.name
        if isinstance(layer, Flatten):
            numbers = numbers.ravel()
        elif isinstance(layer, Slice):
            numbers = numbers[layer.start : layer.stop].reshape(layer.shape)
        elif isinstance(layer, Branches):
            branches = _branches(layer, chain[i + 1 :], within, then)
            return _all([_behind(each, f"{name}.", numbers, to) for each, to in branches])
        elif type(layer) is Dueling:
            halves = numbers[: layer.half], numbers[layer.half :]
            streams = zip(layer.streams.items(), halves, strict=True)
            return _all([_seeing(stream, name, half, f"{of}_") for (of, stream), half in streams])
        elif isinstance(layer, Free):
            return []  # it sees no input
        else:
            return _seeing(layer, name, numbers)
    if then is None:
        return None
    joined = np.full(then.width, OTHER)
    joined[then.start : then.start + numbers.size] = numbers.ravel()
    return _behind(then.chain, then.within, joined, then.then)


def _all(found: Sequence[list[Behind] | None]) -> list[Behind] | None:
    """Those of several ways side by side; None where one of them has None."""
    whole: list[Behind] = []
    for each in found:
        if each is None:
            return None
        whole += each
    return whole


def _seeing(
    layer: Layer, stage: str, numbers: np.ndarray, prefix: str = ""
) -> list[Behind] | None:  # fmt: skip
    """The layer, where its function can stay the same; an own subclass may mean others."""
    if type(layer) in (Linear, NoisyLinear) and layer.bias:  # type: ignore[attr-defined]
        return [Weights(stage, prefix, numbers)]
    if type(layer) is BatchRenorm and numbers.ndim == 1:
        return [Running(layer, numbers)]
    if type(layer) is Conv2d and layer.bias and not layer.padding:
        channels = numbers[0, 0]  # (C,)
        if (numbers == channels).all():  # the same at every position, as its weights are
            return [Weights(stage, prefix, np.tile(channels, layer.kernel**2))]
    return None
