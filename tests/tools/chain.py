#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole chain from pictures to masks: a few steps of training on the synthetic colonoscopy, a kill, convert.py, the
element; and what convert.py refuses.  chain.py SOURCE_ROOT PLUGIN_FOLDER LMNET_SEGMENT; reports in the Test Anything
Protocol."""
import contextlib
import csv
import json
import os
import re
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

ROOT, PLUGINS, SEGMENT = sys.argv[1:4]
TOOLS = os.path.join(ROOT, "tools")
sys.path.insert(0, TOOLS)
import convert  # noqa: E402
import evaluate  # noqa: E402
from lmtrain import attention, augment, checkpoint, compose, data, folded, kernels, live, losses, marks, sampler, scores  # noqa: E402
from lmnet_reference import LMNet, NeighborhoodAttention  # noqa: E402

SIDE, N, EVERY = 64, 12, 10
os.environ["GST_PLUGIN_PATH"] = PLUGINS
torch.set_num_threads(1)
results = []


def check(name, good, why=""):
    results.append(bool(good))
    print(f"{'ok' if good else 'not ok'} {len(results)} - {name}" + ("" if good else f": {why}"), flush=True)


def frames_of(folder, form, width, height, *properties):
    """N x H x W x channels bytes of endoscopytestsrc's frames."""
    raw = os.path.join(folder, "raw")
    subprocess.run(["gst-launch-1.0", "-q", "endoscopytestsrc", *properties, "!",
                    f"video/x-raw,format={form},width={width},height={height}", "!", "filesink", f"location={raw}"], check=True)
    frames = numpy.fromfile(raw, numpy.uint8).reshape(-1, height, width, 3 if form == "RGB" else 1)
    os.unlink(raw)
    return frames


def make_pictures(folder):
    """Every tenth frame of the synthetic colonoscopy, and its truth."""
    for kind, content, form in (("images", "view", "RGB"), ("masks", "truth", "GRAY8")):
        os.makedirs(os.path.join(folder, kind))
        frames = frames_of(folder, form, SIDE, SIDE, f"num-buffers={N * EVERY}", f"content={content}", "polyps=8")
        for i, frame in enumerate(frames[::EVERY]):
            Image.fromarray(frame.squeeze()).save(os.path.join(folder, kind, f"{i:02}.png"))


def make_clean(folder):
    """Frames without a polyp, in a folder without masks."""
    os.makedirs(os.path.join(folder, "images"))
    for i, frame in enumerate(frames_of(folder, "RGB", SIDE, SIDE, "num-buffers=60", "polyps=0")[::15]):
        Image.fromarray(frame).save(os.path.join(folder, "images", f"{i:02}.png"))


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


def test_live(folder, clean, whole, killed):
    """The recipe live, on two folders, one of them without masks; a run that ends by --minutes, and a kill."""
    def command(out):
        return train_command(folder, out)[:-2] + ["--data", folder, f"{clean}=0.5", "--validation", folder, clean, "--recipe",
                                                  "live", "--cycle", "2", "--device", "cpu"]
    subprocess.run(command(whole), check=True, stdout=subprocess.DEVNULL)
    run = subprocess.run(command(killed) + ["--minutes", "0.0001"], stdout=subprocess.DEVNULL)
    step = checkpoint.load_pth(os.path.join(killed, "state.pth"))["step"]
    check("a run of --minutes stops and says so", run.returncode == 3 and step == 1, f"status {run.returncode}, step {step}")
    os.unlink(os.path.join(killed, "state.pth"))
    step, status = kill_midway(command(killed), os.path.join(killed, "state.pth"))
    check("a live run is killed midway", status == -signal.SIGKILL and 0 < step < 12, f"status {status}, step {step}")
    subprocess.run(command(killed), check=True, stdout=subprocess.DEVNULL)
    a, b = (checkpoint.read(os.path.join(out, "last.pth"))[0] for out in (whole, killed))
    differing = [key for key in a if not torch.equal(a[key], b[key])]
    check("a killed live run ends with the same weights", a.keys() == b.keys() and not differing, differing[:3])
    rows = checkpoint.load_pth(os.path.join(whole, "state.pth"))["rows"]
    rates = [row["lr"] for row in rows]
    check("the learning rate starts anew after a cycle", len(rates) == 3 and rates[1] > 1.5 * rates[0], rates)
    check("a live run's log has the score", all(0 <= row["score"] <= 1.1 for row in rows), rows)


def test_element(folder, clean, weights, model):
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
    test_evaluate(folder, clean, model)


def test_evaluate(folder, clean, model):
    out = {kind: os.path.join(os.path.dirname(model), f"report.{kind}") for kind in ("json", "csv", "png")}
    curves = os.path.join(os.path.dirname(model), "curves.png")
    run = subprocess.run([sys.executable, os.path.join(TOOLS, "evaluate.py"), model, folder, clean, "--score-size",
                          f"{SIDE}x{SIDE}", "--fit", "--json", out["json"], "--csv", out["csv"], "--sheet", out["png"],
                          "--curves", curves], capture_output=True, text=True)
    check("evaluate.py runs", run.returncode == 0 and os.path.exists(curves) and os.path.exists(out["png"]), run.stderr)
    if run.returncode:
        return
    with open(out["json"], encoding="utf-8") as file:
        report = json.load(file)
    tables = {(row["folder"], row["way"][:7]): row for row in report["folders"]}
    near = all(abs(tables[folder, "PyTorch"][key] - tables[folder, "element"][key]) < 0.01
               for key in ("dice", "class_mean_iou", "picture_dice", "found"))
    check("evaluate.py finds both ways equal", near and report["agreement"] > 0.99, report)
    shown = tables[clean, "PyTorch"]
    check("a folder without masks is measured by its false marks",
          shown["clean"] == 4 and shown["polyps"] == 0 and 0 <= shown["clean_marked"] <= 1 and "dice" not in shown, shown)
    with open(out["csv"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    marked = [row for row in rows if row["folder"] == clean and row["way"] == "PyTorch" and int(row["marks"])]
    check("evaluate.py writes a row for each picture", len(rows) == 2 * (N + 4) and len(marked) == 4 * shown["clean_marked"],
          len(rows))

    fit = report["fit"]
    cool = os.path.join(os.path.dirname(model), "cool.safetensors")
    with contextlib.redirect_stdout(None):
        convert.main([model, cool, "--temperature", "2.5", "--min-confidence", "0.75"])
    images = data.load_images([data.pairs(folder)[0][1]], (SIDE, SIDE))
    before, after = (checkpoint.load(path)[0].eval()(data.normalise(images.float() / 255)) for path in (model, cool))
    check("convert.py divides the logits by the temperature", torch.allclose(before / 2.5, after, atol=1e-4))
    check("a file carries its min-confidence", checkpoint.read(cool)[1]["lmnet.min_confidence"] == "0.7500")
    check("evaluate.py fits a temperature", 0.2 <= fit["temperature"] <= 5 and fit["clean_marked"] <= 0.06, fit)


def test_region(folder, model):
    """What is cropped for training is what the element crops."""
    frame = frames_of(folder, "RGB", 320, 180, "num-buffers=31", "screen=octagon")[-1]
    picture, raw = os.path.join(folder, "screen.ppm"), os.path.join(folder, "screen.rgb")
    Image.fromarray(frame).save(picture)
    run = subprocess.run([SEGMENT, "--print-region", picture], capture_output=True, text=True)
    region = run.stdout.split(" ")[0]
    check("lmnet-segment prints a region", run.returncode == 0 and re.fullmatch(r"\d+,\d+,\d+,\d+", region), run.stdout + run.stderr)
    with open(raw, "wb") as file:
        for _ in range(21):
            file.write(frame.tobytes())
    element = subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={raw}", "!", "rawvideoparse", "format=rgb",
                              "width=320", "height=180", "framerate=10/1", "!", "lmnet", f"model={model}", "mode=every-frame",
                              "!", "fakesink"], capture_output=True, text=True,
                             env={**os.environ, "GST_DEBUG": "lmnet:4", "GST_DEBUG_NO_COLOR": "1"})
    used = re.findall(r"region (\d+,\d+,\d+,\d+) of 320 x 180", element.stderr)
    check("it is the element's, and not the whole frame", used and used[-1] == region != "0,0,320,180", f"{used}, {region}")
    for arguments, words in (((), "at least one picture"), ((os.path.join(folder, "none.ppm"),), "none.ppm"),
                             ((raw,), "no binary PPM")):
        run = subprocess.run([SEGMENT, "--print-region", *arguments], capture_output=True, text=True)
        check(f"--print-region says '{words}'", run.returncode and words in run.stderr and not run.stdout, run.stderr)

    screens, cropped = (os.path.join(folder, name) for name in ("screens", "cropped"))
    for kind, pixels in (("images", frame), ("masks", frame[..., 0])):
        os.makedirs(os.path.join(screens, kind))
        Image.fromarray(pixels).save(os.path.join(screens, kind, "a.png"))
    run = subprocess.run([sys.executable, os.path.join(TOOLS, "prepare.py"), "crop", screens, cropped, "--segment", SEGMENT],
                         capture_output=True, text=True)
    x, y, width, height = (int(v) for v in region.split(","))
    expected = frame[y:y + height, x:x + width]
    try:
        alike = all(numpy.array_equal(numpy.array(Image.open(os.path.join(cropped, kind, "a.png"))), pixels)
                    for kind, pixels in (("images", expected), ("masks", expected[..., 0])))
    except OSError as error:
        alike, run.stderr = False, run.stderr + str(error)
    check("prepare.py crops pictures and masks to it", alike, run.stderr)


def refusal(folder, content, *options):
    """convert.py's error about a .pth with that content; '' if it takes it."""
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


def worst_of(old, new, tensors, weight):
    """How far two functions' results and gradients lie apart, relative to the largest value."""
    answers = []
    for function in (old, new):
        y = function()
        answers.append([y] + list(torch.autograd.grad((y.float() * weight).sum(), tensors)))
    return max(((a.float() - b.float()).abs().max() / a.float().abs().max()).item() for a, b in zip(*answers))


def test_kernels():
    kernels.use()
    if kernels.library is None:
        print("# no compiler: kernels are not tested")
        return
    check("kernels leave tiny numbers as they are", (torch.tensor(1e-40) * 0.5).item() > 0)
    for dtype, most in ((torch.float32, 2e-6), (torch.bfloat16, 0.02)):
        torch.manual_seed(2)
        x = torch.randn(2, 12, 9, 32).to(dtype).requires_grad_()
        kernel, bias = torch.randn(12, 1, 5, 5, requires_grad=True), torch.randn(12, requires_grad=True)
        weight = torch.randn(2, 12, 9, 32)
        far = {"depthwise": worst_of(lambda: torch.nn.functional.conv2d(x.float(), kernel, bias, padding=2, groups=12),
                                     lambda: kernels.depthwise(x, kernel, bias), [x, kernel, bias], weight),
               "gelu": worst_of(lambda: torch.nn.functional.gelu(x.float()), lambda: kernels.gelu(x), [x], weight),
               "gelu with channels last": worst_of(lambda: torch.nn.functional.gelu(x.float()), lambda: kernels.gelu(
                   x.contiguous(memory_format=torch.channels_last)), [x], weight)}
        scale, shift = torch.randn(32, requires_grad=True), torch.randn(32, requires_grad=True)
        far["layer norm"] = worst_of(lambda: torch.nn.functional.layer_norm(x.float(), (32,), scale, shift, 1e-5),
                                     lambda: kernels.layer_norm(x, scale, shift, 1e-5), [x, scale, shift], weight)
        qkv = torch.randn(2, 5, 7, 3, 4, 2).to(dtype).requires_grad_()

        def reference():
            q, k, v = qkv.float().permute(3, 0, 4, 5, 1, 2).unbind(0)
            return attention.Attention.apply(q * 0.7, k, v, None).permute(0, 3, 4, 1, 2)
        far["attention"] = worst_of(reference, lambda: kernels.Attention.apply(qkv, 0.7), [qkv], torch.randn(2, 5, 7, 4, 2))
        check(f"kernels compute what PyTorch does in {dtype}", max(far.values()) < most, far)


def test_folded():
    """Run last of the parts: it changes how the network computes."""
    torch.manual_seed(5)
    network = LMNet(filters=(12, 12, 24, 24, 36)).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1), module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5), torch.nn.init.normal_(module.bias, 0, 0.1)
    x = torch.randn(2, 3, 64, 64)
    before = network(x)
    folded.use()
    after = network(x)
    worst = ((before - after).abs().max() / before.abs().max()).item()
    check("the folded network is the same", 0 < worst < 1e-5, worst)
    half = network(x.to(torch.bfloat16, memory_format=torch.channels_last)).float()
    worst = ((before - half).abs().max() / before.abs().max()).item()
    check("in bfloat16 it is nearly the same", 0 < worst < 0.1, worst)
    slopes = torch.autograd.grad(network(x).square().mean(), list(network.parameters()))
    # Squeeze-and-excite of random weights may have no hidden unit above 0.
    idle = [name for (name, _), s in zip(network.named_parameters(), slopes) if ".se." not in name and not s.any()]
    check("all of its parameters learn", all(torch.isfinite(s).all() for s in slopes) and not idle, idle)


def test_losses():
    clean = torch.zeros(2, 16, 16, dtype=torch.long)
    logits = torch.zeros(2, 2, 16, 16)
    logits[:, 0] = 4
    logits[0, 1, 3:6, 3:6] = 6  # a false mark
    logits.requires_grad_()
    loss = losses.live_loss(logits, clean)
    slope, = torch.autograd.grad(loss, logits)
    check("the loss is finite without a polyp", torch.isfinite(loss) and torch.isfinite(slope).all(), loss.item())
    plain, = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, clean), logits)
    slopes = [x[0, 1, 3:6, 3:6].sum().item() for x in (slope, plain)]
    check("it acts on a false mark more than cross-entropy does", slopes[0] > 3 * slopes[1] > 0, slopes)
    missed, small, large = torch.zeros(2, 2, 64, 64), clean.new_zeros(2, 64, 64), clean.new_zeros(2, 64, 64)
    small[0, 10:14, 10:14], large[0, 10:42, 10:42] = 1, 1
    missed.requires_grad_()
    slopes = [torch.autograd.grad(losses.live_loss(missed, target), missed)[0][0, 1][target[0] > 0].sum().item()
              for target in (small, large)]
    check("a small polyp weighs more than its pixels", slopes[0] / slopes[1] > 3 * 16 / 1024, slopes)


def test_sampler():
    torch.manual_seed(3)
    groups = ["a"] * 60 + ["b"] * 20 + ["c"] * 40 + ["d"] * 40
    areas = [0.1] * 50 + [0.005] * 10 + [0.1] * 20 + [0.0] * 80
    drawn = sampler.Sampler(groups, areas, [1.0] * 120 + [0.5] * 40)
    plan = [item for _ in range(300) for item in drawn.batch(16)]
    n, total = len(plan), sum(sampler.SHARES.values())
    shares = {kind: sum(item[0] == kind for item in plan) / n for kind in sampler.SHARES}
    check("a batch's kinds have their shares", all(abs(shares[k] - v / total) < 0.004 for k, v in sampler.SHARES.items()), shares)
    lesions, cleans = ([i for kind, i, _ in plan if kind == name] for name in ("lesion", "clean"))
    of_a = sum(i < 60 for i in lesions) / len(lesions)
    check("hospitals are drawn evenly", abs(of_a - 0.5) < 0.04, of_a)
    small = sum(50 <= i < 60 for i in lesions) / sum(i < 60 for i in lesions)
    check("small polyps are drawn more often", 0.36 < small < 0.5, small)
    of_d = sum(i >= 120 for i in cleans) / len(cleans)
    check("a folder's weight counts", abs(of_d - 1 / 3) < 0.06 and min(cleans) >= 80, of_d)
    check("a polyp is pasted onto a clean picture", all(i >= 80 > other for kind, i, other in plan if kind == "paste"))
    none = sampler.Sampler(["d"] * 4, [0.0] * 4, [1.0] * 4)
    kinds = {kind for _ in range(20) for kind, _, _ in none.batch(16)}
    check("without polyps there are no pictures of them", kinds == {"clean", "unclear"}, kinds)


def test_marks():
    """By hand: 100 x 100 pixels, so that 5 are the smallest finding."""
    p, truth = torch.zeros(3, 100, 100), torch.zeros(3, 100, 100)
    p[0, 10:20, 10:20], truth[0, 10:20, 10:20] = 0.9, 1   # found
    p[0, 20, 20] = 0.7                                    # touches it by a corner
    truth[0, 60:64, 60:64] = 1                            # missed
    p[1, 0:2, 0:2] = 0.99                                 # too small
    p[1, 50:55, 50:52] = 0.8                              # a false mark
    records = marks.inspect(p, truth)
    (confidence, area, hit), = records[0]["findings"]
    check("touching pixels are one finding", abs(area - 0.0101) < 1e-9 and abs(confidence - 90.7 / 101) < 1e-6 and hit, records[0])
    check("polyps are found or not", sorted((round(a, 4), at > 0.89) for a, at in records[0]["polyps"]) ==
          [(0.0016, False), (0.01, True)], records[0])
    check("a false mark is one, and a speck is none", [round(f[1], 4) for f in records[1]["findings"]] == [0.001]
          and not records[1]["findings"][0][2] and not records[2]["findings"], records)
    clean = [{"findings": [(0.5 + i / 200, 0.1, False)], "polyps": []} for i in range(100)]
    at = marks.operating_point(clean)
    check("the operating point marks 6 % of clean pictures", marks.marked_share(clean, at) == 0.06, at)
    shares = marks.found_shares(records, 0)
    check("polyps are counted by size", shares == {"small": 0.5, "mean": 0.5, "all": 0.5}, shares)
    odds = torch.randn(200000) * 2
    truths = (torch.rand(200000) < torch.sigmoid(odds)).float()
    check("a temperature is found", abs(evaluate.fit_temperature(3 * odds, truths) - 3) < 0.1)


def test_compose():
    """Pasting, hiding and cropping keep picture and mask together: the polyp is blue, all else red."""
    torch.manual_seed(4)
    mask = torch.zeros(64, 64, dtype=torch.uint8)
    mask[10:22, 8:20] = 1
    picture = torch.zeros(3, 64, 64)
    picture[0], picture[2] = 0.6 * (mask == 0), 0.6 * mask
    clean = torch.zeros(3, 64, 64)
    clean[0] = 0.6
    agree = []
    for _ in range(10):
        pasted, where = compose.paste(clean, picture, mask)
        agree.append(((pasted[2] > pasted[0]) == (where > 0)).float().mean().item())
    check("a pasted polyp is where its mask is", min(agree) > 0.99 and where.any(), agree)
    cropped = [compose.crop(picture, mask) for _ in range(10)]
    check("a crop leaves the polyp out", all(c is not None and c[2].max() < 0.01 for c in cropped))
    hidden = compose.hide(picture, mask)
    check("a hidden polyp is not to be seen", hidden is not None and hidden[2].max() < 0.1)
    images, masks = (picture[None] * 255).byte().expand(4, -1, -1, -1), mask[None].expand(4, -1, -1)
    shown, true = live.augment(images, masks, [("lesion", i, None) for i in range(3)] + [("unclear", 3, None)], (32, 32))
    check("a picture that cannot be judged has no polyp", true[:3].any() and not true[3].any() and shown.shape == (4, 3, 32, 32))


def main():
    for test in (test_parts, test_kernels, test_losses, test_sampler, test_marks, test_compose, test_folded):
        test()
    attention.use()
    with tempfile.TemporaryDirectory() as folder:
        pictures, clean, whole, killed, model = (os.path.join(folder, name) for name in (
            "pictures", "clean", "whole", "killed", "model.safetensors"))
        make_pictures(pictures)
        make_clean(clean)
        test_training(pictures, whole, killed)
        test_live(pictures, clean, os.path.join(folder, "live"), os.path.join(folder, "live-killed"))
        test_element(pictures, clean, os.path.join(whole, "last.pth"), model)
        test_region(folder, model)
        test_refusals(folder, os.path.join(whole, "last.pth"))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
