"""A number that is none stops training, and the layer it arose in is named."""

import numpy as np
import pytest

from drl.errors import Diverged
from drl.nn import MLP
from drl.nn.finite import require_finite


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_layer_is_named(backend, bad):
    net = MLP(3, 2, (4,), backend=backend)
    require_finite(net.ops.norm(net.grads), net, net.grads, "gradient", 7)
    net.grads[net.spans["linear1"]] = bad
    words = r"the norm of linear1's gradient is NaN or Inf at update 7$"
    with pytest.raises(Diverged, match=words):
        require_finite(net.ops.norm(net.grads), net, net.grads, "gradient", 7)
