"""Names of what a sweep is compared with."""

BASELINES = ("start", "float32", "posthoc", "patchwise", "random", "png", "jpeg")
