"""Evaluation: what a distilled set is worth."""

from hf_distill.evaluation.evaluator import Evaluator
from hf_distill.evaluation.recipe import Recipe
from hf_distill.evaluation.result import Evaluation
from hf_distill.evaluation.source import TensorSource
from hf_distill.evaluation.table import render_table
from hf_distill.evaluation.trainer import train_networks

__all__ = ["Evaluation", "Evaluator", "Recipe", "TensorSource", "render_table", "train_networks"]
