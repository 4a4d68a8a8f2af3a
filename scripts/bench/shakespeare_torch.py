"""The peer of examples/attention.ts: the same small GPT, schedule and loss on PyTorch.

python3 scripts/bench/shakespeare_torch.py FILE [--steps 2000] [--seed 0] [--threads N]
"""
import argparse
import math
import time

import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--steps", type=int, default=2000)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--threads", type=int)
args = parser.parse_args()
if args.threads:
    torch.set_num_threads(args.threads)
LAYERS, HEADS, WIDTH, BLOCK, BATCH = 4, 4, 128, 64, 12


class LayerNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return F.layer_norm(x, (WIDTH,), self.weight)


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
            mask = torch.ones(t, t, dtype=torch.bool).triu(1)
            y = scores.masked_fill(mask, float("-inf")).softmax(-1) @ v
        return self.proj(y.transpose(1, 2).reshape(b, t, WIDTH))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.attention, self.norm2 = LayerNorm(), SelfAttention(), LayerNorm()
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, letters):
        super().__init__()
        self.token, self.position = nn.Embedding(letters, WIDTH), nn.Embedding(BLOCK, WIDTH)
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(LAYERS)), LayerNorm()
        for name, p in self.named_parameters():
            if p.dim() == 2:
                end = "proj" in name or "down" in name
                nn.init.normal_(p, 0, 0.06 / math.sqrt(2 * LAYERS) if end else 0.06)

    def forward(self, ids):
        x = self.token(ids) + self.position(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.token.weight)


text = open(args.file, encoding="utf8").read()
letters = sorted(set(text))
codes = {c: i for i, c in enumerate(letters)}
ids = torch.tensor([codes[c] for c in text])
held = len(text) * 9 // 10
train, test = ids[:held], ids[held:]

torch.manual_seed(args.seed)
model = GPT(len(letters))
groups = [{"params": [p for p in model.parameters() if p.dim() == d], "weight_decay": w} for d, w in ((2, 0.1), (1, 0.0))]
optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))


def loss_of(source, starts):
    at = starts[:, None] + torch.arange(BLOCK)
    return F.cross_entropy(model(source[at]).flatten(0, 1), source[at + 1].flatten())


def test_loss():
    with torch.no_grad():
        starts = torch.arange((len(test) - 1) // BLOCK) * BLOCK
        return sum(len(s) * loss_of(test, s).item() for s in starts.split(128)) / len(starts)


def rate_at(i):
    warm = args.steps / 20
    if i < warm:
        return 1e-3 * (i + 1) / (warm + 1)
    return 1e-4 + 4.5e-4 * (1 + math.cos(math.pi * (i - warm) / (args.steps - warm)))


start = time.perf_counter()
for i in range(args.steps + 1):
    if i % 250 == 0 or i == args.steps:
        print(f"step {i} of {args.steps}: test loss {test_loss():.4f}, {time.perf_counter() - start:.1f} s", flush=True)
    if i == args.steps:
        break
    for group in optimizer.param_groups:
        group["lr"] = rate_at(i)
    optimizer.zero_grad(set_to_none=True)
    loss_of(train, torch.randint(0, held - BLOCK, (BATCH,))).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
