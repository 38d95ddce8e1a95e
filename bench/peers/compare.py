#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times the network with lmnet-bench and its peers in turns: see compare.sh, which calls this.

Each round times every one of them once, so that other load of the machine affects all.  Before the first round the
answer of each is compared with the reference's.
"""
import argparse
import array
import json
import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TORCH_MODES = ("eager", "frozen", "cuda-eager", "cuda-compiled")
# Of the largest logit's magnitude.
BOUNDS = {"fp32": 1e-3, "fp16": 3e-2}


class Absent(Exception):
    """Why a peer cannot take part."""


def last_line(text):
    return (text.strip().splitlines() or ["it says nothing"])[-1]


def say(text):
    print(text, file=sys.stderr, flush=True)


def check_logits(folder, name, precision):
    """How far an answer is from the reference's, of the largest magnitude; raises Absent if that is too far."""
    want, got = (array.array("f", open(os.path.join(folder, n), "rb").read()) for n in ("logits", name))
    largest = max(map(abs, want))
    worst = max(abs(a - b) for a, b in zip(want, got)) / largest if len(want) == len(got) else float("inf")
    if not worst <= BOUNDS[precision]:
        raise Absent(f"its answer is off by {worst:.1e} of the largest logit")
    return worst


class Bench:
    """lmnet-bench: one process for each round."""

    def __init__(self, a):
        self.a, self.report = a, None
        self.command = [a.bench, "--model", a.model, "--size", f"{a.width}x{a.height}", "--threads", str(a.threads),
                        "--precision", a.precision, "--device", a.device, "--runs", str(a.runs), "--json", "--no-start-ups"]
        reference = [] if a.unchecked else ["--input", f"{a.work}/input", "--logits", f"{a.work}/lmnet"]
        self.run(reference)
        self.precision = self.report["precision"]
        self.name = f"lmnet-bench, {self.report['device']}"
        self.worst = None if a.unchecked else check_logits(a.work, "lmnet", self.precision)

    def run(self, more=()):
        done = subprocess.run([*self.command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(last_line(done.stderr))
        self.report = json.loads(done.stdout)

    def time(self):
        self.run()
        return self.report["network_ms"]["median"], self.report["network_ms"]["min"]

    def close(self):
        pass


class Peer:
    """A process that says its name, then times as many passes as each line that it is sent asks for."""

    def __init__(self, a, name, command, model):
        if a.unchecked:
            raise Absent(a.unchecked)
        self.runs = a.runs
        threads = str(a.threads)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        answer = os.path.join(a.work, name)
        self.errors = open(f"{answer}.log", "w+")
        self.process = subprocess.Popen(
            [*command, threads, model, str(a.width), str(a.height), f"{a.work}/input", answer],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=environment)
        try:
            hello = self.read()
            self.name, self.precision = hello["name"], hello["precision"]
            self.worst = check_logits(a.work, name, self.precision)
        except Absent:
            self.close()
            raise

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            raise Absent(last_line(self.errors.read()))
        return json.loads(line)

    def time(self):
        self.process.stdin.write(f"{self.runs}\n")
        self.process.stdin.flush()
        times = self.read()
        return statistics.median(times), min(times)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.errors.close()


def prepare(a):
    """Writes the files that the peers share; returns the reason if that fails."""
    done = subprocess.run([sys.executable, os.path.join(HERE, "prepare.py"), a.model, str(a.width), str(a.height), a.work],
                          stderr=subprocess.PIPE, text=True)
    return last_line(done.stderr) if done.returncode else None


def start_peer(a, name):
    if name != "onnxruntime":
        return Peer(a, name, [sys.executable, os.path.join(HERE, "torch_peer.py"), name.removeprefix("torch-")], a.model)
    module = os.path.join(a.work, "node_modules", "onnxruntime-node")
    if not shutil.which("node"):
        raise Absent("there is no node")
    if not os.path.isdir(module):
        raise Absent("npm has not installed onnxruntime-node")
    return Peer(a, name, ["node", os.path.join(HERE, "onnxruntime_peer.js"), module], f"{a.work}/model.onnx")


def start_all(a):
    """lmnet-bench and the peers that take part, and the others' reasons by name."""
    a.unchecked = prepare(a)
    if a.unchecked:
        say(f"no answer to compare with: {a.unchecked}")
    try:
        runners, absent = [Bench(a)], {}
    except Absent as reason:
        sys.exit(f"lmnet-bench: {reason}")
    for name in a.peers:
        say(f"starting {name}")
        try:
            runners.append(start_peer(a, name))
        except Absent as reason:
            absent[name] = str(reason)
    return runners, absent


def time_all(runners, rounds):
    """One row for each, in ms; ratio: lmnet-bench's median of a round by its own, the middle one of all rounds."""
    rows = [{"name": r.name, "precision": r.precision, "worst": r.worst, "medians": [], "minima": []} for r in runners]
    for i in range(rounds):
        say(f"round {i + 1} of {rounds}")
        for runner, row in zip(runners, rows):
            middle, least = runner.time()
            row["medians"].append(middle)
            row["minima"].append(least)
    for row in rows:
        row["ratio"] = statistics.median(a / b for a, b in zip(rows[0]["medians"], row["medians"]))
        row["median"], row["min"] = statistics.median(row["medians"]), min(row["minima"])
    return rows


def print_table(a, rows, absent):
    print(f"{a.width} x {a.height}, {a.threads} threads, {a.rounds} rounds of {a.runs} passes in turns, on {os.cpu_count()} cores")
    print("| | | median, ms | least, ms | lmnet-bench / it | off by |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for row in rows:
        off = "not compared" if row["worst"] is None else f"{row['worst']:.1e}"
        print(f"| {row['name']} | {row['precision']} | {row['median']:.2f} | {row['min']:.2f} | {row['ratio']:.2f} | {off} |")
    for name, reason in absent.items():
        print(f"| {name} | absent: {reason} | | | | |")


def size(text):
    sides = [int(side) for side in text.split("x")]
    return sides * 2 if len(sides) == 1 else sides


def main():
    names = [*(f"torch-{mode}" for mode in TORCH_MODES), "onnxruntime"]
    root = os.path.join(HERE, "..", "..")
    p = argparse.ArgumentParser(prog="compare.sh", description="Times lmnet-bench and its peers in turns.")
    p.add_argument("--bench", required=True, help=argparse.SUPPRESS)
    p.add_argument("--work", required=True, help=argparse.SUPPRESS)
    p.add_argument("--model", default=os.path.join(root, "models", "lmnet-kvasir-256.safetensors"), metavar="FILE")
    p.add_argument("--size", type=size, default=[256, 256], metavar="N or WxH", help="pixels; 256")
    p.add_argument("--device", default="auto", help="lmnet-bench's; auto")
    p.add_argument("--precision", default="auto", help="lmnet-bench's; auto")
    p.add_argument("--threads", type=int, default=2, help="of every one on the CPU; 2")
    p.add_argument("--rounds", type=int, default=5, help="5")
    p.add_argument("--runs", type=int, default=5, help="passes of each in a round; 5")
    p.add_argument("--peers", type=lambda t: t.split(","), default=names, metavar="NAME,...", help=",".join(names))
    p.add_argument("--json", metavar="FILE", help="where to write all of it")
    a = p.parse_args()
    unknown = [name for name in a.peers if name not in names]
    if unknown or min(a.threads, a.rounds, a.runs) < 1 or len(a.size) != 2:
        p.error(f"no such peer: {unknown[0]}" if unknown else "numbers must be positive, a size N or WxH")
    a.model, (a.width, a.height) = os.path.realpath(a.model), a.size

    runners, absent = start_all(a)
    rows = time_all(runners, a.rounds)
    for runner in runners:
        runner.close()
    print_table(a, rows, absent)
    if a.json:
        with open(a.json, "w") as file:
            json.dump({"width": a.width, "height": a.height, "threads": a.threads, "rounds": a.rounds, "runs": a.runs,
                       "cores": os.cpu_count(), "rows": rows, "absent": absent, "lmnet_bench": runners[0].report}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
