"""A table of your own: any pandas DataFrame with a column of classes."""

from sklearn.datasets import load_wine

import hf_distill

if __name__ == "__main__":
    frame = load_wine(as_frame=True).frame.rename(columns={"target": "label"})
    hf_distill.distill(frame, size="10%", folder="wine-small")
    print(hf_distill.evaluate("wine-small", frame, quick=True))
