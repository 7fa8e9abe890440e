"""The modules of exported networks that torch does not have, as code."""

OWN = {
    "ChannelNorm": """
class ChannelNorm(nn.LayerNorm):  # over the channels at each position
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
""",
    "Affine": """
class Affine(nn.Module):  # each signal, or channel, times a weight, and a bias
    def __init__(self, size):
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.empty(size)) for _ in range(2))

    def forward(self, x):
        w, b = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (self.weight, self.bias))
        return x * w + b
""",
}
