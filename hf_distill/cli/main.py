"""``hf-distill COMMAND ...``: finds the command, runs it and turns errors into one line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

from hf_distill import __version__
from hf_distill.configurations import located
from hf_distill.errors import DistillError, Interrupted, UserError
from hf_distill.text import coloured, masked, printable, shorten

_TRACEBACK = "HF_DISTILL_TRACEBACK"
# Characters of a message: a few lines of a terminal.
_LONGEST = 1000

# How long a thread of torch's spins for the next piece of work before it sleeps, in turns of libgomp; its own value
# (300,000) keeps cores from the other threads of a busy machine: a step of two threads then takes ten times as long.
_SPIN = {"GOMP_SPINCOUNT": "1000"}

#: What each does, in the order of the help.
COMMANDS = {
    "distill": "distill a dataset; with --evaluate=true measure it, with --repo_id publish it",
    "evaluate": "train fresh networks on a distilled dataset and on its baselines",
    "audit": "count copies of training rows in a set, and attack networks that are trained on it",
    "compare": "measure several sets of one source by one protocol, beside their baselines",
    "sweep": "measure a fixed number of bits at different precisions, beside baselines",
    "show": "say what a distilled dataset is and what it is worth",
    "train-teacher": "train networks that label, and that sets are distilled from",
    "experts": "train and store the expert trajectories of trajectory matching (MTT, TESLA, DATM)",
    "export": "write a set in the layout of another library",
    "train-generator": "train a small class-conditional diffusion model for GuidedDiffusion",
    "push": "publish a distilled dataset on the Hub",
    "import": "take in a set that another library made: tensors, arrays or a folder of images",
    "configs": "list the configurations that come with the library, or print one",
    "parts": "list the parts that a configuration is made of, or explain one",
    "completion": "print what completes commands and options on tab in a shell",
}

# A module cannot be called like Python's own word.
_MODULES = {"import": "imports"}

# Those with --progress.
_LONG = ("audit", "compare", "distill", "evaluate", "experts", "train-generator", "train-teacher")

# Those whose names are checked before parts are imported.
_LIGHT = ("audit", "compare", "distill", "evaluate", "experts", "sweep", "train-generator", "train-teacher")

_USAGE = """usage: hf-distill COMMAND [options]

Make a dataset 100 to 1000 times smaller, measure what it is worth and publish it.

commands:
{commands}

hf-distill COMMAND --help tells a command's options; --quiet leaves errors alone to be said. A first run:

  pip install "hf-distill[digits]"
  hf-distill distill --config dm_digits
  hf-distill evaluate outputs/dm_digits
  hf-distill push outputs/dm_digits --repo_id your-name/digits
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 the user's mistake, 130 interrupted."""
    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))


def run(argv: list[str]) -> int:
    """Run a command and return its exit code."""
    usage = _USAGE.format(commands="\n".join(f"  {name:17}{text}" for name, text in COMMANDS.items()))
    if not argv or argv[0] in ("-h", "--help"):
        print(usage)
        return 0 if argv else 2
    if argv[0] == "--version":
        print(f"hf-distill {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        return _fail(f"no command {argv[0]!r}; the commands are {', '.join(COMMANDS)}", 2)
    if not (_SPIN.keys() | {"OMP_WAIT_POLICY"}) & os.environ.keys():
        os.environ.update(_SPIN)  # read where torch is imported
    words = [word for word in argv[1:] if word != "--quiet"]
    quiet = len(words) < len(argv) - 1
    if quiet and argv[0] in _LONG:
        words.append("--progress=false")
    try:
        with warnings.catch_warnings(), _silence() if quiet else contextlib.nullcontext():
            warnings.showwarning = _show_warning
            if quiet:
                warnings.simplefilter("ignore")
            # Only the chosen command is imported: help and show come without torch.
            words = located(words)
            command = importlib.import_module(module_of(argv[0]))
            if argv[0] in _LIGHT:
                from hf_distill.cli.early import check_names  # a parser, which the other commands do without

                check_names(command.build_parser, words)
            command.run(words)
    except UserError as error:
        return _fail(str(error), 2)
    except Interrupted as error:
        return _fail(str(error), 130)
    except DistillError as error:
        return _fail(str(error), 1)
    except MemoryError:
        return _fail("out of memory: ask for less at once (fewer samples, a smaller batch or network)", 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:  # who reads has seen enough, `| head` for example
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        # A full disk or a missing permission; whatever was half written has been removed by its writer.
        place = f" ({error.filename})" if error.filename else ""
        hint = "; free some space and run it again, distill with --resume=true" if error.errno == errno.ENOSPC else ""
        return _fail(f"{error.strerror or error}{place}{hint}", 1)
    except Exception as error:  # whatever no one thought of: one line for a user, the traceback for who asks for it
        if os.environ.get(_TRACEBACK):
            raise
        if "can't allocate memory" in str(error) or "out of memory" in str(error):
            return _fail(f"out of memory: ask for less at once ({shorten(str(error))})", 1)
        what = f"unexpected {type(error).__name__}: {shorten(str(error))}"
        return _fail(f"{what}; this is a fault of hf-distill: please report it with what {_TRACEBACK}=1 shows", 1)
    return 0


def module_of(command: str) -> str:
    """Return the import path of a command's module."""
    return f"hf_distill.cli.{_MODULES.get(command, command.replace('-', '_'))}"


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Let nothing be printed but errors."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _show_warning(message: Warning | str, category: type[Warning], *where: object, **options: object) -> None:
    """Print a warning on one line, without the line of code that it comes from."""
    head = coloured("hf-distill: warning:", "yellow", sys.stderr)
    print(f"{head} {shorten(printable(str(message)), _LONGEST)}", file=sys.stderr)


def _fail(message: str, code: int) -> int:
    head = coloured("hf-distill: error:", "red", sys.stderr)
    print(f"{head} {shorten(printable(masked(message)), _LONGEST)}", file=sys.stderr)
    return code
