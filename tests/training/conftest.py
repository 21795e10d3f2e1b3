from tests.evaluation.conftest import artifact, one_thread, real, vector_real

__all__ = ["artifact", "one_thread", "real", "vector_real"]
