"""Other packages' factorisations as sepkit methods, so that a benchmark measures them as it measures all others."""
