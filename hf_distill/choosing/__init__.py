"""The choice of method, size, network and recipe where only the data are given."""
