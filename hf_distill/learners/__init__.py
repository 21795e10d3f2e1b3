"""Learners: networks in training that an objective differentiates through, and where their trainings begin."""
