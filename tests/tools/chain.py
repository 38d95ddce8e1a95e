#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole chain from pictures to masks: a few steps of training on the synthetic colonoscopy, a kill, convert.py, the
element; and what convert.py refuses.  chain.py SOURCE_ROOT PLUGIN_FOLDER; reports in the Test Anything Protocol."""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

try:
    import matplotlib  # noqa: F401
    import numpy
    import torch
    from PIL import Image
except ImportError as error:
    print(f"skipped: {error}", file=sys.stderr)
    sys.exit(77)

ROOT, PLUGINS = sys.argv[1:3]
TOOLS = os.path.join(ROOT, "tools")
sys.path.insert(0, TOOLS)
import convert  # noqa: E402
import evaluate  # noqa: E402
from lmtrain import attention, augment, checkpoint, data, scores  # noqa: E402
from lmnet_reference import NeighborhoodAttention  # noqa: E402

SIDE, N, EVERY = 64, 12, 10
os.environ["GST_PLUGIN_PATH"] = PLUGINS
torch.set_num_threads(1)
results = []


def check(name, good, why=""):
    results.append(bool(good))
    print(f"{'ok' if good else 'not ok'} {len(results)} - {name}" + ("" if good else f": {why}"), flush=True)


def make_pictures(folder):
    """Every tenth frame of the synthetic colonoscopy, and its truth."""
    for kind, content, form, channels in (("images", "view", "RGB", 3), ("masks", "truth", "GRAY8", 1)):
        os.makedirs(os.path.join(folder, kind))
        raw = os.path.join(folder, "raw")
        subprocess.run(["gst-launch-1.0", "-q", "endoscopytestsrc", f"num-buffers={N * EVERY}", f"content={content}", "polyps=8",
                        "!", f"video/x-raw,format={form},width={SIDE},height={SIDE}", "!", "filesink", f"location={raw}"],
                       check=True)
        frames = numpy.fromfile(raw, numpy.uint8).reshape(N * EVERY, SIDE, SIDE, channels)
        for i, frame in enumerate(frames[::EVERY]):
            Image.fromarray(frame.squeeze()).save(os.path.join(folder, kind, f"{i:02}.png"))


def train_command(folder, out):
    return [sys.executable, os.path.join(TOOLS, "train.py"), "--data", folder, "--validation", folder, "--out", out,
            "--size", f"{SIDE}x{SIDE}", "--widths", "12,12,24,24,36", "--batch", "4", "--epochs", "3", "--lr", "5e-3",
            "--warm-up", "2", "--ema", "0.5", "--threads", "1", "--save-minutes", "0", "--device", "cpu"]


def kill_midway(command, state):
    """Starts the run, and kills it once it has saved a state; returns that state's step and the exit status."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not os.path.exists(state) and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    status = process.wait()
    return checkpoint.load_pth(state)["step"], status


def test_training(folder, whole, killed):
    subprocess.run(train_command(folder, whole), check=True, stdout=subprocess.DEVNULL)
    steps = [checkpoint.load_pth(os.path.join(whole, "state.pth"))["step"]]
    check("all steps are made", steps == [9], steps)
    missing = {"best.pth", "last.pth", "log.csv", "curves.png"} - set(os.listdir(whole))
    check("weights, log and curves are written", not missing, missing)

    command = train_command(folder, killed)
    step, status = kill_midway(command, os.path.join(killed, "state.pth"))
    check("a run is killed midway", status == -signal.SIGKILL and 0 < step < 9, f"status {status}, step {step}")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for name in ("last.pth", "best.pth"):
        a, b = (checkpoint.read(os.path.join(out, name))[0] for out in (whole, killed))
        differing = [key for key in a if not torch.equal(a[key], b[key])]
        check(f"a killed run ends with the same {name}", a.keys() == b.keys() and not differing, differing[:3])
    logs = [checkpoint.load_pth(os.path.join(out, "state.pth"))["rows"] for out in (whole, killed)]
    for row in logs[0] + logs[1]:
        del row["minutes"]
    check("a killed run ends with the same log", logs[0] == logs[1], logs)
    other = subprocess.run(command + ["--seed", "7"], capture_output=True, text=True)
    check("a state is not gone on from with other settings", other.returncode == 1 and "--seed" in other.stderr,
          f"status {other.returncode}: {other.stderr}")


def test_element(folder, weights, model):
    run = subprocess.run([sys.executable, os.path.join(TOOLS, "convert.py"), weights, model], capture_output=True, text=True)
    check("convert.py takes what train.py writes", run.returncode == 0, run.stderr)
    paths = [pair[1] for pair in data.pairs(folder)]
    planes = evaluate.element_planes(model, paths, (SIDE, SIDE), (SIDE, SIDE), ["precision=fp32"],
                                     ["size=network", "content=probability"]).astype(numpy.float32)
    network, metadata = checkpoint.load(model)
    check("the model file knows its input", metadata["lmnet.input_width"] == str(SIDE), metadata)
    expected = 255 * scores.predict(network.eval(), data.load_images(paths, (SIDE, SIDE)), (SIDE, SIDE))[:, 1].numpy()
    check("the network does not say the same everywhere", expected.std() > 1, expected.std())
    worst = abs(planes - expected).max()
    check("the element computes what PyTorch does", worst <= 1.5, f"{worst} of 255 levels apart")
    sheet = os.path.join(os.path.dirname(model), "sheet.png")
    run = subprocess.run([sys.executable, os.path.join(TOOLS, "evaluate.py"), model, folder, "--score-size", f"{SIDE}x{SIDE}",
                          "--sheet", sheet], capture_output=True, text=True)
    rows = [line.split("|")[2:-1] for line in run.stdout.splitlines() if line.startswith(("| PyTorch", "| element"))]
    near = len(rows) == 2 and all(abs(float(a) - float(b)) < 0.01 for a, b in zip(*rows))
    check("evaluate.py finds both ways equal", run.returncode == 0 and near and os.path.exists(sheet), run.stdout + run.stderr)


def refusal(folder, content, *options):
    """What convert.py says of a .pth with that content, or '' where it takes it."""
    source, target = os.path.join(folder, "in.pth"), os.path.join(folder, "out.safetensors")
    torch.save(content, source)
    if os.path.exists(target):
        os.unlink(target)
    try:
        with contextlib.redirect_stdout(None):
            convert.main([source, target, *options])
    except checkpoint.CheckpointError as error:
        assert not os.path.exists(target)
        return str(error)
    return "" if os.path.exists(target) else "no file"


class Code:
    """Runs a command when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def test_refusals(folder, weights):
    state, _ = checkpoint.read(weights)
    name, variance = "dconv2.1.shortcut.0.weight", "conv1.0.expand_conv.1.running_var"
    width = "down4.0.weight"
    for kind, content in (("a bare state_dict", state), ("the authors' layout", {"epoch": 3, "best": 0.5, "state_dict": state}),
                          ("names of DataParallel", {"state_dict": {f"module.{k}": v for k, v in state.items()}})):
        said = refusal(folder, content, "--f16")
        check(f"convert.py takes {kind}", said == "", said)

    broken = {
        "a missing tensor": ({k: v for k, v in state.items() if k != name}, name),
        "a missing tensor that tells a width": ({k: v for k, v in state.items() if k != width}, width),
        "a wrong shape": ({**state, name: state[name][:-1]}, name),
        "an unknown tensor": ({**state, "extra.weight": torch.zeros(1)}, "extra.weight"),
        "a value that is not finite": ({**state, name: state[name] * float("nan")}, name),
        "integers": ({**state, name: state[name].int()}, name),
        "a variance below 0": ({**state, variance: -torch.ones(12)}, variance),
    }
    for kind, (content, tensor) in broken.items():
        said = refusal(folder, content)
        check(f"convert.py refuses {kind} by name", f"'{tensor}'" in said, said)
    said = refusal(folder, state, "--heads", "5")
    check("convert.py refuses wrong heads by name", "'natt4.patchembedding" in said and "heads = 5" in said, said)
    said = refusal(folder, {**state, name: state[name] + 1e6}, "--f16")
    check("convert.py refuses what F16 cannot hold by name", f"'{name}'" in said, said)
    said = refusal(folder, state, "--classes", "a,b,c")
    check("convert.py refuses a wrong count of classes", "names 3" in said, said)
    marker = os.path.join(folder, "was-run")
    said = refusal(folder, {"state_dict": state, "code": Code(marker)})
    check("convert.py runs no code of a checkpoint", said and not os.path.exists(marker), said)


def test_parts():
    """The parts of training that have an equal elsewhere."""
    torch.manual_seed(1)
    module = NeighborhoodAttention(12, 4, rel_pos_bias=True).double()
    module.rpb.data.normal_()
    x, weight = torch.randn(2, 5, 7, 12).double().requires_grad_(), torch.randn(2, 5, 7, 12).double()
    answers = []
    for forward in (NeighborhoodAttention.forward, attention.forward):
        y = forward(module, x)
        answers.append([y] + list(torch.autograd.grad((y * weight).sum(), [x] + list(module.parameters()))))
    worst = max((a - b).abs().max().item() for a, b in zip(*answers))
    check("attention for training is the reference's, and so is its gradient", worst < 1e-10, worst)

    # A blob that is bright where its mask is set must stay so, wherever it goes.
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    masks = (((y - 20) ** 2 + (x - 40) ** 2) < 100).long().expand(8, -1, -1)
    images, moved = augment.move(masks.unsqueeze(1).float().expand(-1, 3, -1, -1), masks, degrees=180, scale=1.4, shift=0.1)
    check("masks move with their pictures", ((images[:, 0] > 0.5) == (moved > 0)).float().mean() > 0.995 and
          not torch.equal(moved, masks))
    matrix = torch.tensor([[50, 10], [5, 35]])
    table = scores.scores(matrix)
    expected = {"dice": 70 / 85, "iou": 35 / 50, "precision": 35 / 45, "recall": 35 / 40,
                "class_mean_dice": (70 / 85 + 100 / 115) / 2}
    check("scores are what they are by hand", all(abs(table[k] - v) < 1e-9 for k, v in expected.items()), table)


def main():
    test_parts()
    with tempfile.TemporaryDirectory() as folder:
        pictures, whole, killed = (os.path.join(folder, name) for name in ("pictures", "whole", "killed"))
        make_pictures(pictures)
        test_training(pictures, whole, killed)
        test_element(pictures, os.path.join(whole, "last.pth"), os.path.join(folder, "model.safetensors"))
        test_refusals(folder, os.path.join(whole, "last.pth"))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
