"""``python -m hf_distill`` and ``accelerate launch -m hf_distill``."""

from hf_distill.cli.main import main

if __name__ == "__main__":
    main()
