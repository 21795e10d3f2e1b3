"""The work of ``hf-distill experts``."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from hf_distill.cli.experts import build_parser
from hf_distill.cli.messages import build, parse
from hf_distill.cli.placing import place
from hf_distill.cli.records import check_configurations
from hf_distill.errors import Interrupted, UserError
from hf_distill.experts.store import RECORD, ExpertStore
from hf_distill.experts.training import ExpertTraining
from hf_distill.files import locked, user_path
from hf_distill.hub.card import source_name
from hf_distill.hub.product import PLACE, write_product_card
from hf_distill.hub.storage import refuse_foreign
from hf_distill.markdown import Markdown, code
from hf_distill.methods.optimized import OptimizedDistillation
from hf_distill.pools.stored import StoredExperts
from hf_distill.runs.processes import check_processes
from hf_distill.table import Table


def run(argv: list[str]) -> None:
    """Train and store."""
    check_configurations(argv)
    parser = build_parser()
    config = parse(parser, argv)
    objects = build(parser, config)
    experts, folder = _wanted(objects)
    named = config.output_dir or Path(folder or f"outputs/experts_{Path(objects.data.path).name}")
    output = user_path(named)
    refuse_foreign(output, marker=RECORD, allowed=(".lock",), what="experts")
    accelerator = Accelerator()
    check_processes(accelerator)
    main = accelerator.is_main_process
    started = time.perf_counter()
    with locked(output) if main else contextlib.nullcontext():
        place(objects.data, accelerator.device)
        objects.data.setup(accelerator.device)
        record = experts.describe(objects.data, config.seed)
        if main:
            ExpertStore.begin(output, record, resume=config.resume, overwrite=config.overwrite)
        accelerator.wait_for_everyone()
        store = ExpertStore.open(output)
        try:
            experts.train(
                objects.data,
                store,
                rank=accelerator.process_index,
                ranks=accelerator.num_processes,
                progress=config.progress and main,
            )
        except KeyboardInterrupt:
            kept = f"{len(store.finished())} of {experts.count} experts are kept"
            raise Interrupted(f"stopped: {kept}; add --resume=true to go on") from None
        accelerator.wait_for_everyone()
    if main:
        _write_card(output, store, experts.network.label, objects.data)
        size = sum(store.path(number).stat().st_size for number in store.finished()) / 2**20
        print(
            f"{named}: {len(store.finished())} experts of {experts.network.label}, {store.epochs + 1} snapshots of "
            f"each, {size:.0f} MiB, in {time.perf_counter() - started:.0f} s"
        )


def _write_card(folder: Path, store: ExpertStore, network: str, data: Any) -> None:
    """Write the card: a function of what is stored, so that a resumed run ends with the same."""
    finished, called = store.finished(), source_name(data.spec.source)
    size = sum(store.path(number).stat().st_size for number in finished)
    lines = [["experts", str(len(finished))], ["snapshots of each", str(store.epochs + 1)], ["bytes", f"{size:,}"]]
    write_product_card(
        folder,
        "experts",
        title=f"{called}, experts for trajectory matching",
        said=Markdown(
            f"{len(finished)} networks {code(network)}, each with its weights before the first and after every "
            f"epoch of its training on the {data.spec.num_rows:,} training rows of {code(called)}. `hf-distill "
            "distill` matches their trajectories (MTT)."
        ),
        source=data.spec.source,
        script=[
            "from safetensors.torch import load_file",
            "",
            f'weights = load_file("{PLACE}/expert-00000.safetensors")  # of each layer, a row an epoch',
        ],
        config=store.record,
        numbers=Table(["what", "number"], lines, right=["number"]),
    )


def _wanted(objects: Any) -> tuple[ExpertTraining, str | None]:
    """Return what is to be trained, and the folder that a configuration names for it.

    Raises:
        UserError: Nothing says it, or two things do.
    """
    method = objects.method
    modules = method.objective.modules() if isinstance(method, OptimizedDistillation) else ()
    pools = [module for module in modules if isinstance(module, StoredExperts)]
    asked: list[tuple[ExpertTraining, str | None]] = [(pool.experts, pool.folder) for pool in pools]
    # Pools that share their experts ask for them once.
    found = [own for place, own in enumerate(asked) if not any(_same(own, other) for other in asked[:place])]
    if objects.experts is not None:
        found.append((objects.experts, None))
    if len(found) != 1:
        raise UserError(
            "say once what is trained: --experts.network=ConvNet, or a --config whose objective has a pool "
            f"StoredExperts (found {len(found)})"
        )
    return found[0]


def _same(one: tuple[ExpertTraining, str | None], other: tuple[ExpertTraining, str | None]) -> bool:
    return one[1] == other[1] and one[0].config() == other[0].config()
