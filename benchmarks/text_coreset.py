"""A coreset of texts without labels beside random rows of equal bytes: what a linear classifier learns of them.

    python benchmarks/text_coreset.py --data ag_news_10k

The labels are hidden from the selection. Published rows are compared with the source's, to the byte. The classifier is
scikit-learn's logistic regression of tf-idf, with the rows' weights and without, tested on the source's test split.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from datasets import Dataset
from record import save
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from hf_distill import (
    Coreset,
    FacilityLocationSelector,
    HashedTextFeatures,
    HerdingSelector,
    KCenterSelector,
    KMeansSelector,
    KMeansSensitivitySelector,
    LeverageSelector,
    RowsData,
    Run,
)
from hf_distill.data.sources import open_splits

SELECTORS = {
    "sensitivity": KMeansSensitivitySelector(centres=50),
    "leverage": LeverageSelector(),
    "kmeans": KMeansSelector(),
    "facility location": FacilityLocationSelector(),
    "k-center": KCenterSelector(),
    "herding": HerdingSelector(),
}


def bytes_of(texts: list[str]) -> int:
    """Return the bytes of texts."""
    return sum(len(text.encode()) for text in texts)


def random_rows(train: Dataset, limit: int, seed: int) -> list[int]:
    """Return random rows of so many bytes."""
    order = np.random.default_rng(seed).permutation(len(train)).tolist()
    sizes = np.cumsum([len(text.encode()) for text in train.select(order)["text"]])
    return order[: int((sizes <= limit).sum())]


def main() -> None:
    """Choose, publish, compare and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="fancyzhx/ag_news")
    parser.add_argument("--sizes", type=int, nargs="+", default=[40, 200, 1000])
    parser.add_argument("--draws", type=int, default=5)
    args = parser.parse_args()
    splits, _ = open_splits(args.data)
    train, test = splits["train"], splits["test"]
    hidden = train.remove_columns([name for name in train.column_names if name != "text"])
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2).fit(train["text"][:])
    x, y = vectorizer.transform(test["text"][:]), np.array(test["label"][:])

    def score(rows: list[int], w: np.ndarray | None) -> float:
        own = train.select(rows)
        labels = np.array(own["label"][:])
        if len(set(labels.tolist())) < 2:
            return float((y == labels[0]).mean())
        model = LogisticRegression(C=10, max_iter=500).fit(vectorizer.transform(own["text"][:]), labels, w)
        return float((model.predict(x) == y).mean())

    data = RowsData.from_dataset(hidden, path=args.data).setup()
    seen = HashedTextFeatures().of_rows(data)
    features = HashedTextFeatures()
    features.of_rows = lambda rows: seen  # found once for all selectors
    found = []
    for size in args.sizes:
        for name, selector in SELECTORS.items():
            plain, weighted, rival = [], [], []
            draws = 1 if name in ("herding", "facility location") else args.draws
            for seed in range(draws):
                made = Coreset(selector=selector, features=features, size=size).distill(
                    data, Run(seed=seed, progress=False)
                )
                rows = made.packed.columns["row"]
                with tempfile.TemporaryDirectory() as folder:
                    made.save_pretrained(Path(folder) / "set")
                    table = pq.read_table(next((Path(folder) / "set" / "data").glob("*.parquet"))).select(["text"])
                own = hidden.with_format("arrow")[rows]
                assert table.replace_schema_metadata(None).equals(own.replace_schema_metadata(None))
                plain.append(score(rows, None))
                weighted.append(score(rows, made.w.numpy()))
                rival.append(score(random_rows(train, bytes_of(train.select(rows)["text"][:]), seed), None))
            scores = {"unweighted": plain, "weighted": weighted, "random, equal bytes": rival}
            means = {key: round(float(np.mean(values)), 4) for key, values in scores.items()}
            about = {"random_std": round(float(np.std(rival)), 4), "bytes": bytes_of(train.select(rows)["text"][:])}
            found.append({"rows": size, "selector": name, "draws": draws, **means, **about})
            print(found[-1], flush=True)
    save("text_coreset", found, full=score(list(range(len(train))), None), train_rows=len(train))


if __name__ == "__main__":
    main()
