"""
Writes src/testing/fixtures/*.json: numbers that PyTorch itself gives, which the tests compare with.

Run once, by hand, with any Python that has torch: `python packages/torch/tools/make-fixtures.py`. All inputs are multiples of 1/16
from simple formulas (`ramp`), so that both sides start from exactly the same values and only results are stored.
"""

import json
from pathlib import Path

import torch

torch.set_num_threads(1)
folder = Path(__file__).parent.parent / "src/testing/fixtures"
made = {"by": "tools/make-fixtures.py", "torch": torch.__version__}


def ramp(shape, factor, modulus, divisor):
    """values ((i·factor) mod modulus − ⌊modulus/2⌋) / divisor; tests have the same function"""
    i = torch.arange(torch.Size(shape).numel(), dtype=torch.int64)
    return ((i * factor % modulus - modulus // 2) / divisor).to(torch.float32).reshape(shape)


def write(name, value):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"made": made, **value}, indent=1) + "\n")


# --- optimisers -----------------------------------------------------------------------------------------------------------------

shapes = [[3], [2, 2]]


def gradient(step, index):
    return ramp(shapes[index], 5 + step + 2 * index, 11, 8)


def run_optimizer(make, missing=(), factors=None, steps=6):
    parameters = [torch.nn.Parameter(ramp(shape, 3, 7, 4)) for shape in shapes]
    optimizer = make(parameters)
    rates = [group["lr"] for group in optimizer.param_groups]
    for step in range(steps):
        if factors:
            for group, rate in zip(optimizer.param_groups, rates):
                group["lr"] = rate * factors[step]
        for index, parameter in enumerate(parameters):
            parameter.grad = None if [step, index] in list(missing) else gradient(step, index)
        optimizer.step()
    return [parameter.detach().flatten().tolist() for parameter in parameters]


poly = [(1 - step / 6) ** 0.9 for step in range(6)]
groups = lambda ps: [{"params": [ps[0]], "lr": 0.05, "weight_decay": 0.3}, {"params": [ps[1]]}]  # noqa: E731
late = [[0, 1], [3, 1]]
sgd, adamw = torch.optim.SGD, torch.optim.AdamW
optim = [
    ("SGD", {"learningRate": 0.1}, {}, lambda ps: sgd(ps, lr=0.1, foreach=True)),
    ("SGD", {"learningRate": 0.1, "momentum": 0.9}, {"missing": late}, lambda ps: sgd(ps, lr=0.1, momentum=0.9, foreach=True)),
    ("SGD", {"learningRate": 0.1, "momentum": 0.99, "weightDecay": 0.05}, {},
     lambda ps: sgd(ps, lr=0.1, momentum=0.99, weight_decay=0.05, foreach=True)),
    ("SGD", {"learningRate": 0.1, "momentum": 0.99, "weightDecay": 0.05, "nesterov": True}, {"factors": poly},
     lambda ps: sgd(ps, lr=0.1, momentum=0.99, weight_decay=0.05, nesterov=True, foreach=True)),
    ("SGD", {"learningRate": 0.1, "momentum": 0.5}, {"groups": True}, lambda ps: sgd(groups(ps), lr=0.1, momentum=0.5, foreach=True)),
    ("AdamW", {}, {}, lambda ps: adamw(ps, foreach=True)),
    ("AdamW", {"learningRate": 0.02, "betas": [0.8, 0.95], "eps": 1e-4, "weightDecay": 0.1}, {"missing": late, "factors": poly},
     lambda ps: adamw(ps, lr=0.02, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1, foreach=True)),
    ("AdamW", {"learningRate": 0.02, "weightDecay": 0}, {"groups": True},
     lambda ps: adamw(groups(ps), lr=0.02, weight_decay=0, foreach=True)),
]


def clip(max_norm):
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in shapes]
    for index, parameter in enumerate(parameters):
        parameter.grad = gradient(0, index)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm).item()
    return {"maxNorm": max_norm, "norm": norm, "gradients": [p.grad.flatten().tolist() for p in parameters]}


write("optim.json", {
    "shapes": shapes,
    "runs": [
        {"optimizer": name, "options": options, **{k: v for k, v in how.items()},
         "parameters": run_optimizer(make, how.get("missing", ()), how.get("factors"))}
        for name, options, how, make in optim
    ],
    "clips": [clip(0.5), clip(100.0)],
})

# --- layers ---------------------------------------------------------------------------------------------------------------------


class LayerNorm2d(torch.nn.Module):
    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(channels))
        self.bias = torch.nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        spread = (x - mean).pow(2).mean(1, keepdim=True)
        return self.weight[:, None, None] * (x - mean) / torch.sqrt(spread + self.eps) + self.bias[:, None, None]


nn = torch.nn
layers = [
    ("Linear", [4, 3], nn.Linear(4, 3), [2, 5, 4]),
    ("Linear", [4, 3, {"bias": False}], nn.Linear(4, 3, bias=False), [2, 4]),
    ("Conv2d", [4, 6, {"kernel": [3, 2], "stride": [2, 1], "padding": [1, 0], "dilation": [1, 2], "groups": 2}],
     nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2), [1, 4, 5, 5]),
    ("Conv2d", [2, 2, {"kernel": 3, "padding": 1, "bias": False}], nn.Conv2d(2, 2, 3, padding=1, bias=False), [1, 2, 3, 3]),
    ("Conv3d", [2, 3, {"kernel": [1, 3, 3], "padding": [0, 1, 1], "stride": [1, 2, 2]}],
     nn.Conv3d(2, 3, (1, 3, 3), padding=(0, 1, 1), stride=(1, 2, 2)), [1, 2, 2, 4, 4]),
    ("ConvTranspose2d", [4, 2, {"kernel": 3, "stride": 2, "padding": 1, "outputPadding": 1, "groups": 2}],
     nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2), [1, 4, 2, 3]),
    ("ConvTranspose3d", [2, 2, {"kernel": [1, 2, 2], "stride": [1, 2, 2]}],
     nn.ConvTranspose3d(2, 2, (1, 2, 2), stride=(1, 2, 2)), [1, 2, 1, 2, 2]),
    ("LayerNorm", [6], nn.LayerNorm(6), [2, 6]),
    ("LayerNorm", [[2, 3], {"eps": 0.01}], nn.LayerNorm([2, 3], eps=0.01), [2, 2, 3]),
    ("LayerNorm2d", [3], LayerNorm2d(3), [1, 3, 2, 2]),
    ("InstanceNorm", [3], nn.InstanceNorm2d(3, affine=True), [2, 3, 2, 3]),
    ("InstanceNorm", [2, {"eps": 0.1}], nn.InstanceNorm3d(2, affine=True, eps=0.1), [1, 2, 2, 2, 3]),
    ("GroupNorm", [2, 4], nn.GroupNorm(2, 4), [2, 4, 3]),
    ("GELU", [], nn.GELU(), [9]),
    ("ReLU", [], nn.ReLU(), [9]),
    ("LeakyReLU", [], nn.LeakyReLU(), [9]),
    ("LeakyReLU", [0.25], nn.LeakyReLU(0.25), [9]),
    ("Sigmoid", [], nn.Sigmoid(), [9]),
    ("Identity", [], nn.Identity(), [3]),
]


def run_layer(name, arguments, layer, shape):
    for index, parameter in enumerate(layer.parameters()):
        parameter.data = ramp(parameter.shape, 7 + index, 13, 16)
    x = ramp(shape, 5, 17, 8).requires_grad_()
    y = layer(x)
    y.backward(ramp(y.shape, 3, 11, 4))
    return {
        "layer": name, "arguments": arguments, "input": shape, "outputShape": list(y.shape),
        "output": y.detach().flatten().tolist(),
        "inputGradient": x.grad.flatten().tolist(),
        "stateNames": list(layer.state_dict()),
        "gradients": [parameter.grad.flatten().tolist() for parameter in layer.parameters()],
    }


write("layers.json", {"runs": [run_layer(*row) for row in layers]})
