"""A set of twenty handwritten digits, and what it is worth: nothing but the data and the size is named."""

import hf_distill

if __name__ == "__main__":
    distilled = hf_distill.distill("digits", per_class=2, folder="digits-small")
    print(distilled.to_dataset())
    print(hf_distill.evaluate("digits-small", quick=True))
