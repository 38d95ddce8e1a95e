#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains LM-Net on folders of pictures and masks, on a CPU or a GPU; docs/training.md says how to use it.

In --out it keeps
    state.pth   all that a run needs to go on; if it is there, the run goes on from it, with the same result
    best.pth    the averaged weights of the epoch with the best score in validation
    last.pth    the averaged weights as they are at the end
    log.csv     a row for each epoch, and curves.png, which shows it
    pictures.pth  the decoded pictures, so that going on takes seconds
Each is replaced whole, so a kill at any moment leaves a state to go on from.
"""
import argparse
import csv
import math
import os
import signal
import sys
import time

import torch
from matplotlib.figure import Figure

from lmtrain import attention, augment, checkpoint, data, folded, kernels, live, losses, marks, memory, sampler, scores
from lmnet_reference import LMNet

# The defaults that each recipe sets.
RECIPES = {
    "paper": {"epochs": 200, "batch": 8, "lr": 1e-3, "min_lr": 1e-6, "weight_decay": 1e-4, "warm_up": 0, "ema": 0.0,
              "multi_scale": 0.0, "clip": 0.0},
    "ours": {"epochs": 200, "batch": 32, "lr": 2e-3, "min_lr": 1e-6, "weight_decay": 1e-2, "warm_up": 250, "ema": 0.999,
             "multi_scale": 0.25, "clip": 1.0},
    "live": {"epochs": 100000, "batch": 16, "lr": 1e-3, "min_lr": 1e-6, "weight_decay": 1e-2, "warm_up": 20, "ema": 0.99,
             "multi_scale": 0.0, "clip": 1.0},
}
STOPPED = 3  # exit status of a run that was stopped, by --minutes or a signal, before its end
LIVE_SUPPLY = 2  # sides of the pictures kept for the recipe `live`, by the network's input: so much can be zoomed into ...
LIVE_SUPPLY_MOST = 384  # ... but more than this the pictures do not have
COLUMNS = ("epoch", "step", "minutes", "lr", "loss", "class_mean_dice", "class_mean_iou", "dice", "iou", "precision", "recall",
           "picture_dice", "picture_iou")
LIVE_COLUMNS = ("score", "found", "found_small", "found_medium", "found_large", "min_confidence", "clean_marked_at_half")
NOT_COMPARED = ("out", "threads", "device", "save_minutes", "data", "validation", "init", "teacher", "minutes", "epochs",
                "bf16")


def weighted_folder(text):
    """(folder, weight) of FOLDER[=WEIGHT] on a command line."""
    folder, found, weight = text.rpartition("=")
    try:
        return (folder, float(weight)) if found else (text, 1.0)
    except ValueError:
        return text, 1.0  # a folder with = in its name


def parse():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--data", required=True, nargs="+", type=weighted_folder, metavar="FOLDER[=WEIGHT]",
                   help="folders with images and masks to learn from; one without masks shows no polyp; a weight says how "
                        "much oftener than others its pictures are drawn (recipe live; default: 1)")
    p.add_argument("--validation", required=True, nargs="+", metavar="FOLDER", help="folders to choose by")
    p.add_argument("--out", required=True, help="folder for states, weights and logs; a state in it is gone on from")
    p.add_argument("--recipe", choices=RECIPES, default="ours", help="what the next options default to (default: ours)")
    p.add_argument("--epochs", type=int, help="over all pictures")
    p.add_argument("--batch", type=int, help="pictures in a step")
    p.add_argument("--lr", type=float, help="learning rate, at its highest")
    p.add_argument("--min-lr", type=float, help="learning rate at the end of the cosine")
    p.add_argument("--weight-decay", type=float)
    p.add_argument("--warm-up", type=int, metavar="STEPS", help="steps in which the learning rate rises")
    p.add_argument("--ema", type=float, metavar="DECAY", help="averaging of the weights, in each step; 0: none")
    p.add_argument("--multi-scale", type=float, metavar="SHARE", help="train at sizes up to that much smaller and larger")
    p.add_argument("--clip", type=float, metavar="NORM", help="longest gradient; 0: any")
    p.add_argument("--size", type=data.network_size, default=(256, 256), metavar="WxH",
                   help="of the network's input (default: 256x256)")
    p.add_argument("--classes", default="background,polyp", help="their names (default: background,polyp)")
    p.add_argument("--widths", default="12,24,48,96,192", help="of the network (default: 12,24,48,96,192)")
    p.add_argument("--heads", type=int, default=12, help="of attention (default: 12)")
    p.add_argument("--init", metavar="FILE", help="weights to start from, .pth or .safetensors; widths and heads follow")
    p.add_argument("--teacher", metavar="FILE", help="a trained network whose probabilities are learned from, too")
    p.add_argument("--distill", type=float, default=0.5, help="share of the loss against the teacher (default: 0.5)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--time-limit", type=float, metavar="MINUTES",
                   help="train so long, however many epochs that makes; the learning rate falls by the clock")
    p.add_argument("--cycle", type=int, default=0, metavar="EPOCHS",
                   help="the learning rate falls in so many epochs and then starts anew; the best epoch is kept (default: "
                        "it falls once, over all epochs)")
    p.add_argument("--minutes", type=float, help="stop after so long; the same command goes on")
    p.add_argument("--save-minutes", type=float, default=5, help="how often the state is saved within an epoch (default: 5)")
    p.add_argument("--threads", type=int, help="of the CPU")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--bf16", action="store_true", help="compute in bfloat16 if that is accurate enough (on a CPU: recipe "
                                                       "live)")
    args = p.parse_args()
    if args.bf16 and not args.device.startswith("cuda") and args.recipe != "live":
        p.error("--bf16 needs a CUDA device, or the recipe live")
    for name, value in RECIPES[args.recipe].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    return args


class Average:
    """An exponential moving average of a network's weights and statistics; early on it follows faster."""

    def __init__(self, model, decay):
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model, step):
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


class Run:
    """One training run: what is saved and restored, and the steps and epochs that change it.

    All randomness of a step follows from the seed and the step's number, so that no generator's state needs saving.
    """

    def __init__(self, args):
        self.args, self.device = args, torch.device(args.device)
        self.classes = [name.strip() for name in args.classes.split(",")]
        self.model, self.heads = self.start()
        self.model.to(self.device)
        self.live = args.recipe == "live"
        self.average = Average(self.model, args.ema)
        self.scored = LMNet(**self.shape).to(self.device)  # holds the averaged weights while they are validated
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        rest = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": args.weight_decay},
                                            {"params": rest, "weight_decay": 0.0}], lr=args.lr)
        self.teacher = checkpoint.load(args.teacher)[0].to(self.device).eval() if args.teacher else None
        self.step, self.seconds, self.loss_sum, self.best, self.rows = 0, 0.0, 0.0, -1.0, []
        self.stopping = False

    def start(self):
        """The network to begin with, and its heads; sets `shape`, from which another like it can be made."""
        args = self.args
        torch.manual_seed(args.seed)
        if args.init:
            model, metadata = checkpoint.load(args.init)
            heads = int(metadata.get("lmnet.heads", args.heads))
            if model.conv1[0].deploy:
                raise SystemExit(f"{args.init}: its branches are fused; training needs them apart")
        else:
            heads = args.heads
            model = LMNet(classes=len(self.classes), filters=[int(w) for w in args.widths.split(",")], heads=heads)
        state = model.state_dict()
        classes = state["output_layer.weight"].shape[0]
        if classes != len(self.classes):
            raise SystemExit(f"{args.init}: {classes} classes, --classes names {len(self.classes)}")
        self.shape = {"classes": len(self.classes), "heads": heads, "rel_pos_bias": "natt1.att1.rpb" in state,
                      "filters": [state[name].shape[0] for name in checkpoint.WIDTH_TENSORS]}
        return model, heads

    # ---- files ----

    def path(self, name):
        return os.path.join(self.args.out, name)

    def settings(self):
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self.args).items() if k not in NOT_COMPARED}

    def save(self):
        checkpoint.save_pth(self.path("state.pth"), {
            "settings": self.settings(), "model": self.model.state_dict(), "average": self.average.state,
            "optimizer": self.optimizer.state_dict(), "step": self.step, "seconds": self.seconds,
            "loss_sum": self.loss_sum, "best": self.best, "rows": self.rows})
        self.saved_at = time.monotonic()

    def restore(self):
        state = checkpoint.load_pth(self.path("state.pth"))
        now = self.settings()
        for name, value in state["settings"].items():
            if name not in NOT_COMPARED and now.get(name) != value:
                raise SystemExit(f"{self.path('state.pth')}: made with --{name.replace('_', '-')} {value}, not "
                                 f"{now.get(name)}; choose another --out to start anew")
        self.model.load_state_dict(state["model"])
        self.average.state = {name: value.to(self.device) for name, value in state["average"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        for name in ("step", "seconds", "loss_sum", "best", "rows"):
            setattr(self, name, state[name])

    def save_weights(self, name):
        width, height = self.args.size
        checkpoint.save_pth(self.path(name), {
            "state_dict": {k: v.cpu() for k, v in self.average.state.items()},
            "metadata": {"lmnet.heads": str(self.heads), "lmnet.input_width": str(width), "lmnet.input_height": str(height),
                         "lmnet.channel_order": "rgb", "lmnet.classes": ",".join(self.classes)}})

    def write_log(self):
        def write(path):
            with open(path, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS + (LIVE_COLUMNS if self.live else ()))
                writer.writeheader()
                writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in self.rows)
        checkpoint.replace(self.path("log.csv"), write)
        draw_curves(self.rows, self.path("curves.png"), ("score", "found_small", "found_medium", "found_large", "dice")
                    if self.live else ("class_mean_dice", "dice", "iou", "picture_dice"))

    # ---- learning ----

    def decoded(self, found, size):
        """The pictures and masks as bytes, from pictures.pth if it is of the same files."""
        key = [f"{path} {os.stat(path).st_mtime_ns}" for pair in found for path in pair[1:] if path] + [str(list(size))]
        try:
            kept = checkpoint.load_pth(self.path("pictures.pth"))
            if kept["key"] == key:
                return kept["images"], kept["masks"]
        except (OSError, checkpoint.CheckpointError):
            pass
        images = data.load_images([f[1] for f in found], size)
        masks = data.load_masks([f[2] for f in found], size, len(self.classes))
        checkpoint.save_pth(self.path("pictures.pth"), {"key": key, "images": images, "masks": masks})
        return images, masks

    def load_data(self):
        args = self.args
        size = args.size
        if self.live:
            size = tuple(min(LIVE_SUPPLY * side, max(LIVE_SUPPLY_MOST, side)) for side in size)
        found, groups, weights = [], [], []
        for folder, weight in args.data:
            new = data.pairs(folder)
            found += new
            groups += [f"{folder}/{stem.partition('_')[0] if '_' in stem else ''}" for stem, _, _ in new]
            weights += [weight] * len(new)
        images, masks = self.decoded(found, size)
        self.images, self.masks = images.to(self.device), masks.to(self.device)
        if self.live:
            areas = [(mask > 0).float().mean().item() for mask in self.masks]
            self.sampler = sampler.Sampler(groups, areas, weights)
        found = [pair for folder in args.validation for pair in data.pairs(folder)]
        self.check_images = data.load_images([f[1] for f in found], args.size).to(self.device)
        self.check_masks = data.load_masks([f[2] for f in found], scores.SCORE_SIZE, len(self.classes)).to(self.device)
        self.steps_per_epoch = max(len(self.images) // args.batch, 1)
        self.n_pictures = min(args.batch, len(self.images))

    def progress(self):
        """The share of the training that is done, 0..1."""
        if self.args.time_limit:
            return min(self.seconds / (60 * self.args.time_limit), 1.0)
        return min(self.step / (self.args.epochs * self.steps_per_epoch), 1.0)

    def learning_rate(self):
        args = self.args
        progress = self.progress()
        if args.cycle:
            steps = args.cycle * self.steps_per_epoch
            progress = self.step % steps / steps
        cosine = args.min_lr + (args.lr - args.min_lr) * 0.5 * (1 + math.cos(math.pi * progress))
        return cosine * min((self.step + 1) / (args.warm_up + 1), 1.0)

    def batch(self):
        """The step's pictures, from the epoch's order or the sampler, and changed at random."""
        if self.live:
            torch.manual_seed((self.args.seed << 32) + self.step)
            plan = self.sampler.batch(self.n_pictures)
            images, masks = live.augment(self.images, self.masks, plan, self.args.size)
            return data.normalise(images), masks
        epoch, index = divmod(self.step, self.steps_per_epoch)
        order = torch.randperm(len(self.images), generator=torch.Generator().manual_seed(self.args.seed * 1_000_003 + epoch))
        chosen = order[index * self.n_pictures:(index + 1) * self.n_pictures].to(self.device)
        torch.manual_seed((self.args.seed << 32) + self.step)
        images, masks = augment.augment(self.images[chosen].float() / 255, self.masks[chosen], self.args.recipe)
        if self.args.multi_scale:
            factor = 1 + self.args.multi_scale * (2 * torch.rand(()).item() - 1)
            height, width = (max(round(side * factor / 16), 2) * 16 for side in images.shape[2:])
            images = torch.nn.functional.interpolate(images, (height, width), mode="bilinear", align_corners=False)
            masks = torch.nn.functional.interpolate(masks[:, None].float(), (height, width), mode="nearest")[:, 0].long()
        return data.normalise(images), masks

    def learn(self):
        """One step; returns its loss."""
        args = self.args
        images, masks = self.batch()
        lr = self.learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.model.train()
        if self.device.type == "cpu" and self.live:
            # The layers compute in their input's type; oneDNN's convolutions of few channels want them last.
            images = images.to(torch.bfloat16 if args.bf16 else torch.float32, memory_format=torch.channels_last)
            logits = self.model(images)
        else:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=args.bf16):
                logits = self.model(images)
        loss = (losses.live_loss if self.live else losses.segmentation_loss)(logits.float(), masks)
        if self.teacher:
            with torch.no_grad():
                soft = self.teacher(images)
            loss = (1 - args.distill) * loss + args.distill * losses.distillation_loss(logits.float(), soft)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if args.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), args.clip)
        self.optimizer.step()
        self.average.update(self.model, self.step)
        self.step += 1
        return loss.item()

    def validate(self):
        """The table's figures of pictures that show something; with the recipe live, what a user sees of all, too."""
        self.scored.load_state_dict(self.average.state)
        self.scored.eval()
        batch, size = 10, (self.check_masks.shape[2], self.check_masks.shape[1])
        matrices, records = [], []
        for i in range(0, len(self.check_images), batch):
            truth = self.check_masks[i:i + batch]
            p = scores.predict(self.scored, self.check_images[i:i + batch], self.args.size)
            if self.live:
                records += marks.inspect(1 - p[:, 0], truth)
            p = torch.nn.functional.interpolate(p, (size[1], size[0]), mode="bilinear", align_corners=False)
            matrices.append(scores.counts(p.argmax(1), truth, p.shape[1]))
        there = (self.check_masks > 0).flatten(1).any(1).cpu()
        row = scores.summarise(torch.cat(matrices)[there if there.any() else slice(None)])
        if self.live:
            row.update(marks.score(records, row["dice"]))
        return row

    def end_epoch(self):
        """Validates, and writes the log, the state and, if they are the best, the weights."""
        steps = self.step - (self.rows[-1]["step"] if self.rows else 0)
        row = {"epoch": math.ceil(self.step / self.steps_per_epoch), "step": self.step, "minutes": self.seconds / 60,
               "lr": self.learning_rate(), "loss": self.loss_sum / max(steps, 1), **self.validate()}
        self.rows.append(row)
        self.loss_sum = 0.0
        print(f"\repoch {row['epoch']:3d}  {row['minutes']:6.1f} min  loss {row['loss']:.4f}  "
              f"class-mean Dice {row['class_mean_dice']:.4f}  Dice {row['dice']:.4f}  IoU {row['iou']:.4f}", flush=True)
        if self.live:
            print("    " + "  ".join(f"{name.replace('_', ' ')} {row[name]:.3f}" for name in LIVE_COLUMNS), flush=True)
        score = row["score" if self.live else "class_mean_dice"]
        if score > self.best:
            self.best = score
            self.save_weights("best.pth")
        self.write_log()
        self.save()

    def show(self, loss):
        """A bar on a terminal; elsewhere a line now and then."""
        index = (self.step - 1) % self.steps_per_epoch + 1
        if sys.stderr.isatty():
            full = 30 * index // self.steps_per_epoch
            print(f"\r[{'#' * full:<30}] {index}/{self.steps_per_epoch} loss {loss:.4f} {100 * self.progress():.1f} % ",
                  end="", file=sys.stderr, flush=True)
        elif index % max(self.steps_per_epoch // 10, 1) == 0:
            print(f"step {self.step}  {self.seconds / 60:.1f} min  loss {loss:.4f}  {100 * self.progress():.1f} %", flush=True)

    def train(self):
        self.load_data()
        self.saved_at = started = time.monotonic()
        while self.progress() < 1 and not self.stopping:
            begin = time.monotonic()
            loss = self.learn()
            if not math.isfinite(loss):
                raise SystemExit(f"step {self.step}: the loss is {loss}")
            self.loss_sum += loss
            self.seconds += time.monotonic() - begin
            self.show(loss)
            if self.step % self.steps_per_epoch == 0:
                self.end_epoch()
            elif time.monotonic() - self.saved_at > 60 * self.args.save_minutes:
                self.save()
            if self.args.minutes and time.monotonic() - started > 60 * self.args.minutes:
                self.stopping = True
        if self.stopping:
            self.save()
            print("stopped; the same command goes on", flush=True)
            raise SystemExit(STOPPED)
        if not self.rows or self.rows[-1]["step"] != self.step:
            self.end_epoch()
        self.save_weights("last.pth")


def draw_curves(rows, path, names):
    figure = Figure(figsize=(10, 4))
    axes = figure.subplots(1, 2)
    steps = [row["step"] for row in rows]
    axes[0].plot(steps, [row["loss"] for row in rows])
    axes[0].set(title="loss in training", xlabel="step")
    for name in names:
        axes[1].plot(steps, [row[name] for row in rows], label=name.replace("_", " "))
    axes[1].set(title="validation", xlabel="step")
    axes[1].legend()
    for axis in axes:
        axis.grid(alpha=0.3)
    checkpoint.replace(path, lambda temporary: figure.savefig(temporary, format="png", dpi=100))


def main():
    args = parse()
    memory.keep()
    if args.threads:
        torch.set_num_threads(args.threads)
    attention.use()
    if args.recipe == "live":
        folded.use()
        kernels.use()
    os.makedirs(args.out, exist_ok=True)
    run = Run(args)

    def stop(*_):
        run.stopping = True
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if os.path.exists(run.path("state.pth")):
        run.restore()
        print(f"going on from {run.path('state.pth')}, step {run.step}", flush=True)
    run.train()
    print(f"best {'score' if run.live else 'class-mean Dice'} {run.best:.4f}: {run.path('best.pth')}")


if __name__ == "__main__":
    try:
        main()
    except checkpoint.CheckpointError as error:
        sys.exit(str(error))
