"""``python -m hf_distill`` and ``accelerate launch -m hf_distill``."""

import os
import sys

# `python -m` puts the current folder before all others: a file in it, of a downloaded set say, would be imported in the
# place of a library of that name.
if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from hf_distill.cli.main import main

if __name__ == "__main__":
    main()
