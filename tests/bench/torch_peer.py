#!/usr/bin/env python3
"""Peer of the benchmark lstm_batch: the same encoder-decoder in PyTorch, one thread.

LSTM encoder over 10 ticks of 7 metrics and their presence, 32 units; its last output repeated 10
times into an LSTM decoder; a linear layer on the decoder's last output. Prints the microseconds per
window of the best batch of 64, 256 and 1024. torch takes the product with the repeated code at each
step; that is what its LSTM layer does. Exits with 77 and the reason when torch is not there.

Usage: torch_peer.py [seed]
"""
import sys
import time

WINDOW, METRICS, HIDDEN = 10, 7, 32
BATCHES = (64, 256, 1024)
ROUNDS = 30

try:
    import torch
except ImportError as error:
    print(f"torch is not installed: {error}", file=sys.stderr)
    sys.exit(77)


class EncoderDecoder(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.LSTM(2 * METRICS, HIDDEN, batch_first=True)
        self.decoder = torch.nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
        self.output = torch.nn.Linear(HIDDEN, METRICS)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        _, (code, _) = self.encoder(inputs)
        repeated = code[-1].unsqueeze(1).expand(-1, WINDOW, -1)
        decoded, _ = self.decoder(repeated)
        return self.output(decoded[:, -1])


def microseconds_per_window(network: EncoderDecoder, batch: int) -> float:
    inputs = torch.randn(ROUNDS, batch, WINDOW, 2 * METRICS)
    for warm_up in inputs[:5]:
        network(warm_up)
    spent = []
    for fresh in inputs:
        begin = time.thread_time_ns()
        network(fresh)
        spent.append(time.thread_time_ns() - begin)
    return sorted(spent)[ROUNDS // 2] / batch / 1000


def main() -> int:
    torch.manual_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    torch.set_num_threads(1)
    network = EncoderDecoder().eval()
    with torch.inference_mode():
        print(min(microseconds_per_window(network, batch) for batch in BATCHES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
